"""Texts for people to blocks: Markdown, reStructuredText, Org and plain text, by what their lines look like.

The text stays as it is written; what is found is where a heading, an item, a table or a piece of code begins and ends.
"""

from __future__ import annotations

import re
from typing import Literal

from portico.server.retrieval.blocks import BlockKind
from portico.server.retrieval.parsing.pile import Pile

Flavour = Literal["markdown", "rst", "org", "text"]
_ATX = re.compile(r" {0,3}(#{1,6})[ \t]+(\S.*)")
_ORG = re.compile(r"(\*{1,8})[ \t]+(.*\S)")
_ORG_TITLE = re.compile(r"#\+title:[ \t]*(.*\S)", re.I)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ORG_FENCE = re.compile(r"[ \t]*#\+begin_(\w+)", re.I)
_LINE = re.compile(r"([=\-~^\"'`#*+.:_])\1{2,}[ \t]*$")
_ITEM = re.compile(r"([ \t]*)(?:[-*+•–]|\d{1,4}[.)]|[A-Za-z][.)])[ \t]+\S")
_DELIMITER = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*([|+][ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_HEADING_LONGEST = 200


def read_marked(text: str, pile: Pile, flavour: Flavour) -> None:
    """Lines are those of the file, from 1, where the pile has no page."""
    _Marked(text, pile, flavour).read()


class _Marked:
    def __init__(self, text: str, pile: Pile, flavour: Flavour) -> None:
        self._lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._pile = pile
        self._flavour = flavour
        self._at = 0
        self._marks: list[str] = []

    def read(self) -> None:
        ways = {
            "markdown": (self._fence, self._atx, self._underlined, self._table, self._item),
            "rst": (self._underlined, self._table, self._item),
            "org": (self._org_fence, self._org, self._table, self._item),
            "text": (self._underlined, self._item),
        }[self._flavour]
        while self._at < len(self._lines):
            if not self._lines[self._at].strip():
                self._at += 1
            elif not any(way() for way in ways):
                self._paragraph(1)

    def _line(self, place: int) -> str:
        return self._lines[place] if 0 <= place < len(self._lines) else ""

    def _put(self, kind: BlockKind, to: int, text: str = "", level: int = 0) -> bool:
        """What stands from here to the line before `to` is one block."""
        lines = (self._at + 1, to) if self._pile.page is None else None
        self._pile.add(kind, text or "\n".join(self._lines[self._at : to]), level, lines)
        self._at = to
        return True

    # --- headings ----------------------------------------------------------------------------------------------

    def _atx(self) -> bool:
        found = _ATX.match(self._line(self._at))
        if found is None or not found[2]:
            return False
        return self._put("title", self._at + 1, _unquoted(found[2].rstrip().rstrip("#").rstrip()), len(found[1]))

    def _org(self) -> bool:
        line = self._line(self._at)
        if told := _ORG_TITLE.match(line):
            return self._put("title", self._at + 1, told[1], 1)
        found = _ORG.match(line)
        if found is None:
            return False
        return self._put("title", self._at + 1, found[2], len(found[1]))

    def _underlined(self) -> bool:
        """A line of text with a line of signs below it, and in reStructuredText maybe one above."""
        line, below, third = (self._line(self._at + step) for step in range(3))
        if _LINE.match(line) and _is_mark(third, below) and third[0] == line[0] and not _LINE.match(below):
            return self._put("title", self._at + 3, below.strip(), self._level(line[0] * 2))
        if line[:1].isspace() or not _is_mark(below, line) or _LINE.match(line):
            return False
        if self._flavour == "markdown":
            if below[0] not in "=-" or _ITEM.match(line):
                return False
            return self._put("title", self._at + 2, line.strip(), 1 if below[0] == "=" else 2)
        return self._put("title", self._at + 2, line.strip(), self._level(below[0]))

    def _level(self, mark: str) -> int:
        """Which sign is which level says the order in which they come."""
        if mark not in self._marks:
            self._marks.append(mark)
        return self._marks.index(mark) + 1

    # --- whole pieces ------------------------------------------------------------------------------------------

    def _fence(self) -> bool:
        found = _FENCE.match(self._line(self._at))
        if not found:
            return False
        end = self._at + 1
        while end < len(self._lines) and not self._line(end).lstrip(" ").startswith(found[1]):
            end += 1
        return self._put("text", min(end + 1, len(self._lines)))

    def _org_fence(self) -> bool:
        found = _ORG_FENCE.match(self._line(self._at))
        if not found:
            return False
        end, over = self._at + 1, f"#+end_{found[1]}".lower()
        while end < len(self._lines) and self._line(end).strip().lower() != over:
            end += 1
        return self._put("text", min(end + 1, len(self._lines)))

    def _table(self) -> bool:
        head, below = self._line(self._at), self._line(self._at + 1)
        if "|" not in head or not ("|" in below or "+" in below) or not _DELIMITER.match(below):
            return False
        end = self._at + 2
        while "|" in self._line(end):
            end += 1
        lines = [self._lines[self._at].strip(), below.strip().replace("+", "|")]
        rows = [line.strip() for line in self._lines[self._at + 2 : end]]
        return self._put("table", end, "\n".join(lines + [row for row in rows if not _DELIMITER.match(row)]))

    def _item(self) -> bool:
        """An item, with the lines that belong to it: those that follow, and indented ones behind a blank line."""
        line = self._line(self._at)
        found = _ITEM.match(line)
        if not found:
            return False
        depth, end = len(found[1].expandtabs(4)), self._at + 1
        while end < len(self._lines):
            line = self._line(end)
            if not line.strip():
                if self._line(end + 1)[: depth + 2].strip() or not self._line(end + 1).strip():
                    break
            elif _ITEM.match(line) or self._begins(end):
                break
            end += 1
        return self._put("list_item", end, level=depth // 2 + 1)

    def _paragraph(self, least: int) -> None:
        end = self._at + least
        while self._line(end).strip() and not self._begins(end) and not _starts_list(self._lines, end, self._at):
            end += 1
        self._put("text", end)

    def _begins(self, place: int) -> bool:
        """Whether something else begins in the middle of lines that follow each other."""
        line = self._line(place)
        match self._flavour:
            case "markdown":
                is_setext = bool(_LINE.match(self._line(place + 1))) and self._line(place + 1)[0] == "="
                is_table = (
                    "|" in line and "|" in self._line(place + 1) and bool(_DELIMITER.match(self._line(place + 1)))
                )
                return bool(_ATX.match(line) or _FENCE.match(line)) or is_setext or is_table
            case "org":
                return bool(_ORG.match(line) or _ORG_FENCE.match(line))
        return False


def _starts_list(lines: list[str], place: int, begun: int) -> bool:
    """An item right below a paragraph, as Markdown has it; not a line of an indented piece."""
    found = _ITEM.match(lines[place])
    return bool(found) and not lines[begun][:1].isspace() and not lines[place].lstrip()[:1].isalpha()


def _is_mark(line: str, text: str) -> bool:
    """A line of signs that is about as long as the text above it."""
    length = len(text.strip())
    if not _LINE.match(line) or not 0 < length <= _HEADING_LONGEST:
        return False
    return abs(len(line.strip()) - length) <= max(2, length // 4) or (line[0] in "=-" and len(line.strip()) > length)


def _unquoted(text: str) -> str:
    return text.replace("`", "").replace("**", "").strip() or text
