"""Where readers put what they find: blocks with their page and lines, and no more of them than may be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from portico.server.retrieval.blocks import Block, BlockKind
from portico.server.retrieval.parsing.failure import Unreadable

BLOCKS_LIMIT = 1_000_000
_BLANK = re.compile(r"[^\S\n]+")
_UNSEEN = dict.fromkeys([*range(9), *range(14, 32), 127, 0xFFFE, 0xFFFF, 0xFEFF, 0xAD])
"""Control characters, the mark of byte order, the soft hyphen."""


class Pile:
    """Blocks in the order of reading. `page` is set by the reader of a kind of file that has pages."""

    def __init__(self, characters: int) -> None:
        self.blocks: list[Block] = []
        self.skipped: list[str] = []
        self.page: int | None = None
        self.pages = 0
        self._most = self._left = characters
        self._line = 1

    def turn(self, page: int) -> None:
        """What follows stands on this page; its lines count from 1."""
        self.page, self._line = page, 1
        self.pages = max(self.pages, page)

    def add(self, kind: BlockKind, text: str, level: int = 0, lines: tuple[int, int] | None = None) -> None:
        """Blank ones are dropped. `lines` where the file has some: else they are counted here.

        Raises Unreadable when it becomes too much.
        """
        text = clean(text).strip("\n")
        if not text.strip():
            return
        self._left -= len(text)
        if self._left < 0:
            raise Unreadable(f"it holds more than {self._most} characters")
        if len(self.blocks) >= BLOCKS_LIMIT:
            raise Unreadable(f"it holds more than {BLOCKS_LIMIT} paragraphs")
        first, last = lines or (self._line, self._line + text.count("\n"))
        self._line = last + 1
        self.blocks.append(Block(kind, text, level, self.page, first, last))

    def table(self, rows: Sequence[Sequence[str]], lines: tuple[int, int] | None = None) -> None:
        """In Markdown. The header is the first row with more than one cell; what stands above it is text, and so is a
        table of one column, which was there for its looks."""
        kept = [row for row in rows if any(cell.strip() for cell in row)]
        head = find_header(kept)
        for row in kept[:head]:
            self.add("text", " ".join(cell.strip() for cell in row if cell.strip()), lines=lines)
        if kept[head:]:
            self.add("table", write_table(kept[head:], max(map(len, kept[head:]))), lines=lines)


def clean(text: str) -> str:
    """As PostgreSQL and JSON can hold it, with one kind of line ends."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.replace("\f", "\n").replace("\v", "\n").translate(_UNSEEN)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def find_header(rows: Sequence[Sequence[str]]) -> int:
    """The place of the first row that has more than one cell filled; behind the last where none has."""
    return next((place for place, row in enumerate(rows) if sum(1 for cell in row if cell.strip()) > 1), len(rows))


def write_table(rows: Sequence[Sequence[str]], width: int) -> str:
    lines = [_row(row, width) for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def _row(cells: Iterable[str], width: int) -> str:
    written = [cell_text(cell) for cell in cells][:width]
    return "| " + " | ".join(written + [""] * (width - len(written))) + " |"


def cell_text(cell: str) -> str:
    """In one line, its bars quoted."""
    return " ".join(cell.split()).replace("|", "\\|")


def one_space(text: str) -> str:
    """Runs of blanks are one; the ends of lines stay."""
    return "\n".join(line.strip() for line in _BLANK.sub(" ", text).split("\n"))
