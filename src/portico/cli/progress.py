"""How far a transfer is, on standard error: a bar on a terminal, a line at every tenth of a long one elsewhere.

with transfer("report.pdf", size_bytes) as advance:
    for piece in pieces:
        advance(len(piece))
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .options import Options
from .output import note

Advance = Callable[[int], None]
# Told in lines, a short transfer would be over before its first line is read.
WORTH_LINES_BYTES = 10_000_000
PIECE_BYTES = 256 * 1024


@contextmanager
def transfer(what: str, total_bytes: int | None) -> Iterator[Advance]:
    """Call what it gives with the bytes of each piece. `total_bytes` None: nobody knows how much there is."""
    if sys.stderr.isatty():
        with _bar(what, total_bytes) as advance:
            yield advance
    else:
        yield _Lines(what, total_bytes or 0)


def read_pieces(file: Path, what: str = "") -> Iterator[bytes]:
    """A file, piece by piece, while the bar moves on: for uploads. Raises OSError."""
    with file.open("rb") as source, transfer(what or file.name, file.stat().st_size) as advance:
        while piece := source.read(PIECE_BYTES):
            yield piece
            advance(len(piece))


@contextmanager
def _bar(what: str, total_bytes: int | None) -> Iterator[Advance]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True, no_color=not Options.current().color)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    # It goes when it is done: what was moved is said by the command.
    with Progress(*columns, TransferSpeedColumn(), TimeRemainingColumn(), console=console, transient=True) as bars:
        task = bars.add_task(escape(what), total=total_bytes)
        yield lambda count: bars.advance(task, count)


class _Lines:
    """A line at every tenth, for logs."""

    def __init__(self, what: str, total_bytes: int) -> None:
        self._what, self._total_bytes = what, total_bytes
        self._done_bytes = self._shown = 0

    def __call__(self, count: int) -> None:
        self._done_bytes += count
        if self._total_bytes < WORTH_LINES_BYTES:
            return
        tenth = min(10, 10 * self._done_bytes // self._total_bytes)
        if tenth > self._shown:
            self._shown = tenth
            note(f"{self._what}: {tenth * 10}% of {self._total_bytes / 1e6:.0f} MB")
