"""Pages of a crawl: the chosen parts of them, how links are written, which links they have."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from portico.server.retrieval.blocks import ParseOptions
from portico.server.retrieval.parsing.orders import Order, PageRules, ReadPage, SentPage
from portico.server.retrieval.parsing.web_pages import read_web_pages
from portico.server.retrieval.parsing.wishes import Wishes

URL = "https://docs.example.com/guide/intro"


def read_all(tmp_path: Path, *pages: SentPage, characters: int = 1_000_000, **rules: object) -> tuple[ReadPage, ...]:
    path = tmp_path / "pages"
    path.write_bytes(msgspec.msgpack.encode(pages))
    chosen = PageRules(**rules)  # type: ignore[arg-type]
    order = Order("web", str(path), ParseOptions(), False, 0, 0, 1, 1, 0.0, characters, page_rules=chosen)
    return read_web_pages(path, order)


def read(tmp_path: Path, html: str, *selectors: str, **rules: object) -> ReadPage:
    told = {"ignore_href": True, "selectors": selectors or ("body",), **rules}
    return read_all(tmp_path, SentPage(URL, True, "", html.encode()), **told)[0]


def texts(page: ReadPage) -> list[str]:
    return [block.text for block in page.blocks]


PAGE = """<!doctype html><html><head><title>Leave &amp; pay</title><style>p {}</style></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="other">Other</a></li></ul></nav>
<main id="content"><p>Twenty days of leave.</p>
<div class="note big"><p>Ask <a href="/hr#who">the office</a> first.</p></div></main>
<aside class="note"><p>Last changed in May.</p></aside><footer><p>All rights.</p></footer></body></html>"""


def test_the_whole_page_but_its_menus(tmp_path: Path) -> None:
    page = read(tmp_path, PAGE)
    assert page.title == "Leave & pay" and page.failure == ""
    assert texts(page) == [
        "Leave & pay", "Twenty days of leave.", "Ask the office first.", "Last changed in May.", "All rights.",
    ]  # fmt: skip
    assert [block.page for block in page.blocks] == [None] * 5 and page.blocks[1].line_from == 3


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        (("main",), ["Twenty days of leave.", "Ask the office first."]),
        (("#content > p",), ["Twenty days of leave."]),
        ((".note",), ["Ask the office first.", "Last changed in May."]),
        (("aside", "main > p"), ["Twenty days of leave.", "Last changed in May."]),
        (("footer p, .big",), ["Ask the office first.", "All rights."]),
        (("nav",), ["- Home", "- Other"]),
        (("main", "main p"), ["Twenty days of leave.", "Ask the office first."]),
    ],
)
def test_only_the_chosen_parts(tmp_path: Path, selectors: tuple[str, ...], expected: list[str]) -> None:
    page = read(tmp_path, PAGE, *selectors)
    assert texts(page) == ["Leave & pay", *expected] and page.title == "Leave & pay"


def test_a_page_without_a_chosen_part_has_no_text_but_its_links(tmp_path: Path) -> None:
    page = read(tmp_path, PAGE, "article")
    assert page.blocks == () and page.failure == ""
    assert page.links == (
        "https://docs.example.com/", "https://docs.example.com/guide/other", "https://docs.example.com/hr",
    )  # fmt: skip


def test_the_body_is_read_also_where_the_source_does_not_name_it(tmp_path: Path) -> None:
    assert texts(read(tmp_path, "<title>T</title><p>Words.")) == ["T", "Words."]


@pytest.mark.parametrize(
    ("html", "selector", "expected"),
    [
        ("<ul><li class=a>one<li>two</ul><p>three", "li.a", ["- one"]),
        ("<div class=a><p>one</div><p>two", ".a", ["one"]),
        ("<p class=a>one<p>two<div>three</div>", "p.a", ["one"]),
        ("<table><tr><td class=a>one<td>two<tr><td>three</table>", ".a", ["one"]),
        ("<dl><dt class=a>one<dd>two</dl>", ".a", ["one"]),
        ("<span class=a>one<b>two</span>three", ".a", ["onetwo"]),
        ("<span class=a>one<div>two</span>three</div>four", ".a", ["one", "twothree", "four"]),
        ("<div class=a>one<br>two<img alt=x></div>three", ".a", ["one\ntwo x"]),
        ("<div class=a>one", ".a", ["one"]),
        ("</div></p><p class=a>one</p>two", ".a", ["one"]),
        ("<div class=a><ul><li>one</div><p class=a>two</p>", ".a", ["- one", "two"]),
        ("<div class=a><nav>menu</div><p class=a>two</p>", ".a", ["two"]),
        ("<div class=a><script>var x = '<p>';</script>one</div><style>p {}</style>", ".a", ["one"]),
        ("<div class=a><div>one</div>two</div>three", ".a", ["one", "two"]),
        ("<svg><title>Logo</title></svg><div class=a>one</div>", ".a", ["one"]),
    ],
)
def test_where_a_part_ends_in_loose_html(tmp_path: Path, html: str, selector: str, expected: list[str]) -> None:
    assert texts(read(tmp_path, html, selector)) == expected


LINKED = """<p>See <a href="/hr#who">the office</a>, <a href="#top">above</a>, <a href="mailto:x@y.z">a mail</a>,
<a href="https://docs.example.com/hr">https://docs.example.com/hr</a>, <a href="/img"><img alt="a picture"></a> or
<a href="//a.example/b">b</a>. It is a long sentence about leave, so that nobody takes it for a menu of the page.</p>
<h2><a href="/h">Heading</a></h2><a href="/card"><h3>Card</h3><p>Words of a card.</p></a><p>End.</p>"""


@pytest.mark.parametrize(
    ("rules", "office", "other"),
    [
        ({"ignore_href": False}, "the office https://docs.example.com/hr#who,", "b https://a.example/b."),
        ({"ignore_href": False, "link_brackets": True}, "the office [https://docs.example.com/hr#who],",
         "b [https://a.example/b]."),
        ({"ignore_href": True, "link_brackets": True}, "the office,", "or\nb."),
    ],
)  # fmt: skip
def test_how_links_are_written(tmp_path: Path, rules: dict[str, bool], office: str, other: str) -> None:
    found = texts(read(tmp_path, LINKED, **rules))
    said = found[0].replace(" \n", "\n")
    assert office in said and other.replace("or\n", "or ") in said.replace("\n", " ")
    assert "above, a mail," in said.replace("\n", " ")
    assert said.count("https://docs.example.com/hr") == (1 if rules.get("ignore_href") else 2)
    assert found[1:] == ["Heading", "Card", "Words of a card.", "End."], "headings and cards stay as they are"


def test_links_of_a_menu_do_not_make_it_a_text(tmp_path: Path) -> None:
    page = read(tmp_path, "<ul><li><a href=/a>One</a><li><a href=/b>Two</a></ul><p>Words of a text.", ignore_href=False)
    assert texts(page) == ["Words of a text."]


def test_links_stand_on_the_base_of_the_page(tmp_path: Path) -> None:
    html = '<base href="/v2/"><a href="a">a</a><a href="A#x">b</a><a href="a?q#y">c</a><area href="m"><a>none</a>'
    html += '<a href="http://[">bad</a><a href="javascript:x()">x</a><a href="ftp://x/">f</a><a href="">e</a>'
    html += '<a href="' + "x" * 3_000 + '">long</a><!-- <a href="hidden">h</a> --><a href="a#z">again</a>'
    page = read(tmp_path, html)
    assert page.links == tuple(f"https://docs.example.com/v2/{one}" for one in ("a", "A", "a?q", "m"))


def test_what_a_page_wishes_comes_with_it_and_links_of_the_kind_nofollow_are_no_links(tmp_path: Path) -> None:
    html = '<meta NAME=Robots content="noindex"><p>See <a href=/a rel="external NoFollow">a</a> or <a href=/b>b</a>.'
    html += "<a href=/c rel=nofollow>c</a><a href=/c rel=next>c</a><a href=/d rel=nofollower>d</a>"
    html += "<area href=/e rel=nofollow>"
    page = read(tmp_path, html, ignore_href=False)
    assert page.wishes == Wishes(noindex=True)
    assert [link.removeprefix("https://docs.example.com") for link in page.links] == ["/b", "/c", "/d"]
    assert "https://docs.example.com/a" in texts(page)[0], "it is written all the same"


def test_wishes_of_page_and_host_add_up(tmp_path: Path) -> None:
    sent = SentPage(URL, True, "", b'<main>Words.</main><meta name="robots" content="nofollow">', Wishes(noindex=True))
    assert read_all(tmp_path, sent, selectors=("main",))[0].wishes == Wishes(noindex=True, nofollow=True)
    plain = SentPage(URL, False, "", b"Words.", Wishes(noindex=True))
    assert read_all(tmp_path, plain)[0].wishes == Wishes(noindex=True)


def test_plain_text_is_read_as_such(tmp_path: Path) -> None:
    page = read_all(tmp_path, SentPage(URL, False, "", b"# no heading?\n\n<p>Words</p>"), selectors=("main",))[0]
    assert "<p>Words</p>" in texts(page)[-1] and page.links == () and page.title == ""


@pytest.mark.parametrize(
    ("charset", "html"),
    [("iso-8859-1", "<p>Años"), ("", '<meta charset="iso-8859-1"><p>Años'), ("no-such", "<p>Años y más años de niños")],
)
def test_the_encoding_is_that_of_the_host_or_of_the_page(tmp_path: Path, charset: str, html: str) -> None:
    page = read_all(tmp_path, SentPage(URL, True, charset, html.encode("latin-1")))[0]
    assert texts(page)[0].startswith("Años")


def test_a_broken_page_leaves_the_others_alone(tmp_path: Path) -> None:
    good = SentPage(URL, True, "", b"<p>Words.")
    long = SentPage(URL, True, "", b"<p>" + b"a" * 200)
    found = read_all(tmp_path, good, long, SentPage(URL, False, "", b"\0\0\1"), good, characters=100)
    assert texts(found[0]) == texts(found[3]) == ["Words."]
    assert "more than 100 characters" in found[1].failure and "no text" in found[2].failure


def test_a_name_alone_is_no_text(tmp_path: Path) -> None:
    assert read(tmp_path, "<title>App</title><div id=root></div><script>go()</script>").blocks == ()
