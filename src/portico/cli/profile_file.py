"""The text of a credentials file, changed one section at a time; all that is not ours stays as it was.

Reading is the SDK's business (`sdk/credentials.py`); this is the only place that writes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

_HEADER = re.compile(r"\s*\[\s*(.+?)\s*\]\s*")
_ENTRY = re.compile(r"\s*([^=:\s#;][^=:]*?)\s*[=:]\s*(.*)")


def set_entries(text: str, section: str, values: Mapping[str, str]) -> str:
    """The text with these entries in the section; other sections, other entries and comments stay."""
    before, own, after = _split(text, section)
    written = {name.lower() for name in values}
    kept = [line for line in own if not ((m := _ENTRY.fullmatch(line)) and m[1].lower() in written)]
    while kept and not kept[-1].strip():
        kept.pop()
    lines = [f"{name} = {value}" for name, value in values.items()]
    gap = [""] if before and before[-1].strip() else []
    return "\n".join([*before, *gap, f"[{section}]", *kept, *lines, *([""] if after else []), *after]) + "\n"


def remove_section(text: str, section: str) -> str:
    before, _, after = _split(text, section)
    return "\n".join([*before, *after]).rstrip("\n") + "\n"


def _split(text: str, section: str) -> tuple[list[str], list[str], list[str]]:
    """Lines before the section, its own without the header, and those after it; all before when it is not there."""
    lines = text.splitlines()
    headers = [(i, m[1]) for i, line in enumerate(lines) if (m := _HEADER.fullmatch(line))]
    for position, (start, name) in enumerate(headers):
        if name == section:
            end = headers[position + 1][0] if position + 1 < len(headers) else len(lines)
            return lines[:start], lines[start + 1 : end], lines[end:]
    return lines, [], []


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
