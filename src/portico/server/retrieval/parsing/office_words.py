"""Paragraphs, items and tables of documents and presentations, whose elements are called alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from portico.server.retrieval.parsing.pile import Pile
from portico.server.retrieval.parsing.zipped import XmlReader


@dataclass(slots=True)
class Paragraph:
    """One being read; `style` and `level` are what its properties say."""

    pieces: list[str] = field(default_factory=list)
    style: str = ""
    outline: int | None = None
    is_item: bool = False
    level: int = 0

    @property
    def text(self) -> str:
        return "\n".join(line.strip() for line in "".join(self.pieces).split("\n")).strip("\n")


@dataclass(slots=True)
class _Table:
    rows: list[list[str]] = field(default_factory=list)


class OfficeWords(XmlReader):
    """Text stands in `t`, in paragraphs `p`, these in cells `tc` of rows `tr`; a box has paragraphs in a paragraph."""

    def __init__(self, pile: Pile) -> None:
        self.pile = pile
        self._paragraphs: list[Paragraph] = []
        self._tables: list[_Table] = []
        self._in_text = False
        self._fallback = 0

    def put(self, paragraph: Paragraph) -> None:
        """What the paragraph is, each kind of file knows."""
        raise NotImplementedError

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        match name:
            case "Fallback":  # the same once more, for old programs
                self._fallback += 1
            case "t":
                self._in_text = True
            case "p":
                self._paragraphs.append(Paragraph())
            case "tab":
                self._say("\t")
            case "br" | "cr":
                self._say("\n")
            case "tbl":
                self._tables.append(_Table())
            case "tr" if self._tables:
                self._tables[-1].rows.append([])
            case "tc" if self._tables:
                if not self._tables[-1].rows:
                    self._tables[-1].rows.append([])
                self._tables[-1].rows[-1].append("")

    def end(self, name: str) -> None:
        match name:
            case "Fallback":
                self._fallback -= 1
            case "t":
                self._in_text = False
            case "p" if self._paragraphs:
                self._end_paragraph(self._paragraphs.pop())
            case "tbl" if self._tables:
                self._end_table(self._tables.pop().rows)

    def text(self, data: str) -> None:
        if self._in_text and not self._fallback:
            self._say(data)

    @property
    def paragraph(self) -> Paragraph | None:
        return self._paragraphs[-1] if self._paragraphs else None

    def _say(self, text: str) -> None:
        if self._paragraphs:
            self._paragraphs[-1].pieces.append(text)

    def _end_paragraph(self, paragraph: Paragraph) -> None:
        if self._tables:
            rows = self._tables[-1].rows
            if rows and rows[-1]:
                rows[-1][-1] += "".join(paragraph.pieces) + "\n"
        elif self._paragraphs:  # one in a box: a line of the paragraph that holds the box
            self._paragraphs[-1].pieces += ["\n", *paragraph.pieces, "\n"]
        else:
            self.put(paragraph)

    def _end_table(self, rows: list[list[str]]) -> None:
        if self._tables:
            inner = "; ".join(", ".join(filter(None, map(str.strip, row))) for row in rows)
            outer = self._tables[-1].rows
            if outer and outer[-1]:
                outer[-1][-1] += inner + "\n"
        else:
            self.pile.table(rows)
