"""Remarks of tools that fill a profile: read here, kept for a while in the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portico.server.assistants.search.reading import clean, maybe_number
from portico.server.assistants.search.refusals import ProfileInvalid
from portico.server.storage.search_logs import LogEntry

LONGEST_NAME = 1_000
LONGEST_DATA = 200_000


def read_entry(body: Mapping[str, Any]) -> LogEntry:
    """`step`, `level`, `name`, `data`; long texts are cut. Raises ProfileInvalid."""
    level = maybe_number(body.get("level") or 0)
    if level is None or not -1_000 <= level <= 1_000:
        raise ProfileInvalid("level", "send a whole number")
    texts = _text(body, "step", LONGEST_NAME), _text(body, "name", LONGEST_NAME), _text(body, "data", LONGEST_DATA)
    return LogEntry(texts[0], int(level), texts[1], texts[2])


def _text(body: Mapping[str, Any], name: str, longest: int) -> str:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise ProfileInvalid(name, "send a text")
    return str(clean(value or "", name))[:longest]
