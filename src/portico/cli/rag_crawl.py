"""`portico rag crawl`: a web site that a RAG assistant answers from, read page by page by the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .errors import RequestFailed
from .groups import Command
from .output import emit, note
from .rag_board import live_board
from .rag_documents import COLUMNS, metadata_option, name_argument, patience_option, wait_option
from .rag_settings import read_metadata

if TYPE_CHECKING:
    from portico.sdk.crawl_order import CrawlOptions


@click.command(
    cls=Command,
    examples=[
        "portico rag crawl handbook https://docs.example.com/guide/ --wait",
        "portico rag crawl handbook https://docs.example.com --depth 1 --exclude /archive/ --selector main",
        "portico rag crawl handbook https://blog.example.com --outside --no-addresses --as blog",
    ],
)
@name_argument
@click.argument("url")
@click.option("--depth", type=click.IntRange(0, 3), metavar="N", help="Links from URL to a page. Default: 3.")
@click.option("--exclude", "excluded", multiple=True, metavar="DIR", help="Folder that is left out; may repeat.")
@click.option("--selector", "selectors", multiple=True, metavar="CSS", help="Part of the pages to read; may repeat.")
@click.option("--outside", is_flag=True, help="Follow links to other sites and folders, too.")
@click.option("--page-timeout", type=click.FloatRange(0.1, 120), metavar="SECONDS", help="For one page. Default: 10.")
@click.option("--brackets", is_flag=True, help="Write the addresses of links in brackets.")
@click.option("--no-addresses", is_flag=True, help="Leave the addresses of links out of the text.")
@click.option("--as", "document_name", metavar="NAME", help="Name of the document. Default: that of the site.")
@metadata_option
@wait_option
@patience_option
def crawl(
    name: str,
    url: str,
    depth: int | None,
    excluded: tuple[str, ...],
    selectors: tuple[str, ...],
    outside: bool,
    page_timeout: float | None,
    brackets: bool,
    no_addresses: bool,
    document_name: str | None,
    metadata: tuple[str, ...],
    waits: bool,
    patience: float,
) -> None:
    """Let the server read a web site: the page URL, and those below its folder that links lead to.

    The site is one document; `portico rag documents reindex` crawls it again. What robots.txt closes is not read.
    """
    options: CrawlOptions = {
        "max_depth": depth,
        "exclude_dirs": excluded or None,
        "selectors": selectors or None,
        "prevent_outside": False if outside else None,
        "page_timeout_s": page_timeout,
        "link_brackets": True if brackets else None,
        "ignore_href": True if no_addresses else None,
        "name": document_name,
        "metadata": read_metadata(metadata),
    }
    from portico.sdk.managers.rag import AsyncRag

    from .remote import opened

    with opened() as remote:
        rag = AsyncRag(remote.rag)
        made = remote.run(rag.crawl(name, url, **options))
        if waits:
            with live_board(name) as show:
                waiting = rag.wait_until_indexed(name, [made.id], timeout_s=patience, on_progress=show)
                board = remote.run(waiting)
            made = next(iter(board.documents), made)
    emit([made.raw], rows=[made.raw], columns=COLUMNS)
    if made.index_status == "Failed":
        raise RequestFailed(f"{url} is not searchable: {made.index_detail}")
    if not waits:
        note(f"the pages are read now: portico rag documents status {name} --watch")
