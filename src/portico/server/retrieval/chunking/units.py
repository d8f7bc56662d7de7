"""The smallest pieces of a document: paragraphs, items, rows; of those that are too long sentences, lines, words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from portico.server.retrieval.blocks import Block

_SENTENCE = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*+\s++(?=[^a-z])|[。！？]++")
"""Without a way back: a text of a million dots takes no longer than another one."""
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*")
_LINE = re.compile(r"\n")
_CLAUSE = re.compile(r"[,;:)\]|]\s*")
_WORD = re.compile(r"\s+")
_CODE_ENDS = (";", "{", "}", "(", ")", "[", "]", ",", ":", "\\")
_CODE_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Unit:
    """`glue` stands before it when it follows another one. Rows of a table have its `header`, which is repeated above
    them; `lead` stands above the header of the first one."""

    text: str
    page: int | None = None
    first: int = 0
    last: int = 0
    glue: str = "\n\n"
    header: str = ""
    lead: str = ""
    is_prose: bool = False

    @property
    def size(self) -> int:
        lead = len(self.lead) + 2 if self.lead else 0
        return lead + len(self.text) + len(self.glue)


def read_units(block: Block, limit: int) -> Iterator[Unit]:
    """None is longer than `limit`, with its glue, header and lead."""
    glue = "\n" if block.kind == "list_item" else "\n\n"
    is_prose = block.kind in {"text", "image"} and not _is_code(block.text)
    whole = Unit(block.text, block.page, block.line_from, block.line_to, glue, is_prose=is_prose)
    if whole.size <= limit:
        yield whole
    elif block.kind == "table":
        yield from _rows(whole, limit)
    else:
        yield from cut(whole, limit)


def _rows(table: Unit, limit: int) -> Iterator[Unit]:
    """The header is repeated, unless it takes too much of the place."""
    lines = table.text.split("\n")
    header, rows = "\n".join(lines[:2]), lines[2:]
    if not rows or len(header) > limit // 2:
        header, rows = "", lines
    has_lines = table.last - table.first >= len(rows)
    for place, row in enumerate(rows):
        number = table.first + place + (2 if header else 0) if has_lines else table.first
        unit = replace(
            table, text=row, glue="\n", header=header, first=number, last=number if has_lines else table.last
        )
        yield from cut(unit, limit - len(header) - 1)


def cut(unit: Unit, limit: int) -> Iterator[Unit]:
    """Where it hurts least: between paragraphs, sentences, lines, clauses, words; at last anywhere."""
    if unit.size <= limit:
        yield unit
        return
    has_lines = unit.last - unit.first >= unit.text.count("\n")
    line, blank, is_first = unit.first, "", True
    for piece in _pieces(unit.text, max(limit - max(len(unit.glue), 2), 1)):
        text = piece.strip()
        if not text:
            blank += piece
            continue
        blank += piece[: len(piece) - len(piece.lstrip())]
        line += blank.count("\n") if has_lines else 0
        indent = blank.rpartition("\n")[2] if is_first or "\n" in blank else ""
        text = indent + text if len(indent) + len(text) + 2 <= limit else text
        last = line + text.count("\n") if has_lines else unit.last
        yield replace(
            unit, text=text, first=line, last=last, glue=unit.glue if is_first else _glue(blank),
            lead=unit.lead if is_first else "",
        )  # fmt: skip
        line, blank, is_first = last if has_lines else line, piece[len(piece.rstrip()) :], False


def _glue(blank: str) -> str:
    return "\n\n" if blank.count("\n") > 1 else "\n" if "\n" in blank else " " if blank else ""


def _pieces(text: str, limit: int) -> Iterator[str]:
    """They are the text again, put together."""
    is_code = _is_code(text)
    ways: tuple[re.Pattern[str], ...] = (_PARAGRAPH, _LINE) if is_code else (_PARAGRAPH, _SENTENCE, _LINE)
    yield from _divide(text, limit, (*ways, _CLAUSE, _WORD))


def _divide(text: str, limit: int, ways: tuple[re.Pattern[str], ...]) -> Iterator[str]:
    if len(text.strip()) <= limit:
        yield text
        return
    if not ways:
        yield from (text[place : place + limit] for place in range(0, len(text), limit))
        return
    begun = 0
    small = ""
    is_fine = ways[0] in (_CLAUSE, _WORD)
    for end in [*(found.end() for found in ways[0].finditer(text)), len(text)]:
        piece, begun = text[begun:end], end
        # Clauses and words are put together again as far as they fit: they are no units of meaning.
        if is_fine and len((small + piece).strip()) <= limit:
            small += piece
            continue
        if small:
            yield small
            small = ""
        if is_fine and len(piece.strip()) <= limit:
            small = piece
        elif piece:
            yield from _divide(piece, limit, ways[1:])
    if small:
        yield small


def _is_code(text: str) -> bool:
    if text.startswith(("```", "~~~")):
        return True
    lines = [line for line in text.split("\n") if line.strip()][:200]
    return len(lines) > 2 and sum(
        1 for line in lines if line[0].isspace() or line.rstrip().endswith(_CODE_ENDS)
    ) > _CODE_SHARE * len(lines)
