"""The text of a credentials file, changed one section at a time; all that is not ours stays as it was.

Reading is done in `credentials.py`; this is the only place that writes. Who changes a file holds its lock meanwhile.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from portico.sdk.errors import ConfigurationError

LONGEST_WAIT_S, TURN_S = 30.0, 0.05

_HEADER = re.compile(r"\s*\[\s*(.+?)\s*\]\s*")
_ENTRY = re.compile(r"\s*([^=:\s#;][^=:]*?)\s*[=:]\s*(.*)")


def set_entries(text: str, section: str, values: Mapping[str, str | None]) -> str:
    """The text with these entries in the section, None takes one away; all other lines stay."""
    lines = [f"{name} = {value}" for name, value in values.items() if value is not None]
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


def rename_section(text: str, section: str, new: str) -> str:
    before, own, after = _split(text, section)
    return _text([*before, f"[{new}]", *own[1:], *after]) if own else text


def read_text(path: Path) -> str:
    """The file as it stands; nothing when it is not there."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def change_profile(path: Path, section: str, values: Mapping[str, str | None]) -> None:
    """Sets entries of one section in the file. The caller holds the lock."""
    write_private(path, set_entries(read_text(path), section, values))


class Lock:
    """The right to change a credentials file, among all threads and processes of this host; it ends with its holder.

    A file beside it is locked, because the credentials file itself is replaced by each change.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = path.resolve()
        self._file = target.with_name(f".{target.name}.lock")
        self._open: int | None = None

    def try_(self) -> bool:
        """True when the lock is ours now; False when somebody else has it."""
        held = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
            return False
        self._open = held
        return True

    def release(self) -> None:
        if self._open is not None:
            os.close(self._open)
            self._open = None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """The lock, waited for. Raises ConfigurationError when somebody keeps it for half a minute."""
    lock = Lock(path)
    end = time.monotonic() + LONGEST_WAIT_S
    while not lock.try_():
        if time.monotonic() > end:
            raise ConfigurationError(f"Another program keeps {path} locked.", hint="Try again when it has ended.")
        time.sleep(TURN_S)
    try:
        yield
    finally:
        lock.release()


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
