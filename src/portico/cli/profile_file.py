"""The text of a credentials file, changed one section at a time; all that is not ours stays as it was.

Reading is the SDK's business (`sdk/credentials.py`); this is the only place that writes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

_HEADER = re.compile(r"\s*\[\s*(.+?)\s*\]\s*")
_ENTRY = re.compile(r"\s*([^=:\s#;][^=:]*?)\s*[=:]\s*(.*)")


def set_entries(text: str, section: str, values: Mapping[str, str]) -> str:
    """The text with these entries in the section; other sections, other entries and comments stay."""
    lines = [f"{name} = {value}" for name, value in values.items()]
    before, own, after = _split(text, section)
    if own is None:
        return _text([*before, *([""] if before and before[-1].strip() else []), f"[{section}]", *lines])
    written = {name.lower() for name in values}
    kept = [line for line in own if not ((entry := _ENTRY.fullmatch(line)) and entry[1].lower() in written)]
    # Blank lines at the end of a section belong between it and the next one.
    body = _text(kept).rstrip("\n").splitlines()
    return _text([*before, *body, *lines, *([""] if after else []), *after])


def remove_section(text: str, section: str) -> str:
    before, _, after = _split(text, section)
    return _text([*before, *after])


def _split(text: str, section: str) -> tuple[list[str], list[str] | None, list[str]]:
    """Lines before the section, the section with its header, lines after it; None when it is not there."""
    lines = text.splitlines()
    headers = [(i, m[1]) for i, line in enumerate(lines) if (m := _HEADER.fullmatch(line))]
    for (start, name), (end, _) in pairwise([*headers, (len(lines), "")]):
        if name == section:
            return lines[:start], lines[start:end], lines[end:]
    return lines, None, []


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step; it is for its owner only, from its first byte on."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = path.resolve()
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
