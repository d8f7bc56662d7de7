"""A `.web` document to the order of a crawl. A refusal names the member and what to write.

Source: RAG API reference, upload of documents, special formats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from portico.server.retrieval.crawling.addresses import Scope, maybe_address
from portico.server.retrieval.crawling.refusals import CrawlOrderInvalid
from portico.server.retrieval.parsing.selectors import SelectorInvalid, read_selector

EXTENSION = "web"
LIMIT_BYTES = 64 * 1024
"""Of the document itself."""
DEEPEST = 3
TIMEOUT_LEAST_MS, TIMEOUT_MOST_MS = 100, 120_000
MOST_DIRS, MOST_SELECTORS, LONGEST_SELECTOR = 200, 20, 500
_MEMBERS = (
    "url", "excludeDirs", "maxDepth", "timeout", "preventOutside", "selectors", "linkBrackets", "ignoreHref",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CrawlOrder:
    """`max_depth` counts links from `url`: 0 is that page alone. `excluded` are addresses of folders or pages."""

    url: str
    excluded: tuple[str, ...] = ()
    max_depth: int = DEEPEST
    timeout_s: float = 10.0
    prevent_outside: bool = True
    selectors: tuple[str, ...] = ("body",)
    link_brackets: bool = False
    ignore_href: bool = False

    def scope(self, start: str) -> Scope:
        """Where the crawl may go that began at `start`: `url`, or where it has led to."""
        return Scope.of(start, self.excluded, outside=not self.prevent_outside)


def read_order(content: bytes) -> CrawlOrder:
    """Raises CrawlOrderInvalid."""
    given = _read_object(content)
    url = _read_url(given.get("url"))
    selectors = _texts(given, "selectors", MOST_SELECTORS)
    for number, selector in enumerate(selectors):
        try:
            read_selector(selector[: LONGEST_SELECTOR + 1])
        except SelectorInvalid as error:
            raise CrawlOrderInvalid(f"selectors[{number}]", str(error)) from None
        if len(selector) > LONGEST_SELECTOR:
            raise CrawlOrderInvalid(f"selectors[{number}]", f"at most {LONGEST_SELECTOR} characters")
    order = CrawlOrder(
        url=url,
        excluded=_read_excluded(given, url),
        max_depth=int(_number(given, "maxDepth", DEEPEST, 0, DEEPEST, whole=True)),
        timeout_s=_number(given, "timeout", 10_000, TIMEOUT_LEAST_MS, TIMEOUT_MOST_MS) / 1000,
        prevent_outside=_truth(given, "preventOutside", default=True),
        selectors=selectors or ("body",),
        link_brackets=_truth(given, "linkBrackets", default=False),
        ignore_href=_truth(given, "ignoreHref", default=False),
    )
    if order.scope(url).excludes(url):
        raise CrawlOrderInvalid("excludeDirs", "the url itself lies in one of them")
    return order


def _read_object(content: bytes) -> dict[str, Any]:
    """null is absent. A member that is unknown is most likely one that was misspelled: it would be missed."""
    if len(content) > LIMIT_BYTES:
        raise CrawlOrderInvalid("file", f"a crawl order has at most {LIMIT_BYTES} bytes")
    try:
        given = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CrawlOrderInvalid("file", f"it is no JSON: {str(error)[:200]}") from None
    if not isinstance(given, dict):
        raise CrawlOrderInvalid("file", 'send a JSON object such as {"url": "https://docs.example.com/"}')
    unknown = next((name for name in given if name not in _MEMBERS), None)
    if unknown is not None:
        raise CrawlOrderInvalid(unknown[:100], f"there is no such member; there are {', '.join(_MEMBERS)}")
    return {name: value for name, value in given.items() if value is not None}


def _read_url(value: Any) -> str:
    if value is None or value == "":
        raise CrawlOrderInvalid("url", "it is required: say where the crawl begins")
    if not isinstance(value, str):
        raise CrawlOrderInvalid("url", "send a text")
    found = maybe_address(value)
    if found is None:
        raise CrawlOrderInvalid("url", "send an address such as https://docs.example.com/, without user and password")
    return found


def _read_excluded(given: Mapping[str, Any], url: str) -> tuple[str, ...]:
    """Whole addresses, or paths as seen from the url."""
    found = []
    for number, text in enumerate(_texts(given, "excludeDirs", MOST_DIRS)):
        address = maybe_address(text, url) if text.strip() else None
        if address is None:
            raise CrawlOrderInvalid(f"excludeDirs[{number}]", "send an address or a path such as /archive/")
        found.append(address)
    return tuple(found)


def _texts(given: Mapping[str, Any], name: str, most: int) -> tuple[str, ...]:
    value = given.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise CrawlOrderInvalid(name, "send a list of texts")
    if len(value) > most:
        raise CrawlOrderInvalid(name, f"at most {most}")
    return tuple(value)


def _number(
    given: Mapping[str, Any], name: str, default: float, least: int, most: int, *, whole: bool = False
) -> float:
    value = given.get(name, default)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not least <= value <= most or (whole and value != int(value)):
        raise CrawlOrderInvalid(name, f"send a {'whole ' if whole else ''}number from {least} to {most}")
    return float(value)


def _truth(given: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = given.get(name, default)
    if not isinstance(value, bool):
        raise CrawlOrderInvalid(name, "send true or false")
    return value
