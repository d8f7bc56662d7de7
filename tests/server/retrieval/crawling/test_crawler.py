"""Crawls of a real site on loopback: which pages are asked, what is read of them, what is told, where it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from portico.server.errors import ContentUnreadable
from portico.server.providers.fetcher import Fetcher
from portico.server.retrieval.blocks import Parsed
from portico.server.retrieval.chunk import split
from portico.server.retrieval.crawling.crawler import CrawlBounds, Crawler
from portico.server.retrieval.crawling.refusals import CrawlOrderInvalid, NothingCrawled
from portico.server.retrieval.crawling.robots import DELAY_MOST_S
from portico.server.retrieval.parse import Bounds, Parser
from portico.server.retrieval.parsing.orders import PageRules, ReadPage, SentPage
from portico.server.retrieval.profile import ChunkRules
from portico.server.retrieval.refusals import NoText
from tests.site import Page, Site, open_site

pytestmark = pytest.mark.anyio
ROOM = Bounds(time_s=300)
"""For a machine that does much else."""


@pytest.fixture
def site() -> Iterator[Site]:
    with open_site() as made:
        yield made


class Crawling:
    """One crawl: `pauses` are those that it made, `going` counts how often it asked whether it shall go on."""

    def __init__(
        self,
        path: Path,
        *,
        parser: Parser | None = None,
        allowed: str = "127.0.0.1",
        limit_bytes: int = 2**30,
        **bounds: Any,
    ) -> None:
        self.pauses: list[float] = []
        self.going = 0
        self._path = path / "order"
        fetcher = Fetcher(allowed=allowed, limit_bytes=limit_bytes, timeout_s=60)
        self._crawler = Crawler(fetcher, parser or Parser(ROOM), CrawlBounds(**bounds), self._pause)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def _go(self) -> None:
        self.going += 1

    async def run(self, url: str, **members: Any) -> Parsed:
        members = {"ignoreHref": True, "timeout": 60_000, **members}
        self._path.write_text(json.dumps({"url": url, **members}))
        return await self._crawler.crawl(self._path, self._go)


async def crawl(tmp_path: Path, url: str, *, bounds: dict[str, Any] | None = None, **members: Any) -> Parsed:
    return await Crawling(tmp_path, **(bounds or {})).run(url, **members)


def texts(parsed: Parsed) -> dict[str, str]:
    """What was read, by the paths of the pages, without their links."""
    assert parsed.crawled is not None
    return {
        "/" + page.url.split("/", 3)[3]: " ".join(block.text for block in page.blocks if block.kind != "list_item")
        for page in parsed.crawled
    }


async def why(tmp_path: Path, url: str, **more: Any) -> str:
    with pytest.raises(ContentUnreadable) as caught:
        await crawl(tmp_path, url, **more)
    assert isinstance(caught.value, NothingCrawled | CrawlOrderInvalid | NoText)
    return caught.value.message


# --- which pages -------------------------------------------------------------------------------------------------


async def test_pages_come_breadth_first_with_address_and_name(site: Site, tmp_path: Path) -> None:
    site.page("/", "Start.", "/a", "/b", "/a#part", title="Home")
    site.page("/a", "Page A.", "/c", "/")
    site.page("/b", "Page B.", "/c", title="Second")
    site.page("/c", "Page C.")
    parsed = await crawl(tmp_path, site.url())
    assert texts(parsed) == {"/": "Home Start.", "/a": "Page A.", "/b": "Second Page B.", "/c": "Page C."}
    assert [(page.url, page.title) for page in parsed.crawled or ()][:2] == [(site.url(), "Home"), (site.url("/a"), "")]
    assert site.asked == ["/robots.txt", "/", "/a", "/b", "/c"]
    assert (parsed.pages, parsed.skipped, parsed.blocks) == (4, (), ())


async def test_requests_say_who_asks_and_nothing_more(site: Site, tmp_path: Path) -> None:
    site.pages["/"] = Page(b"<p>Start.<a href=/a>a</a>", headers={"set-cookie": "session=1"})
    site.page("/a", "Page A.")
    await crawl(tmp_path, site.url())
    for head in site.heads:
        assert set(head) == {"host", "accept", "accept-encoding", "user-agent", "connection"}
        assert head["user-agent"] == "portico"


@pytest.mark.parametrize(("depth", "read"), [(0, "/"), (1, "/ /1"), (2, "/ /1 /2"), (3, "/ /1 /2 /3")])
async def test_depth_counts_links_from_the_first_page(site: Site, tmp_path: Path, depth: int, read: str) -> None:
    for number in range(5):
        site.page(f"/{number or ''}", f"Page {number}.", f"/{number + 1}")
    parsed = await crawl(tmp_path, site.url(), maxDepth=depth)
    assert " ".join(texts(parsed)) == read == " ".join(site.read)


async def test_a_loop_ends(site: Site, tmp_path: Path) -> None:
    site.page("/", "Start.", "/a", "/")
    site.page("/a", "Page A.", "/b", "/a", "/")
    site.page("/b", "Page B.", "/a", "/", "./b")
    assert [*texts(await crawl(tmp_path, site.url()))] == site.read == ["/", "/a", "/b"]


async def test_pages_with_the_same_content_count_once(site: Site, tmp_path: Path) -> None:
    site.page("/", "Start.", "/a?from=1", "/a?from=2", "/a?from=3")
    for number in (1, 2, 3):
        site.page(f"/a?from={number}", "Page A.")
    parsed = await crawl(tmp_path, site.url())
    assert [*texts(parsed)] == ["/", "/a?from=1"] and parsed.skipped == ()


async def test_folders_left_out_are_not_asked(site: Site, tmp_path: Path) -> None:
    site.page("/", "Start.", "/old/", "/old", "/older", "/x/../old/a", "/%6fld/b", "/draft/a", "/page.html", "/page")
    for path in ("/older", "/page"):
        site.page(path, f"Page {path}.")
    excluded = ["/old/", site.url("/draft"), "page.html"]
    assert [*texts(await crawl(tmp_path, site.url(), excludeDirs=excluded))] == site.read == ["/", "/older", "/page"]


async def test_links_outside_are_not_followed(site: Site, tmp_path: Path) -> None:
    with open_site() as other:
        other.page("/", "Elsewhere.")
        links = [
            "/docs/a",
            "/docs/../b",
            "/docsy",
            other.url(),
            "https://user:pw@127.0.0.1/",
            "mailto:x@y",
            "file:///etc",
        ]
        site.page("/docs/", "Start.", *links)
        site.page("/docs/a", "Page A.")
        parsed = await crawl(tmp_path, site.url("/docs/"))
        assert [*texts(parsed)] == site.read == ["/docs/", "/docs/a"] and other.asked == []
        assert parsed.skipped == ()


async def test_links_outside_are_followed_where_that_is_said(site: Site, tmp_path: Path) -> None:
    with open_site() as other:
        other.robots("User-agent: *", "Disallow: /closed")
        other.page("/", "Elsewhere.", "/closed", "/far")
        other.page("/far", "Far away.")
        site.page("/docs/", "Start.", other.url(), "/b")
        site.page("/b", "Page B.")
        parsed = await crawl(tmp_path, site.url("/docs/"), preventOutside=False, maxDepth=2)
        assert [page.url for page in parsed.crawled or ()] == [
            site.url("/docs/"), other.url(), site.url("/b"), other.url("/far"),
        ]  # fmt: skip
        assert parsed.skipped == (
            f"1 page is closed to us: {other.url('/closed')} (robots.txt of its host closes it).",
        )


# --- robots.txt --------------------------------------------------------------------------------------------------


async def test_robots_txt_is_asked_once_and_obeyed(site: Site, tmp_path: Path) -> None:
    site.robots("User-agent: *", "Disallow: /", "User-agent: Portico", "Disallow: /closed", "Crawl-delay: 60")
    site.page("/", "Start.", "/a", "/closed/b", "/to-closed")
    site.page("/a", "Page A.")
    site.moved("/to-closed", "/closed/c")
    crawling = Crawling(tmp_path)
    parsed = await crawling.run(site.url())
    assert site.asked == ["/robots.txt", "/", "/a", "/to-closed"]
    assert parsed.skipped[0].startswith("2 pages are closed to us: ") and site.url("/closed/b") in parsed.skipped[0]
    assert len(crawling.pauses) == 2 and DELAY_MOST_S < sum(crawling.pauses) <= 3 * DELAY_MOST_S


async def test_a_site_that_is_closed_is_not_crawled(site: Site, tmp_path: Path) -> None:
    site.robots("User-agent: *", "Disallow: /")
    assert await why(tmp_path, site.url()) == f"No page could be read: {site.url()} (robots.txt of its host closes it)"
    assert site.asked == ["/robots.txt"]


@pytest.mark.parametrize(("status", "is_open"), [(404, True), (403, True), (500, False), (503, False), (429, False)])
async def test_a_robots_txt_that_cannot_be_had(site: Site, tmp_path: Path, status: int, is_open: bool) -> None:
    site.put("/robots.txt", "no", status=status)
    site.page("/", "Start.")
    if is_open:
        assert texts(await crawl(tmp_path, site.url())) == {"/": "Start."}
    else:
        assert f"answered {status} when asked for its robots.txt" in await why(tmp_path, site.url())
        assert site.read == []


async def test_robots_txt_may_lie_elsewhere(site: Site, tmp_path: Path) -> None:
    site.moved("/robots.txt", "/rules.txt")
    site.put("/rules.txt", "User-agent: *\nDisallow: /a", content_type="text/plain")
    site.page("/", "Start.", "/a", "/b")
    site.page("/b", "Page B.")
    assert [*texts(await crawl(tmp_path, site.url()))] == ["/", "/b"]


# --- what pages say themselves -----------------------------------------------------------------------------------


def meta(content: str, text: str, *links: str) -> str:
    items = "".join(f"<a href={link}>to {link}</a> " for link in links)
    return f'<html><head><meta name="robots" content="{content}"></head><body><p>{text}</p>{items}</body></html>'


async def test_a_page_that_says_noindex_is_not_read_and_its_links_are_followed(site: Site, tmp_path: Path) -> None:
    site.page("/", "Start.", "/tag", "/header", "/other")
    site.put("/tag", meta("noindex", "Secret.", "/a"))
    site.pages["/header"] = Page(b"<p>Secret.<a href=/b>b</a>", headers={"X-Robots-Tag": "nosnippet\nnoindex"})
    site.pages["/other"] = Page(b"<p>Other.", headers={"X-Robots-Tag": "googlebot: noindex"})
    site.page("/a", "Page A.")
    site.page("/b", "Page B.")
    parsed = await crawl(tmp_path, site.url())
    assert texts(parsed) == {"/": "Start.", "/other": "Other.", "/a": "Page A.", "/b": "Page B."}
    closed = ", ".join(f"{site.url(path)} (it says noindex)" for path in ("/tag", "/header"))
    assert parsed.skipped == (f"2 pages are closed to us: {closed}.",)


async def test_links_of_a_page_that_says_nofollow_are_left_alone(site: Site, tmp_path: Path) -> None:
    site.page("/", "Start.", "/tag", "/header", "/end")
    site.put("/tag", meta("index, nofollow", "Tag.", "/a"))
    site.pages["/header"] = Page(b"<p>Header.<a href=/a>a</a>", headers={"x-robots-tag": "portico: nofollow"})
    site.put("/end", meta("nofollow", "End."))
    parsed = await crawl(tmp_path, site.url(), maxDepth=2)
    assert [*texts(parsed)] == site.read == ["/", "/tag", "/header", "/end"]
    assert parsed.skipped == ("Links of 2 page(s) were not followed: the pages say nofollow.",)


async def test_a_link_of_the_kind_nofollow_is_not_followed(site: Site, tmp_path: Path) -> None:
    site.put("/", "<p>Start.</p><a href=/a rel='noopener nofollow'>a</a><a href=/b rel=nofollow>b</a><a href=/b>b</a>")
    site.page("/b", "Page B.")
    assert [*texts(await crawl(tmp_path, site.url()))] == site.read == ["/", "/b"]


async def test_a_site_whose_pages_say_none_is_not_crawled(site: Site, tmp_path: Path) -> None:
    site.put("/", meta("none", "Start.", "/a"))
    assert await why(tmp_path, site.url()) == f"No page could be read: {site.url()} (it says noindex)"
    assert site.read == ["/"]


# --- redirects ---------------------------------------------------------------------------------------------------


async def test_the_first_page_may_lead_to_where_the_site_is(site: Site, tmp_path: Path) -> None:
    site.moved("/docs", "/v2/docs/", 301)
    site.page("/v2/docs/", "Start.", "a", "/docs/b")
    site.page("/v2/docs/a", "Page A.")
    assert [*texts(await crawl(tmp_path, site.url("/docs")))] == ["/v2/docs/", "/v2/docs/a"]
    assert "/docs/b" not in site.asked


async def test_a_page_has_the_address_where_it_lies_and_is_read_once(site: Site, tmp_path: Path) -> None:
    site.page("/", "Start.", "/old", "/new", "/older")
    for path in ("/old", "/older"):
        site.moved(path, "/new")
    site.page("/new", "The page.")
    assert texts(await crawl(tmp_path, site.url())) == {"/": "Start.", "/new": "The page."}
    assert site.read == ["/", "/old", "/new", "/older", "/new"]


async def test_redirects_that_lead_astray(site: Site, tmp_path: Path) -> None:
    with open_site() as other:
        other.page("/", "Elsewhere.")
        site.page("/docs/", "Start.", "round", "away", "up", "file", "login", "good")
        site.moved("/docs/round", "/docs/round")
        site.moved("/docs/away", other.url())
        site.moved("/docs/up", "/")
        site.moved("/docs/file", "file:///etc/passwd")
        site.moved("/docs/login", f"http://joe:pw@127.0.0.1:{site.port}/docs/")
        site.page("/docs/good", "Good.")
        parsed = await crawl(tmp_path, site.url("/docs/"))
        assert [*texts(parsed)] == ["/docs/", "/docs/good"] and other.asked == []
    failed, outside = parsed.skipped
    assert failed.startswith("3 pages could not be read: ") and outside.startswith("2 pages lead away from the site: ")
    assert "leads on and on" in failed and failed.count("it leads to an address that is not fetched") == 2


# --- networks behind the server ----------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.2", "169.254.169.254", "10.0.0.1", "[::1]", "localhost", "0.0.0.0"])
async def test_hc25_an_inner_address_is_refused_with_the_name_of_the_setting(tmp_path: Path, host: str) -> None:
    with open_site() as site:
        told = await why(tmp_path, site.url(host=host), bounds={"allowed": ""})
        assert "PORTICO_FETCH_HOSTS can allow its host" in told and site.asked == []


async def test_hc25_neither_links_nor_redirects_lead_to_an_inner_address(site: Site, tmp_path: Path) -> None:
    inner = site.url("/secret", host="127.0.0.2")
    site.page("/", "Start.", inner, "/door", "/good")
    site.moved("/door", inner)
    site.page("/good", "Good.")
    parsed = await crawl(tmp_path, site.url(), preventOutside=False)
    assert [*texts(parsed)] == ["/", "/good"] and "/secret" not in site.asked
    assert parsed.skipped[0].startswith("2 pages could not be read: ") and "PORTICO_FETCH_HOSTS" in parsed.skipped[0]


# --- what is no page, and what fails -----------------------------------------------------------------------------


async def test_other_types_are_left_out_and_told(site: Site, tmp_path: Path) -> None:
    site.page("/", "Start.", "/report.pdf", "/logo.PNG?v=1", "/export", "/data", "/notes", "/x.html", "/untold")
    site.put("/export", b"%PDF-1.7", content_type="application/pdf")
    site.put("/data", "{}", content_type="application/json; charset=utf-8")
    site.put("/notes", "Notes in plain text.", content_type="text/plain")
    site.put("/x.html", "<p>Page X.", content_type="application/xhtml+xml")
    site.put("/untold", " <p>Untold.", content_type="")
    parsed = await crawl(tmp_path, site.url())
    assert texts(parsed) == {
        "/": "Start.", "/notes": "Notes in plain text.", "/x.html": "Page X.", "/untold": "Untold.",
    }  # fmt: skip
    (told,) = parsed.skipped
    assert told.startswith("4 address(es) that are no page: ")
    assert {"pdf", "png", "application/pdf", "application/json"} <= set(told.rstrip(".").replace(",", "").split())
    assert "/report.pdf" not in site.asked and "/logo.PNG?v=1" not in site.asked


async def test_pages_that_fail_are_told_with_the_first_reasons(site: Site, tmp_path: Path) -> None:
    site.page("/", "Start.", "/gone", "/broken", "/empty", "/locked", "/good")
    site.put("/broken", "x", status=500)
    site.put("/empty", "")
    site.put("/locked", "x", status=401)
    site.page("/good", "Good.")
    parsed = await crawl(tmp_path, site.url())
    assert [*texts(parsed)] == ["/", "/good"]
    gone, broken = (
        f"{site.url(path)} (the host answered {status})" for path, status in (("/gone", 404), ("/broken", 500))
    )
    assert parsed.skipped == (
        f"4 pages could not be read: {gone}, {broken}, {site.url('/empty')} (it is empty) and 1 more.",
    )


async def test_a_page_of_ten_megabytes_is_not_read_to_its_end(site: Site, tmp_path: Path) -> None:
    site.page("/", "Start.", "/large", "/good")
    site.put("/large", b"<p>" + b"words " * (10 * 1024**2 // 6))
    site.page("/good", "Good.")
    parsed = await crawl(tmp_path, site.url())
    assert [*texts(parsed)] == ["/", "/good"]
    assert parsed.skipped == (f"1 page could not be read: {site.url('/large')} (it is larger than 5 MiB).",)


async def test_a_slow_page_is_left_alone_when_its_time_is_over(site: Site, tmp_path: Path) -> None:
    site.put("/slow", "<p>Slow.", waits=site.ending)
    expected = f"No page could be read: {site.url('/slow')} (no answer came within 0.3 s)"
    said = ""
    for _ in range(20):  # on a machine that stands still for a moment it may be over before the page is asked for
        said = await why(tmp_path, site.url("/slow"), timeout=300)
        if said == expected:
            break
    assert said == expected


async def test_a_packed_page_is_not_unpacked(site: Site, tmp_path: Path) -> None:
    site.pages["/"] = Page(b"\x1f\x8b", headers={"content-encoding": "gzip"})
    assert "what lies at the address could not be read" in await why(tmp_path, site.url())


async def test_a_host_that_is_not_there(site: Site, tmp_path: Path) -> None:
    site.page("/", "Start.")
    gone = open_site()
    with gone as other:
        dead = other.url()
    site.page("/", "Start.", dead, f"{dead}a")
    parsed = await crawl(tmp_path, site.url(), preventOutside=False)
    assert parsed.skipped[0].count("the host cannot be reached") == 2, "asked once, told of both"


async def test_a_first_page_of_another_type(site: Site, tmp_path: Path) -> None:
    site.put("/", b"%PDF-1.7", content_type="application/pdf")
    assert await why(tmp_path, site.url()) == (
        "No page could be read: what lies at the address is of another type: application/pdf"
    )


async def test_pages_without_text_are_invalid_content(site: Site, tmp_path: Path) -> None:
    site.put("/", "<title>App</title><div id=root></div>")
    with pytest.raises(NoText):
        await crawl(tmp_path, site.url())


# --- the chosen parts --------------------------------------------------------------------------------------------


async def test_selectors_choose_what_is_read_and_not_what_is_followed(site: Site, tmp_path: Path) -> None:
    menu = '<div class="menu"><a href="/a">A</a> <a href="/b">B</a></div>'
    site.put("/", f"{menu}<main><p>Start.</p></main><p>Aside.</p>")
    site.put("/a", f"{menu}<main><p>Page A.</p></main><p>Aside.</p>")
    site.put("/b", f"{menu}<p>Aside.</p>")
    parsed = await crawl(tmp_path, site.url(), selectors=["main"])
    assert texts(parsed) == {"/": "Start.", "/a": "Page A."}
    assert parsed.skipped == ("1 page(s) with nothing that the selectors name.",)
    told = await why(tmp_path, site.url(), selectors=["article.text"])
    assert told == "No page could be read: nothing on 3 pages fits the selectors"


async def test_addresses_stand_behind_the_links_unless_they_are_ignored(site: Site, tmp_path: Path) -> None:
    site.put("/", "<p>" + "Words of a text. " * 9 + 'See <a href="/a">the rules</a>.</p>')
    site.page("/a", "Page A.")
    for members, ending in (
        ({"ignoreHref": False}, f"the rules {site.url('/a')}."),
        ({"ignoreHref": False, "linkBrackets": True}, f"the rules [{site.url('/a')}]."),
        ({"ignoreHref": True, "linkBrackets": True}, "the rules."),
    ):
        found = texts(await crawl(tmp_path, site.url(), **members))
        assert found["/"].endswith(ending) and "/a" in found, "links are followed in any case"


# --- bounds ------------------------------------------------------------------------------------------------------


async def test_no_more_pages_are_asked_for_than_may_be(site: Site, tmp_path: Path) -> None:
    site.page("/", "Start.", *(f"/{number}" for number in range(40)))
    for number in range(40):
        site.page(f"/{number}", f"Page {number}.")
    parsed = await crawl(tmp_path, site.url(), bounds={"pages": 20})
    assert len(site.read) == parsed.pages == 20
    told = "The crawl was stopped after 20 pages (PORTICO_CRAWL_PAGES); more pages were known."
    assert parsed.skipped == (told,)


@pytest.mark.parametrize(
    ("bounds", "told"),
    [
        ({"total_bytes": 1024**2}, "after 1 MiB"),
        ({"characters": 10}, "after 10 characters of text"),
    ],
)
async def test_a_crawl_that_takes_too_much_ends_with_what_it_has(
    site: Site, tmp_path: Path, bounds: dict[str, Any], told: str
) -> None:
    site.page("/", "Start of it all.", *(f"/{number}" for number in range(10)))
    for number in range(10):
        site.page(f"/{number}", f"Page {number}.<!-- {' ' * 1024**2} -->")
    parsed = await crawl(tmp_path, site.url(), bounds=bounds)
    assert parsed.skipped[-1] == f"The crawl was stopped {told}; more pages were known." and parsed.pages >= 1


async def test_a_crawl_without_time_says_so(site: Site, tmp_path: Path) -> None:
    assert await why(tmp_path, site.url(), bounds={"time_s": 0}) == (
        "No page could be read: the crawl was stopped after 0 minutes"
    )


async def test_a_page_that_brings_its_reader_down_takes_no_other_with_it(site: Site, tmp_path: Path) -> None:
    class Falling(Parser):
        """Its process dies of one page."""

        async def read_pages(self, pages: Sequence[SentPage], rules: PageRules) -> tuple[ReadPage, ...]:
            if any(b"poison" in page.body for page in pages):
                raise ContentUnreadable("reading it takes too much")
            return await super().read_pages(pages, rules)

    site.page("/", "Start.", "/a", "/b", "/c")
    for name, text in (("a", "Page A."), ("b", "poison"), ("c", "Page C.")):
        site.page(f"/{name}", text)
    parsed = await Crawling(tmp_path, parser=Falling(ROOM)).run(site.url())
    assert [*texts(parsed)] == ["/", "/a", "/c"]
    assert parsed.skipped == (f"1 page could not be read: {site.url('/b')} (reading it takes too much).",)


async def test_whoever_ordered_it_can_end_it(site: Site, tmp_path: Path) -> None:
    class Over(Exception):
        pass

    site.page("/", "Start.", "/a", "/b")
    crawling = Crawling(tmp_path)

    async def go() -> None:
        if len(site.read) == 1:
            raise Over

    crawling._go = go  # type: ignore[method-assign]
    with pytest.raises(Over):
        await crawling.run(site.url())
    assert site.read == ["/"]


# --- orders ------------------------------------------------------------------------------------------------------


async def test_an_order_that_is_none_says_which_member(tmp_path: Path) -> None:
    assert await why(tmp_path, "file:///etc/passwd") == (
        "The crawl order cannot be used: url: send an address such as https://docs.example.com/,"
        " without user and password"
    )


# --- chunks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_parent", [False, True])
async def test_a_chunk_is_of_one_page_and_names_it(site: Site, tmp_path: Path, is_parent: bool) -> None:
    site.put("/", "<title>Rules</title><h1>Rules</h1><h2>Leave</h2><p>Short.</p><a href=/a>a</a><a href=/b>b</a>")
    site.put("/a", "<h2>Pay</h2><p>Tiny.</p>")
    site.put("/b", "<title>Long</title><p>" + "A sentence about trains. " * 100)
    parsed = await crawl(tmp_path, site.url())
    chunks = split(parsed, ChunkRules(size=1000, overlap=0, parent=is_parent, child_size=300, child_overlap=0))
    by_url: dict[str, list[str]] = {}
    for chunk in chunks:
        assert chunk.metadata is not None and chunk.page is None and chunk.line_from >= 1
        by_url.setdefault(chunk.metadata["url"], []).append(chunk.text)
        if chunk.parent is not None:
            assert chunks[chunk.parent].metadata == chunk.metadata and chunks[chunk.parent].is_parent
    assert [*by_url] == [site.url(), site.url("/a"), site.url("/b")]
    assert not any("Short" in text for text in by_url[site.url("/a")]), "tiny parts of two pages stay two"
    assert chunks[0].metadata == {"url": site.url(), "title": "Rules"}
    assert next(one for one in chunks if "Tiny" in one.text).heading == "Pay", (
        "headings of another page are not above it"
    )
    assert len(by_url[site.url("/b")]) >= 3
