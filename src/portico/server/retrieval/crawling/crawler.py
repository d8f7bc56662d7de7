"""A crawl, breadth first: an order in, the pages of a site out, and in sentences what was left out.

Pages are fetched here, one at a time, and read in the bounded process of the parser, a few at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from portico.server.errors import ContentUnreadable
from portico.server.providers.fetcher import Fetcher
from portico.server.retrieval.blocks import Parsed, WebPage
from portico.server.retrieval.crawling.addresses import Scope, maybe_address, target_of
from portico.server.retrieval.crawling.order import LIMIT_BYTES, CrawlOrder, read_order
from portico.server.retrieval.crawling.refusals import NothingCrawled
from portico.server.retrieval.crawling.telling import Told
from portico.server.retrieval.crawling.visit import Missed, Sleep, Visitor
from portico.server.retrieval.parse import Parser
from portico.server.retrieval.parsing.orders import PageRules, ReadPage, SentPage
from portico.server.retrieval.refusals import NoText

_READ_BYTES, _READ_PAGES = 8 * 1024 * 1024, 16
"""So much is read by one process at a time, and held in memory."""
_OTHER = frozenset({
    "7z", "aac", "avi", "bin", "bmp", "bz2", "css", "csv", "dmg", "doc", "docx", "eot", "epub", "exe", "flac", "gif",
    "gz", "ico", "iso", "jar", "jpeg", "jpg", "js", "json", "m4a", "mjs", "mkv", "mov", "mp3", "mp4", "mpeg", "msi",
    "odp", "ods", "odt", "ogg", "otf", "pdf", "png", "ppt", "pptx", "rar", "rss", "svg", "tar", "tgz", "tif", "tiff",
    "ttf", "wasm", "wav", "webm", "webp", "woff", "woff2", "xls", "xlsx", "xml", "xz", "zip",
})  # fmt: skip
"""Endings of what is no page: not even asked for."""
Going = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class CrawlBounds:
    """What one crawl may take. `pages` are addresses asked for, robots.txt and redirects not counted."""

    pages: int = 200
    page_bytes: int = 5 * 1024**2
    total_bytes: int = 200 * 1024**2
    characters: int = 20_000_000
    time_s: float = 900.0


class Crawler:
    """One per process."""

    def __init__(
        self, fetcher: Fetcher, parser: Parser, bounds: CrawlBounds = CrawlBounds(), sleep: Sleep = asyncio.sleep
    ) -> None:
        self._fetcher = fetcher
        self._parser = parser
        self._bounds = bounds
        self._sleep = sleep

    async def crawl(self, path: Path, going: Going) -> Parsed:
        """The file is the order; `going` is called again and again meanwhile, and may raise to end it.

        Raises CrawlOrderInvalid, NothingCrawled, NoText (all 400, id 45).
        """
        order = read_order(await asyncio.to_thread(_read_start, path))
        visitor = Visitor(self._fetcher, order.timeout_s, self._bounds.page_bytes, self._sleep)
        return await _Crawl(order, self._bounds, visitor, self._parser, going).run()


class _Crawl:
    """The state of one."""

    def __init__(self, order: CrawlOrder, bounds: CrawlBounds, visitor: Visitor, parser: Parser, going: Going) -> None:
        self._order, self._bounds = order, bounds
        self._visitor, self._parser, self._going = visitor, parser, going
        self._rules = PageRules(order.selectors, order.link_brackets, order.ignore_href)
        self._scope: Scope | None = None
        self._next: list[str] = []
        self._is_last = False
        self._seen = {_key(order.url)}
        self._read: set[int] = set()
        self._digests: set[bytes] = set()
        self._pages: list[WebPage] = []
        self._told = Told()
        self._asked = self._bytes = self._characters = 0
        self._ends_at = asyncio.get_running_loop().time() + bounds.time_s

    async def run(self) -> Parsed:
        level = [self._order.url]
        for depth in range(self._order.max_depth + 1):
            self._next, self._is_last = [], depth == self._order.max_depth
            await self._read_level(level)
            level = self._next
            if not level or self._told.stopped:
                break
        return self._result()

    async def _read_level(self, level: Sequence[str]) -> None:
        held: list[SentPage] = []
        for address in level:
            if self._is_over():
                break
            page = await self._maybe_fetch(address)
            held += [page] if page is not None else []
            if len(held) == _READ_PAGES or sum(len(one.body) for one in held) >= _READ_BYTES:
                await self._read_pages(held)
                held = []
        await self._read_pages(held)

    def _is_over(self) -> bool:
        """Asked before a page that is known: when it stops here, there is more."""
        bounds, told = self._bounds, self._told
        if self._asked >= bounds.pages:
            told.stop(f"after {bounds.pages} pages (PORTICO_CRAWL_PAGES)")
        elif self._bytes >= bounds.total_bytes:
            told.stop(f"after {bounds.total_bytes // 1024**2} MiB")
        elif self._characters >= bounds.characters:
            told.stop(f"after {bounds.characters} characters of text")
        return bool(told.stopped) or self._is_late()

    def _is_late(self) -> bool:
        if asyncio.get_running_loop().time() >= self._ends_at:
            self._told.stop(f"after {self._bounds.time_s / 60:g} minutes")
        return bool(self._told.stopped)

    async def _maybe_fetch(self, address: str) -> SentPage | None:
        """None for what is missed, which is told, and for what was there before under another address."""
        await self._going()
        if _key(address) in self._read:  # an earlier one has led to it
            return None
        self._asked += 1
        try:
            page = await self._visitor.visit(address, self._allows)
        except Missed as missed:
            self._told.miss(address, missed)
            return None
        self._bytes += len(page.body)
        if self._scope is None:
            self._scope = self._order.scope(page.url)
        digest = sha256(page.body).digest()
        if _key(page.url) in self._read or digest in self._digests:
            return None
        self._read.add(_key(page.url))
        self._digests.add(digest)
        return page

    def _allows(self, address: str) -> bool:
        """Where a redirect may lead to; that of the first page decides where the site is."""
        if self._scope is None:
            return not self._order.scope(address).excludes(address)
        return self._scope.allows(address)

    async def _read_pages(self, sent: Sequence[SentPage]) -> None:
        """A page that brings the process down takes no other with it: then each is read on its own."""
        if not sent:
            return
        try:
            found = await self._parser.read_pages(sent, self._rules)
        except ContentUnreadable as error:
            if len(sent) > 1:
                await self._read_singly(sent)
                return
            found = (ReadPage(failure=error.reason or error.message),)
        for page, read in zip(sent, found, strict=True):
            self._take(page, read)

    async def _read_singly(self, sent: Sequence[SentPage]) -> None:
        for page in sent:
            await self._going()
            if self._is_late():
                break
            await self._read_pages([page])

    def _take(self, page: SentPage, read: ReadPage) -> None:
        if read.failure:
            self._told.miss(page.url, Missed("failed", read.failure))
            return
        if read.wishes.noindex:
            self._told.miss(page.url, Missed("closed", "it says noindex"))
        elif read.blocks:
            self._pages.append(WebPage(page.url, read.title, read.blocks))
            self._characters += sum(len(block.text) for block in read.blocks)
        else:
            self._told.empty += 1
        if read.wishes.nofollow:
            self._told.unfollowed += bool(read.links) and not self._is_last
            return
        for link in () if self._is_last else read.links:
            address = maybe_address(link, page.url)
            if address is not None and len(self._next) <= self._bounds.pages:  # no more will be asked for
                self._choose(address)

    def _choose(self, address: str) -> None:
        """For the next level, when it is new and within the site; of what is no page it is told."""
        key = _key(address)
        if key in self._seen or (self._scope is not None and not self._scope.allows(address)):
            return
        self._seen.add(key)
        ending = target_of(address).partition("?")[0].rpartition("/")[2].rpartition(".")[2].lower()
        if ending in _OTHER:
            self._told.miss(address, Missed("type", ending))
        else:
            self._next.append(address)

    def _result(self) -> Parsed:
        told = self._told
        if not self._pages and not told.empty:
            raise NothingCrawled(told.why())
        if not self._pages and self._order.selectors != ("body",):
            raise NothingCrawled(f"nothing on {told.empty} pages fits the selectors")
        if not self._pages:
            raise NoText
        sentences = told.sentences(by_selectors=self._order.selectors != ("body",))
        return Parsed(pages=len(self._pages), skipped=sentences, crawled=tuple(self._pages))


def _read_start(path: Path) -> bytes:
    """A byte more than an order may have tells one that is too long."""
    with path.open("rb") as file:
        return file.read(LIMIT_BYTES + 1)


def _key(address: str) -> int:
    """A page that is had by http and by https is one. A number, since of addresses there may be many long ones."""
    return hash(address.partition("://")[2])
