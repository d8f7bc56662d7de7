"""What is read of a document: blocks in the order of reading, each with its page and lines; and what may be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from portico.server.errors import OutOfRange, PatternMismatch

BlockKind = Literal["title", "text", "list_item", "table", "row", "image"]
PAGE_LIMIT = 1_000_000
DPI_LEAST, DPI_MOST = 36, 600
_YES = frozenset({"true", "1", "yes", "on"})
_NO = frozenset({"false", "0", "no", "off", ""})


class Block(msgspec.Struct, frozen=True):
    """One paragraph, heading, item, table, row or picture.

    `level` is that of a title (1 the highest) or the depth of a list item. A `table` is in Markdown, its first row the
    header; a `row` carries the names of its columns. `page` counts from 1: pages, slides, sheets; None where there are
    none. Lines count from 1, within the page where there are pages; blocks of a recording are one line each, said from
    `start_s` to `end_s` (0: that is not known).
    """

    kind: BlockKind
    text: str
    level: int = 0
    page: int | None = None
    line_from: int = 0
    line_to: int = 0
    start_s: float = 0.0
    end_s: float = 0.0


class ReadyChunk(msgspec.Struct, frozen=True):
    """A chunk that its author made: an element of a `.custom` file."""

    text: str
    metadata: dict[str, Any] = {}


class WebPage(msgspec.Struct, frozen=True):
    """A page of a crawl. Its blocks have no page; their lines are those of its source."""

    url: str
    title: str = ""
    blocks: tuple[Block, ...] = ()


class Parsed(msgspec.Struct, frozen=True):
    """A document. `pages` is their number, those outside of the order included; `skipped` says in sentences what was
    not read; `chunks` are there for a `.custom` file, `crawled` for a `.web` one, and then there are no blocks."""

    blocks: tuple[Block, ...] = ()
    pages: int = 0
    skipped: tuple[str, ...] = ()
    chunks: tuple[ReadyChunk, ...] | None = None
    crawled: tuple[WebPage, ...] | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.blocks or self.chunks or self.crawled)


class ParseOptions(msgspec.Struct, frozen=True):
    """What the one who uploads a file may ask; of the pages of a PDF, presentation or workbook, `end_page` 0 is all."""

    start_page: int = 1
    end_page: int = 0
    structure: str = ""
    password: str = ""
    dpi: int = 200
    strategy: str = "auto"

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> ParseOptions:
        """The documented parameters, as texts of a form or as JSON; those that need a vision or speech model are taken
        and have no effect. Raises OutOfRange or PatternMismatch naming the field.

        Source: ingestion provider reference, parameters.
        """
        first = max(_whole(fields, "startPage", 1, 0, PAGE_LIMIT), 1)
        last = _whole(fields, "endPage", 0, 0, PAGE_LIMIT)
        if 0 < last < first:
            raise OutOfRange("endPage", "not before startPage; 0 is the last page")
        is_fine = _truth(fields, "hiResMode") if "hiResMode" in fields else False
        strategy = _choice(fields, "strategy", ("auto", "hi_res"))
        return cls(
            start_page=first,
            end_page=last,
            structure=_choice(fields, "structure", ("", "table")),
            password=_word(fields, "password"),
            dpi=_whole(fields, "dpi", 200, DPI_LEAST, DPI_MOST),
            strategy="hi_res" if is_fine else strategy,
        )


def _word(fields: Mapping[str, Any], name: str) -> str:
    """Values may arrive in quotes, as in the samples of the documentation."""
    value = fields.get(name)
    if value is None:
        return ""
    text = str(value).strip()
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] == '"' else text


def _whole(fields: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    text = _word(fields, name)
    if not text:
        return default
    if not (text.isascii() and text.lstrip("-").isdigit() and len(text) <= 12):
        raise PatternMismatch(name, "send a whole number")
    if not least <= int(text) <= most:
        raise OutOfRange(name, f"from {least} to {most}")
    return int(text)


def _choice(fields: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    text = _word(fields, name)
    found = next((one for one in allowed if one.lower() == text.lower()), None)
    if found is None and text:
        raise PatternMismatch(name, f"send {' or '.join(filter(None, allowed))}")
    return found or allowed[0]


def _truth(fields: Mapping[str, Any], name: str) -> bool:
    text = _word(fields, name).lower()
    if text not in _YES | _NO:
        raise PatternMismatch(name, "send true or false")
    return text in _YES
