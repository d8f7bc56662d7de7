"""Pages of a crawl to blocks, titles and links: the parts that the selectors name, links written as the order says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import msgspec

from portico.server.retrieval.blocks import Block
from portico.server.retrieval.parsing.failure import Unreadable
from portico.server.retrieval.parsing.html_text import UNSEEN, HtmlReader, decode_html
from portico.server.retrieval.parsing.marked import read_marked
from portico.server.retrieval.parsing.orders import Order, PageRules, ReadPage, SentPage
from portico.server.retrieval.parsing.pile import Pile
from portico.server.retrieval.parsing.plain import decode
from portico.server.retrieval.parsing.selectors import Element, Selector, read_selector
from portico.server.retrieval.parsing.wishes import NONE, read_tag

MOST_LINKS, LONGEST_LINK = 2_000, 2_000
"""Of one page."""
_LOOK = 64
"""Open elements that are looked at for one that is closed without saying so."""
_VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
})  # fmt: skip
_SPECIAL = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html",
    "legend", "li", "main", "menu", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot",
    "th", "thead", "tr", "ul",
})  # fmt: skip
_ENDS_PARAGRAPH = _SPECIAL - {"body", "caption", "html", "legend", "tbody", "td", "tfoot", "th", "thead", "tr"}
_TABLE = frozenset({"table", "html", "body"})
_CLOSES: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "li": (frozenset({"li"}), frozenset({"ul", "ol", "menu", "table"})),
    "dt": (frozenset({"dt", "dd"}), frozenset({"dl", "table"})),
    "dd": (frozenset({"dt", "dd"}), frozenset({"dl", "table"})),
    "td": (frozenset({"td", "th"}), _TABLE | {"tr"}),
    "th": (frozenset({"td", "th"}), _TABLE | {"tr"}),
    "tr": (frozenset({"tr"}), _TABLE | {"tbody", "thead", "tfoot"}),
    "tbody": (frozenset({"tbody", "thead", "tfoot"}), _TABLE),
    "thead": (frozenset({"tbody", "thead", "tfoot"}), _TABLE),
    "tfoot": (frozenset({"tbody", "thead", "tfoot"}), _TABLE),
    "option": (frozenset({"option"}), frozenset({"select"})),
}
"""Which open elements a new one ends, and behind which others they are not looked for."""
_HOLDS_PARAGRAPH = frozenset({"td", "th", "table", "caption", "button", "object", "html"})


def read_web_pages(path: Path, order: Order) -> tuple[ReadPage, ...]:
    """One that is broken does not keep the others from being read."""
    rules = order.page_rules
    selectors = [read_selector(text) for text in rules.selectors]
    pages = msgspec.msgpack.decode(path.read_bytes(), type=tuple[SentPage, ...])
    return tuple(_read(page, rules, selectors, order.characters) for page in pages)


def _read(page: SentPage, rules: PageRules, selectors: Collection[Selector], characters: int) -> ReadPage:
    pile = Pile(characters)
    try:
        if not page.is_html:
            read_marked(decode(page.body), pile, "text")
            return ReadPage(blocks=tuple(pile.blocks), wishes=page.wishes)
        reader = _PageReader(pile, page.url, rules, selectors)
        reader.feed(decode_html(page.body, page.charset))
        reader.close()
        reader.end()
    except Unreadable as error:
        return ReadPage(failure=str(error))
    except (RecursionError, AssertionError, ValueError, LookupError) as error:  # what a parser raises at a broken page
        return ReadPage(failure=f"it is damaged: {type(error).__name__}")
    blocks, wishes = _kept(pile.blocks, reader.title), page.wishes | reader.wishes
    return ReadPage(title=reader.title, blocks=blocks, links=tuple(reader.links), wishes=wishes)


def _kept(blocks: Collection[Block], title: str) -> tuple[Block, ...]:
    """A page of which only the name is left has no text."""
    is_bare = bool(title) and all(block.text == title for block in blocks)
    return () if is_bare else tuple(blocks)


class _PageReader(HtmlReader):
    """Gives to the reader of HTML what lies within the chosen parts; links are collected of the whole page."""

    def __init__(self, pile: Pile, url: str, rules: PageRules, selectors: Collection[Selector]) -> None:
        super().__init__(pile)
        self.links: dict[str, None] = {}
        self.wishes = NONE
        self._base = url
        self._rules = rules
        self._selectors = selectors
        self._is_whole = any(one.is_everything for one in selectors)
        self._open: list[Element] = []
        self._count: Counter[str] = Counter()
        self._chosen: int | None = None
        self._is_titled = False
        self._address = ""
        self._said: list[str] = []

    # --- the parser calls --------------------------------------------------------------------------------------

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "base" and (href := found.get("href")):
            self._base = self._resolve(href) or self._base
        if tag == "meta":
            self.wishes |= read_tag(found.get("name") or "", found.get("content") or "")
        address = self._collect(found) if tag in ("a", "area") else ""
        if not self._is_whole and not self._enter(tag, found):
            return
        if tag == "a":
            self._address, self._said = address, []
        super().handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._write_address()
        if self._is_whole or self._chosen is not None or self._is_titled:
            super().handle_endtag(tag)
        if not self._is_whole:
            self._leave(tag)

    def handle_data(self, data: str) -> None:
        if self._is_whole or self._chosen is not None or self._is_titled:
            self._said += [data] if self._address else []
            super().handle_data(data)

    # --- links -------------------------------------------------------------------------------------------------

    def _resolve(self, href: str) -> str:
        """With its fragment; "" for what is no address of a page."""
        try:
            found = urljoin(self._base, href.strip())
        except ValueError:
            return ""
        return found if found.startswith(("http://", "https://")) and len(found) <= LONGEST_LINK else ""

    def _collect(self, attributes: dict[str, str | None]) -> str:
        """The address, unless it is a place on this page. A link of the kind `nofollow` is written, not gone along."""
        href = attributes.get("href") or ""
        if not href.strip() or href.lstrip().startswith("#"):
            return ""
        found = self._resolve(href)
        is_closed = "nofollow" in (attributes.get("rel") or "").lower().split()
        if found and not is_closed and len(self.links) < MOST_LINKS:
            self.links[urldefrag(found).url] = None
        return found

    def _write_address(self) -> None:
        """Behind the words of a link, unless they are the address, or the link holds whole blocks. Headings have none:
        they are said again above other texts."""
        address, said, self._address = self._address, " ".join("".join(self._said).split()), ""
        is_hidden = self._rules.ignore_href or self._unseen or self._kind == "title"
        if is_hidden or not address or said in ("", address) or not self._pieces:
            return
        self._pieces.append(f" [{address}]" if self._rules.link_brackets else f" {address}")
        self._linked += len(address)

    # --- the chosen parts --------------------------------------------------------------------------------------

    def _enter(self, tag: str, attributes: dict[str, str | None]) -> bool:
        """Remembers the element; whether it is read."""
        self._end_silently(tag)
        element = Element(tag, attributes)
        if tag not in _VOID:
            self._open.append(element)
            self._count[tag] += 1
        if tag == "title" and self._title is None and self._chosen is None:
            self._is_titled = not self._count["svg"]
            return self._is_titled
        if self._chosen is not None or tag in _VOID:
            return self._chosen is not None
        if any(one.fits(self._open) for one in self._selectors):
            self._chosen = len(self._open) - 1
            self.cut()
            return tag not in UNSEEN  # a menu that is chosen is read: what hides it is not passed on
        return False

    def _end_silently(self, tag: str) -> None:
        ended, behind = _CLOSES.get(tag, (frozenset(), frozenset()))
        if ended:
            self._end_nearest(ended, behind)
        if tag in _ENDS_PARAGRAPH and self._count["p"]:
            self._end_nearest(frozenset({"p"}), _HOLDS_PARAGRAPH)

    def _end_nearest(self, ended: frozenset[str], behind: frozenset[str]) -> None:
        for place in range(len(self._open) - 1, max(len(self._open) - 1 - _LOOK, -1), -1):
            if self._open[place].tag in behind:
                return
            if self._open[place].tag in ended:
                self._close_from(place)
                return

    def _leave(self, tag: str) -> None:
        """The end of the nearest such element; of one within a line, not beyond the block that it stands in."""
        if tag == "title":
            self._is_titled = False
        if not self._count[tag]:
            return
        if tag not in _SPECIAL:
            self._end_nearest(frozenset({tag}), _SPECIAL)
            return
        place = next(place for place in range(len(self._open) - 1, -1, -1) if self._open[place].tag == tag)
        self._close_from(place)

    def _close_from(self, place: int) -> None:
        for element in self._open[place:]:
            self._count[element.tag] -= 1
        del self._open[place:]
        if self._chosen is not None and self._chosen >= place:
            self._chosen = None
            self.cut()
