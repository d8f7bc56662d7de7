"""What the process that reads a file is told, and what it answers."""

from __future__ import annotations

import msgspec

from portico.server.retrieval.blocks import Block, Parsed, ParseOptions
from portico.server.retrieval.parsing.kinds import Kind
from portico.server.retrieval.parsing.wishes import NONE, Wishes


class PageRules(msgspec.Struct, frozen=True):
    """Which parts of a web page are read, and how its links are written; members of a crawl order."""

    selectors: tuple[str, ...] = ("body",)
    link_brackets: bool = False
    ignore_href: bool = False


class SentPage(msgspec.Struct, frozen=True):
    """A page as it came: HTML or plain text. `charset` and `wishes` as the host has told them, or none."""

    url: str
    is_html: bool
    charset: str
    body: bytes
    wishes: Wishes = NONE


class ReadPage(msgspec.Struct, frozen=True):
    """What became of it. `links` are absolute, as the page has them; `wishes` are those of host and page."""

    failure: str = ""
    title: str = ""
    blocks: tuple[Block, ...] = ()
    links: tuple[str, ...] = ()
    wishes: Wishes = NONE


class Order(msgspec.Struct, frozen=True):
    """`as_text`: pages of text are wanted, not blocks. The times are of the processor; the upper ones for pictures.

    The file of the kind `web` are pages that were fetched: an array of SentPage as MessagePack.
    """

    kind: Kind
    path: str
    options: ParseOptions
    as_text: bool
    memory_bytes: int
    most_memory_bytes: int
    time_s: int
    most_time_s: int
    scans_s: float
    characters: int
    page_rules: PageRules = PageRules()


class Outcome(msgspec.Struct, frozen=True):
    """One of the four; `pages` in the order of those sent."""

    failure: str = ""
    texts: tuple[str, ...] = ()
    parsed: Parsed | None = None
    pages: tuple[ReadPage, ...] = ()
