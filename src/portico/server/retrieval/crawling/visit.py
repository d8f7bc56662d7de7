"""One page after the other, as the robots.txt of its host allows: an address in, the page or why it was missed out.

Every request goes through the guarded fetcher, the redirects one by one: it has no cookies and no credentials.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

from portico.server.errors import ContentUnreadable
from portico.server.providers.fetcher import AddressRefused, Called, Fetcher, OutsideCall
from portico.server.retrieval.crawling import robots
from portico.server.retrieval.crawling.addresses import maybe_address, origin_of, target_of
from portico.server.retrieval.crawling.robots import Robots, read_robots
from portico.server.retrieval.parsing.orders import SentPage
from portico.server.retrieval.parsing.wishes import read_header

REDIRECTS = 5
_HEADERS = {"accept": "text/html,application/xhtml+xml,text/plain;q=0.9"}
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_REFUSED = "the address lies in a network that this server does not fetch from; PORTICO_FETCH_HOSTS can allow its host"
Sleep = Callable[[float], Awaitable[object]]
Kind = Literal["failed", "closed", "outside", "type"]
"""It failed, robots.txt or the page itself closes it, it leads outside, or it is of another type (which is the
reason)."""


class Missed(Exception):
    """A page that is not read."""

    def __init__(self, kind: Kind, reason: str) -> None:
        super().__init__(reason)
        self.kind: Kind = kind
        self.reason = reason


class Visitor:
    """Of one crawl. Pages are at most `page_bytes` long and come within `timeout_s`, each."""

    def __init__(self, fetcher: Fetcher, timeout_s: float, page_bytes: int, sleep: Sleep = asyncio.sleep) -> None:
        self._fetcher = fetcher
        self._timeout_s = timeout_s
        self._page_bytes = page_bytes
        self._sleep = sleep
        self._robots: dict[str, Robots | Missed] = {}
        self._next_at: dict[str, float] = {}

    async def visit(self, address: str, allows: Callable[[str], bool]) -> SentPage:
        """The page with the address that it has in the end. `allows` is asked where a redirect leads to. Raises
        Missed."""
        for _ in range(REDIRECTS + 1):
            rules = await self._find_robots(origin_of(address))
            if not rules.allows(target_of(address)):
                raise Missed("closed", "robots.txt of its host closes it")
            await self._pause(origin_of(address), rules.delay_s)
            called = await self._call(address, self._page_bytes)
            if not called.location:
                return self._read(address, called)
            address = self._follow(address, called.location)
            if not allows(address):
                raise Missed("outside", f"it leads to {address}")
        raise Missed("failed", "the address leads on and on")

    async def _find_robots(self, origin: str) -> Robots:
        """Asked once for each host. A host that does not say what it allows is left alone, and not asked again."""
        found = self._robots.get(origin)
        if found is None:
            try:
                found = await self._ask_robots(origin)
            except Missed as missed:
                found = missed
            self._robots[origin] = found
        if isinstance(found, Missed):
            raise Missed(found.kind, found.reason)
        return found

    async def _ask_robots(self, origin: str) -> Robots:
        address = f"{origin}/robots.txt"
        for _ in range(REDIRECTS + 1):
            called = await self._call(address, robots.LIMIT_BYTES)
            if called.location:
                address = self._follow(address, called.location)
            elif called.status >= 500 or called.status == 429:
                raise Missed("failed", f"the host answered {called.status} when asked for its robots.txt")
            elif called.status == 200:
                return read_robots(called.body.decode("utf-8", "replace"))
            else:
                return Robots()
        return Robots()

    async def _pause(self, origin: str, delay_s: float) -> None:
        if delay_s <= 0:
            return
        now = asyncio.get_running_loop().time()
        at = max(now, self._next_at.get(origin, now))
        self._next_at[origin] = at + delay_s
        if at > now:
            await self._sleep(at - now)

    async def _call(self, address: str, limit_bytes: int) -> Called:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._fetcher.call(OutsideCall("GET", address, _HEADERS), limit_bytes)
        except TimeoutError:
            raise Missed("failed", f"no answer came within {self._timeout_s:g} s") from None
        except AddressRefused:
            raise Missed("failed", _REFUSED) from None
        except ContentUnreadable as error:
            raise Missed("failed", error.reason or error.message) from None

    def _follow(self, address: str, location: str) -> str:
        found = maybe_address(location, address)
        if found is None:
            raise Missed("failed", "it leads to an address that is not fetched")
        return found

    def _read(self, address: str, called: Called) -> SentPage:
        if called.status != 200:
            raise Missed("failed", f"the host answered {called.status}")
        told, _, rest = called.content_type.partition(";")
        told = told.strip().lower()
        is_html = told in _HTML or (not told and called.body.lstrip()[:1] == b"<")
        if not is_html and told != "text/plain":
            raise Missed("type", told[:60] or "unknown")
        if called.is_cut:
            raise Missed("failed", f"it is larger than {self._page_bytes / 1024**2:g} MiB")
        if not called.body:
            raise Missed("failed", "it is empty")
        return SentPage(address, is_html, _charset(rest), called.body, read_header(called.robots))


def _charset(parameters: str) -> str:
    for one in parameters.split(";"):
        name, _, value = one.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip("\"'")[:40]
    return ""
