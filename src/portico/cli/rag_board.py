"""The board of states of documents: drawn anew on a terminal as they change, a line at each change elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .options import Options
from .output import cell, note, one_line

if TYPE_CHECKING:
    from rich.console import RenderableType

    from portico.sdk.rag_progress import IndexBoard
    from portico.wire.search import Document

Show = Callable[["IndexBoard"], None]
WORDS = {
    "Unknown": "queued",
    "Starting": "being read",
    "Pending": "being indexed",
    "Success": "searchable",
    "Failed": "failed",
}
STATES = tuple(WORDS)
_COLORS = {"Success": "green", "Failed": "red", "Pending": "yellow", "Starting": "yellow"}
# A board must stay on the screen: of many failures, the first ones.
_MOST_FAILURES = 12


@contextmanager
def live_board(title: str) -> Iterator[Show]:
    """Call what it gives with each board; on a terminal the last one stays."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True, no_color=not Options.current().color)
    with Live(console=console, refresh_per_second=8) as live:
        yield lambda board: live.update(_draw(title, board), refresh=True)


def told(board: IndexBoard) -> str:
    """`12 documents: 3 queued, 1 failed`: one line, for logs."""
    noun = "document" if board.total == 1 else "documents"
    states = ", ".join(f"{count} {WORDS.get(state, state)}" for state, count in board.counts.items() if count)
    return f"{board.total} {noun}" + (f": {states}" if states else "")


def as_json(board: IndexBoard) -> dict[str, Any]:
    """What the board says, for other programs."""
    failed = [{"id": one.id, "name": file_name(one), "indexDetail": one.index_detail} for one in board.failed]
    return {"documents": board.total, "states": dict(board.counts), "failed": failed}


def file_name(document: Document) -> str:
    return name_of({"name": document.name, "extension": document.extension})


def name_of(document: Mapping[str, Any]) -> str:
    return ".".join(str(part) for part in (document.get("name"), document.get("extension")) if part)


class _Lines:
    """A line whenever something has changed."""

    def __init__(self) -> None:
        self._said = ""

    def __call__(self, board: IndexBoard) -> None:
        line = told(board)
        if line != self._said:
            self._said = line
            note(line)


def _draw(title: str, board: IndexBoard) -> RenderableType:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    total = board.total
    head = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=max(total, 1), completed=board.ended, width=32)
    head.add_row(Text(one_line(title), style="bold"), bar, Text(f"{board.ended} of {total}"))
    states = Table.grid(padding=(0, 2))
    for state, count in board.counts.items():
        style = _COLORS.get(state, "") if count else "dim"
        states.add_row(Text(f"{count:>6}", style=style), Text(WORDS.get(state, state), style=style))
    failures = Table.grid(padding=(0, 2))
    for one in board.failed[:_MOST_FAILURES]:
        failures.add_row(Text(f"  {one_line(file_name(one))}", style="red"), Text(cell(one.index_detail)))
    more = len(board.failed) - _MOST_FAILURES
    rest = [Text(f"  and {more} more: portico rag documents list NAME --state Failed")] if more > 0 else []
    return Group(head, states, failures, *rest)
