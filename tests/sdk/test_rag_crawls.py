"""Crawl orders by the SDK, both levels, sync and async: what is sent as which document."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from portico import AsyncPortico, BadRequest, Portico
from portico.sdk.crawl_order import name_order
from tests.sdk.odd_server import OddServer, Seen, reply_json
from tests.sdk.test_rag import NAME, document, parts

URL = "https://docs.example.com/guide/"
SAID: dict[str, Any] = {
    "max_depth": 1, "exclude_dirs": ["/old/"], "page_timeout_s": 2.5, "prevent_outside": False, "selectors": ["main"],
    "link_brackets": True, "ignore_href": False, "metadata": {"year": 2026},
}  # fmt: skip
WHOLE = {
    "url": URL, "excludeDirs": ["/old/"], "maxDepth": 1, "timeout": 2500, "preventOutside": False,
    "selectors": ["main"], "linkBrackets": True, "ignoreHref": False,
}  # fmt: skip


def answer(_: Seen) -> Any:
    return reply_json({**document(1, "Unknown"), "name": "docs.example.com-guide", "extension": "web"})


def order(seen: Seen) -> tuple[str, Any]:
    """The name of the document and what it says."""
    name, content = parts(seen)["file"]
    return name, json.loads(content)


def test_a_site_becomes_a_document(server: OddServer, client: Portico) -> None:
    server.answer = answer
    made = client.rag.crawl(NAME, URL, **SAID)
    assert (made.id, made.extension, made.index_status) == ("d-1", "web", "Unknown")
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", f"/v1/search/profile/{NAME}/document")
    assert order(seen) == ("docs.example.com-guide.web", WHOLE)
    assert parts(seen)["metadata"] == ("", b'{"year":2026}')


def test_what_is_not_said_is_not_sent(server: OddServer, client: Portico) -> None:
    server.answer = answer
    client.low.rag.crawl(NAME, URL, name="guide", max_depth=0, selectors=None)
    (seen,) = server.seen
    assert order(seen) == ("guide.web", {"url": URL, "maxDepth": 0}) and "metadata" not in parts(seen)


def test_both_levels_and_modes_send_the_same(server: OddServer, client: Portico) -> None:
    server.answer = answer

    async def crawl() -> None:
        async with AsyncPortico("key", server.url) as waiting:
            await waiting.rag.crawl(NAME, URL, **SAID)
            await waiting.low.rag.crawl(NAME, URL, **SAID)

    client.rag.crawl(NAME, URL, **SAID)
    client.low.rag.crawl(NAME, URL, **SAID)
    asyncio.run(crawl())
    assert [order(seen) for seen in server.seen] == [("docs.example.com-guide.web", WHOLE)] * 4


def test_a_refusal_names_the_member(server: OddServer, client: Portico) -> None:
    errors = [{"id": 2023, "description": "Document General Error: url: it is required"}]
    server.answer = lambda _: reply_json({"errors": errors}, 400)
    with pytest.raises(BadRequest, match="url"):
        client.rag.crawl(NAME, "")
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("url", "name", "expected"),
    [
        (URL, None, "docs.example.com-guide.web"),
        ("https://docs.example.com", None, "docs.example.com.web"),
        ("http://x.example:8080/a/b.html?c=d", None, "x.example-a-b.html.web"),
        ("no address", None, "no-address.web"),
        ("", None, "site.web"),
        ("http://[", None, "site.web"),
        (f"https://x.example/{'a' * 300}", None, f"x.example-{'a' * 90}.web"),
        (URL, "Guide.WEB", "Guide.WEB"),
        (URL, "guide 2.0", "guide 2.0.web"),
    ],
)
def test_what_the_document_is_called(url: str, name: str | None, expected: str) -> None:
    assert name_order(url, name) == expected
