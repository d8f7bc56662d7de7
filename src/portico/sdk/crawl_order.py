"""What shall be crawled to a `.web` document: an order as the server reads it, and a name for it.

Source: RAG API reference, upload of documents, special formats.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict
from urllib.parse import urlsplit

import msgspec

from portico.sdk.call import given

EXTENSION = "web"
_LONGEST_NAME = 100


class CrawlOptions(TypedDict, total=False):
    """How a site is crawled; what is not said has the server's default.

    `max_depth` counts links from the first page, 3 at most; `exclude_dirs` are folders left out; `prevent_outside`
    False leaves the site. `selectors` name the parts that are read (CSS); addresses stand behind the words of a link,
    `link_brackets` puts them in brackets, `ignore_href` leaves them out. `page_timeout_s` is for one page. `name` is
    that of the document, `metadata` what filters can ask for.
    """

    exclude_dirs: Sequence[str] | None
    max_depth: int | None
    page_timeout_s: float | None
    prevent_outside: bool | None
    selectors: Sequence[str] | None
    link_brackets: bool | None
    ignore_href: bool | None
    name: str | None
    metadata: Mapping[str, Any] | None


def write_order(url: str, options: CrawlOptions) -> bytes:
    """The content of the document."""
    timeout_s = options.get("page_timeout_s")
    members = {
        "url": url,
        "excludeDirs": options.get("exclude_dirs"),
        "maxDepth": options.get("max_depth"),
        "timeout": None if timeout_s is None else round(timeout_s * 1000),
        "preventOutside": options.get("prevent_outside"),
        "selectors": options.get("selectors"),
        "linkBrackets": options.get("link_brackets"),
        "ignoreHref": options.get("ignore_href"),
    }
    return msgspec.json.encode(given(members))


def name_order(url: str, name: str | None) -> str:
    """`docs.example.com-guide.web`, unless a name is given."""
    if not name:
        try:
            parts = urlsplit(url)
            told = f"{parts.hostname or ''}{parts.path}"
        except ValueError:
            told = ""
        name = re.sub(r"[^\w.]+", "-", told).strip("-.")[:_LONGEST_NAME].rstrip("-.") or "site"
    return name if name.lower().endswith(f".{EXTENSION}") else f"{name}.{EXTENSION}"
