"""A web page to blocks: what one reads of it, without scripts, styles, menus and forms."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal

from portico.server.retrieval.parsing.pile import Pile, one_space
from portico.server.retrieval.parsing.plain import decode

UNSEEN = frozenset({
    "script", "style", "template", "noscript", "nav", "svg", "math", "object", "iframe", "select", "button",
    "datalist", "canvas", "audio", "video",
})  # fmt: skip
_TITLES = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "details", "div", "dl", "fieldset",
    "figcaption", "figure", "footer", "form", "header", "hr", "html", "legend", "main", "ol", "p", "section", "summary",
    "ul",
})  # fmt: skip
_LISTS = frozenset({"ul", "ol", "dl", "menu"})
_CHARSET = re.compile(rb"<(?:meta[^>]{0,200}charset|\?xml[^>]{0,200}encoding)\s*=\s*[\"']?\s*([\w-]+)", re.I)
_CELL_LONGEST = 2000
_MENUS = (("role", "navigation"), ("role", "menu"), ("role", "menubar"), ("role", "search"))
_MENU_LONGEST = 80
_LINKED = 0.8
"""How much of a block is links when it is one of a menu."""
_Kind = Literal["title", "text", "list_item"]


def read_html(path: Path, pile: Pile) -> None:
    put_html(decode_html(path.read_bytes()), pile)


def put_html(text: str, pile: Pile) -> None:
    """The blocks of one page; lines are those of the file where the pile has no page."""
    reader = HtmlReader(pile)
    reader.feed(text)
    reader.close()
    reader.end()


def decode_html(data: bytes, charset: str = "") -> str:
    """As the host says (`charset`), or the page itself, unless it is UTF-8 anyway."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        found = _CHARSET.search(data[:4096])
        told = charset or (found[1].decode("ascii") if found else "")
    try:
        return data.decode(told, "replace") if told else decode(data)
    except (LookupError, ValueError):  # an encoding that there is not, or none of text
        return decode(data)


class HtmlReader(HTMLParser):
    """Fed with a page, it fills the pile; `title` is the name of the page."""

    def __init__(self, pile: Pile) -> None:
        super().__init__(convert_charrefs=True)
        self._pile = pile
        self._before = len(pile.blocks)
        self._menu: list[tuple[_Kind, str]] = []
        self._is_begun = False
        self._links = self._linked = 0
        self._pieces: list[str] = []
        self._kind: _Kind = "text"
        self._level = 0
        self._begun = 1
        self._unseen: list[str] = []
        self._lists: list[str] = []
        self._pre = 0
        self._is_exact = False
        self._title: str | None = None
        self._tables: list[_Table] = []

    # --- the parser calls --------------------------------------------------------------------------------------

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if (
            tag in UNSEEN
            or (self._unseen and tag == self._unseen[-1])
            or (not self._unseen and tag in _BLOCKS and any(pair in _MENUS for pair in attrs))
        ):
            self._unseen.append(tag)
        if self._unseen:
            return
        if tag == "a":
            self._links += 1
        elif tag == "title":
            self._flush()
            self._title = ""
        elif tag in _TITLES:
            self._break("title", _TITLES[tag])
        elif tag in _LISTS:
            self._break("text")
            self._lists.append(tag)
        elif tag in {"li", "dt"}:
            self._break("list_item", max(len(self._lists), 1))
            self._pieces.append("- " if tag == "li" and not self._tables else "")
        elif tag == "pre":
            self._break(self._kind if self._kind == "list_item" and self._lists else "text", self._level)
            self._pre += 1
            self._is_exact = True
        elif tag in {"table", "tr", "td", "th"}:
            self._start_table(tag)
        elif tag == "br":
            self._pieces.append("\n")
        elif tag == "img":
            self._pieces.append(f" {alt} " if (alt := dict(attrs).get("alt")) else "")
        elif tag in _BLOCKS or tag == "dd":
            self._part()

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unseen:
            while self._unseen.pop() != tag:
                pass
            return
        if self._unseen:
            return
        if tag == "a":
            self._links = max(self._links - 1, 0)
        elif tag == "title" and self._title is not None:
            self._title = " ".join("".join(self._pieces).split())
            self._pieces.clear()
        elif tag in _TITLES:
            self._break("text")
        elif tag in _LISTS and self._lists:
            self._break("text")
            self._lists.pop()
        elif tag == "pre" and self._pre:
            self._pre -= 1
            self._part()
        elif tag in {"table", "tr", "td", "th"}:
            self._end_table(tag)
        elif tag in _BLOCKS or tag in {"li", "dd", "dt"}:
            self._part()

    def handle_data(self, data: str) -> None:
        if self._unseen:
            return
        if not self._pieces:
            self._begun = self.getpos()[0]
        self._pieces.append(data if self._pre else re.sub(r"\s+", " ", data))
        self._linked += len("".join(data.split())) if self._links else 0

    @property
    def title(self) -> str:
        return self._title or ""

    def cut(self) -> None:
        """What comes next has nothing to do with what came before, whatever of that was left open."""
        while self._tables:
            self._end_table("table")
        self._break("text")
        self._unseen.clear()
        self._lists.clear()
        self._pre = self._links = 0

    def end(self) -> None:
        while self._tables:
            self._end_table("table")
        self._flush()
        if len(self._pile.blocks) == self._before:  # a page of links alone
            for kind, text in self._menu:
                self._pile.add(kind, text, 1)
        self._put_title()

    def _put_title(self) -> None:
        """The name of the page stands above it, unless its headings begin with one of their own."""
        blocks = self._pile.blocks
        titles = [block for block in blocks[self._before :] if block.kind == "title"]
        is_said = any(block.level == 1 for block in titles) or [block.text for block in titles[:1]] == [self._title]
        if self._title and not is_said:
            count = len(blocks)
            self._pile.add("title", self._title, 1, (1, 1))
            if len(blocks) > count:
                blocks.insert(self._before, blocks.pop())

    # --- blocks ------------------------------------------------------------------------------------------------

    def _part(self) -> None:
        """A paragraph ends; within an item it is a line of the item, within a cell a blank."""
        if self._tables or (self._lists and self._kind == "list_item"):
            self._pieces.append("\n")
        else:
            self._break("text")

    def _break(self, kind: _Kind, level: int = 0) -> None:
        if self._tables:
            self._pieces.append("\n")
            return
        self._flush()
        self._kind, self._level = kind, level

    def _is_menu(self, text: str, linked: int) -> bool:
        """Links above the first heading or paragraph lead away from the page."""
        if self._kind == "title" or (len(text) > _MENU_LONGEST and linked < len(text) // 2):
            self._is_begun = True
        return self._kind != "title" and linked >= _LINKED * len(re.sub(r"^- |\s", "", text)) > 0

    def _flush(self) -> None:
        raw, is_exact = "".join(self._pieces), self._is_exact
        self._pieces.clear()
        self._is_exact = self._pre > 0
        if not raw.strip(" \n-"):
            return
        text = raw.strip("\n").rstrip() if is_exact else re.sub(r"\n{2,}", "\n", one_space(raw)).strip()
        text = re.sub(r"^-\n", "- ", text)
        linked, self._linked = self._linked, 0
        if not self._is_begun and self._is_menu(text, linked):
            self._menu.append((self._kind, text))
            return
        lines = (self._begun, max(self._begun, self.getpos()[0])) if self._pile.page is None else None
        self._pile.add(self._kind, text, self._level, lines)

    # --- tables: one in another is part of its cell ------------------------------------------------------------

    def _start_table(self, tag: str) -> None:
        if tag == "table":
            if not self._tables:
                self._flush()
            self._tables.append(_Table("".join(self._pieces), self.getpos()[0]))
            self._pieces.clear()
        elif self._tables and tag == "tr":
            self._end_cell()
            self._tables[-1].rows.append([])
        elif self._tables:
            self._end_cell()
            self._tables[-1].is_open = True

    def _end_table(self, tag: str) -> None:
        if not self._tables:
            return
        self._end_cell()
        if tag != "table":
            return
        table = self._tables.pop()
        if self._tables:
            inner = "; ".join(table.captions) + "; ".join(
                ", ".join(filter(None, map(str.strip, row))) for row in table.rows
            )
            self._pieces[:] = [table.before, inner, " "]
            return
        rows = table.rows
        self._pile.add("text", one_space("\n".join(table.captions)).strip())
        lines = (table.line, max(table.line, self.getpos()[0])) if self._pile.page is None else None
        if any(len(cell) > _CELL_LONGEST for row in rows for cell in row):
            for cell in (cell for row in rows for cell in row):
                self._pile.add("text", one_space(cell), lines=lines)
        else:
            self._pile.table(rows, lines)
        self._kind, self._level = "text", 0

    def _end_cell(self) -> None:
        table, text = self._tables[-1], "".join(self._pieces)
        if table.is_open:
            if not table.rows:
                table.rows.append([])
            table.rows[-1].append(text)
        elif text.strip():  # a caption, or words where none may stand
            table.captions.append(text)
        self._pieces.clear()
        table.is_open = False


class _Table:
    def __init__(self, before: str, line: int) -> None:
        self.before = before
        self.line = line
        self.captions: list[str] = []
        self.rows: list[list[str]] = []
        self.is_open = False
