"""Crawl orders: what they say, what they leave out, and what is refused by the name of its member."""

from __future__ import annotations

import json
from typing import Any

import pytest

from portico.server.retrieval.crawling.order import LIMIT_BYTES, CrawlOrder, read_order
from portico.server.retrieval.crawling.refusals import CrawlOrderInvalid

URL = "https://docs.example.com/guide/"


def read(**members: Any) -> CrawlOrder:
    return read_order(json.dumps(members).encode())


def test_the_defaults_are_those_of_the_reference() -> None:
    order = read(url=URL, timeout=None)
    assert order == CrawlOrder(URL, (), 3, 10.0, True, ("body",), False, False)
    assert read_order(b'\xef\xbb\xbf{"url": "https://docs.example.com/guide/"}') == order


def test_all_that_can_be_said() -> None:
    order = read(
        url="https://Docs.example.com/guide/", excludeDirs=["/old/", "drafts", "https://a.example/b"], maxDepth=0,
        timeout=2500, preventOutside=False, selectors=["main .text", "#side > p"], linkBrackets=True, ignoreHref=True,
    )  # fmt: skip
    assert order.excluded == (
        "https://docs.example.com/old/", "https://docs.example.com/guide/drafts", "https://a.example/b",
    )  # fmt: skip
    assert (order.url, order.max_depth, order.timeout_s) == (URL, 0, 2.5)
    assert (order.prevent_outside, order.link_brackets, order.ignore_href) == (False, True, True)
    assert order.selectors == ("main .text", "#side > p")


@pytest.mark.parametrize(
    ("members", "member"),
    [
        ({}, "url"),
        ({"url": ""}, "url"),
        ({"url": 7}, "url"),
        ({"url": "docs.example.com"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"url": "https://joe:secret@example.com/"}, "url"),
        ({"url": URL, "maxDepth": 4}, "maxDepth"),
        ({"url": URL, "maxDepth": -1}, "maxDepth"),
        ({"url": URL, "maxDepth": 1.5}, "maxDepth"),
        ({"url": URL, "maxDepth": "2"}, "maxDepth"),
        ({"url": URL, "maxDepth": True}, "maxDepth"),
        ({"url": URL, "timeout": 0}, "timeout"),
        ({"url": URL, "timeout": 10**400}, "timeout"),
        ({"url": URL, "preventOutside": "yes"}, "preventOutside"),
        ({"url": URL, "linkBrackets": 1}, "linkBrackets"),
        ({"url": URL, "ignoreHref": []}, "ignoreHref"),
        ({"url": URL, "excludeDirs": "/old"}, "excludeDirs"),
        ({"url": URL, "excludeDirs": [1]}, "excludeDirs"),
        ({"url": URL, "excludeDirs": ["/a"] * 201}, "excludeDirs"),
        ({"url": URL, "excludeDirs": ["/a", "javascript:x"]}, "excludeDirs[1]"),
        ({"url": URL, "excludeDirs": [" "]}, "excludeDirs[0]"),
        ({"url": URL, "excludeDirs": ["/guide"]}, "excludeDirs"),
        ({"url": URL, "selectors": "main"}, "selectors"),
        ({"url": URL, "selectors": ["main", "p:first-child"]}, "selectors[1]"),
        ({"url": URL, "selectors": ["a" * 501]}, "selectors[0]"),
        ({"url": URL, "excludeDir": ["/old"]}, "excludeDir"),
    ],
)
def test_a_wrong_member_is_named(members: dict[str, Any], member: str) -> None:
    with pytest.raises(CrawlOrderInvalid) as caught:
        read(**members)
    assert caught.value.member == member
    assert f": {member}: " in caught.value.message and "secret" not in caught.value.message


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'"https://x/"', b"\xff\xfe", b"[" * 60_000, b'{"url": "' + b"a" * LIMIT_BYTES + b'"}'],
)
def test_what_is_no_order_at_all(content: bytes) -> None:
    with pytest.raises(CrawlOrderInvalid) as caught:
        read_order(content)
    assert caught.value.member == "file"
