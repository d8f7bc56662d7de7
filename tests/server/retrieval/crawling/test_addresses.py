"""Addresses in one spelling, and where a crawl may go."""

from __future__ import annotations

import pytest

from portico.server.retrieval.crawling.addresses import Scope, maybe_address, site_of

BASE = "https://docs.example.com/guide/intro.html"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("next.html", "https://docs.example.com/guide/next.html"),
        (" next\n.html ", "https://docs.example.com/guide/next.html"),
        ("/a/../b/./c/", "https://docs.example.com/b/c/"),
        ("/a/%2e%2e/b", "https://docs.example.com/b"),
        ("/../../a", "https://docs.example.com/a"),
        ("https://docs.example.com/x/../a/..", "https://docs.example.com/"),
        ("//other.example.com", "https://other.example.com/"),
        ("HTTPS://Docs.Example.COM:443/A#part", "https://docs.example.com/A"),
        ("http://docs.example.com:443/", "http://docs.example.com:443/"),
        ("http://docs.example.com:80", "http://docs.example.com/"),
        ("?page=2", "https://docs.example.com/guide/intro.html?page=2"),
        ("/a b/ü?q=ü d", "https://docs.example.com/a%20b/%C3%BC?q=%C3%BC%20d"),
        ("/%70rivate/%c3%bc/100%", "https://docs.example.com/private/%C3%BC/100%25"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("http://[::1]:8080/a", "http://[::1]:8080/a"),
        ("http://docs.example.com./", "http://docs.example.com/"),
    ],
)
def test_one_spelling(text: str, address: str) -> None:
    assert maybe_address(text, BASE) == address
    assert maybe_address(address) == address, "what is in one spelling stays"


@pytest.mark.parametrize(
    "text",
    [
        "mailto:a@example.com", "javascript:alert(1)", "file:///etc/passwd", "ftp://x/", "data:text/html,x",
        "https://user:secret@example.com/", "https://user@example.com/", "http://[::1",
        "http://a b/", "http://x:99999/", "http://x:y/", "https://docs.example.com/" + "a" * 2_000,
        "http://exa\\mple.com/", "http://.example..com\ud800/",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_page(text: str) -> None:
    assert maybe_address(text, BASE) is None


@pytest.mark.parametrize("text", ["", "https://", "https:///a", "/a", "docs.example.com"])
def test_what_is_no_address_without_a_page_to_stand_on(text: str) -> None:
    assert maybe_address(text) is None


def test_http_and_https_are_one_site_and_another_port_is_none() -> None:
    assert site_of("http://x.example/") == site_of("https://x.example/a")
    assert site_of("http://x.example/") != site_of("http://x.example:8080/")


def test_a_crawl_stays_below_the_folder_where_it_began() -> None:
    scope = Scope.of(BASE, ["https://docs.example.com/guide/old/"], outside=False)
    allowed = ["https://docs.example.com/guide/", "http://docs.example.com/guide/a/b?c", BASE]
    refused = [
        "https://docs.example.com/", "https://docs.example.com/guides/", "https://example.com/guide/",
        "https://docs.example.com:444/guide/", "https://docs.example.com/guide/old", "http://docs.example.com/guide/old/a",
    ]  # fmt: skip
    assert [one for one in allowed if not scope.allows(one)] == []
    assert [one for one in refused if scope.allows(one)] == []
    assert scope.allows("https://docs.example.com/guide/older"), "no folder of that name"


def test_a_crawl_that_may_go_outside_still_leaves_out_what_it_was_told() -> None:
    scope = Scope.of(BASE, ["https://other.example.com/private"], outside=True)
    assert scope.allows("https://other.example.com/a") and scope.allows("https://docs.example.com/")
    assert not scope.allows("https://other.example.com/private/a")
