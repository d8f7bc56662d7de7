"""Which pages are asked for."""

from __future__ import annotations

from portico.server.retrieval.blocks import ParseOptions
from portico.server.retrieval.parsing.failure import Unreadable


def wanted(pages: int, options: ParseOptions) -> range:
    """Numbers from 1. Raises Unreadable when there is no such page."""
    last = min(pages, options.end_page or pages)
    if pages and options.start_page > pages:
        raise Unreadable(f"it has {pages} pages; the first one asked for is {options.start_page}")
    return range(options.start_page, last + 1)
