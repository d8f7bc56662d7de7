"""The lines of earlier talks: readline with a history file that only its owner can read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LINES = 2000


def history_file() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "portico" / "chat_history"


@contextmanager
def line_editing(words: list[str]) -> Iterator[None]:
    """Line editing for `input`, with the history of earlier talks, and Tab for the given words at a line's start.

    Without readline (some builds of Python lack it) or without a place for the history, a talk is still possible.
    """
    try:
        import readline
    except ImportError:
        yield
        return
    path = _prepare(history_file())
    if path is not None:
        readline.read_history_file(path)
    readline.set_history_length(_LINES)
    readline.set_completer_delims(" ")
    readline.set_completer(lambda text, i: [*(w for w in words if text and w.startswith(text)), None][i])
    readline.parse_and_bind("tab: complete")
    try:
        yield
    finally:
        if path is not None:
            readline.write_history_file(path)
            path.chmod(0o600)
        readline.clear_history()


def _prepare(path: Path) -> Path | None:
    """An existing file of mode 0600, or None where none can be had."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        path.chmod(0o600)
    except OSError:
        return None
    return path
