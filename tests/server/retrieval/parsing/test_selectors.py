"""CSS selectors against the path of elements that are open."""

from __future__ import annotations

import pytest

from portico.server.retrieval.parsing.selectors import MOST_PARTS, Element, SelectorInvalid, read_selector


def element(written: str) -> Element:
    """`div#a.b.c` and one attribute behind @."""
    rest, _, attribute = written.partition("@")
    name, _, value = attribute.partition("=")
    rest, *classes = rest.split(".")
    tag, _, number = rest.partition("#")
    known: dict[str, str | None] = {"class": " ".join(classes)} if classes else {}
    known |= {"id": number} if number else {}
    return Element(tag, known | ({name: value} if name else {}))


PATH = "html body main#top.wide div.text.long@lang=en-GB p.first"


@pytest.mark.parametrize(
    "selector",
    [
        "p", "P", ".first", "p.first", "*", "main p", "body p", "main > div > p", "main > div p", "html  >body p",
        "#top p", "main#top.wide .text.long>p", "[lang] p", "[lang=en-GB] p", "[lang|=en] p", '[lang^="en"] p',
        "[lang$='GB'] p", "[lang*=n-G] p", "[class~=long] p", "h1, p", " table ,main p ", "main p, div",
        "body > * > div > p",
    ],
)  # fmt: skip
def test_what_fits(selector: str) -> None:
    assert read_selector(selector).fits([element(one) for one in PATH.split()])


@pytest.mark.parametrize(
    "selector",
    [
        "div", ".second", "p.first.second", "p#first", "main > p", "p main", "body > div > p", "[lang=en] p",
        "[lang~=en] p", "[dir] p", '[lang^=""] p', "nav p", "main div div p", "h1, h2",
    ],
)  # fmt: skip
def test_what_does_not_fit(selector: str) -> None:
    assert not read_selector(selector).fits([element(one) for one in PATH.split()])


def test_a_child_is_found_behind_several_that_could_be_its_parent() -> None:
    path = [element(one) for one in ("section", "div", "section", "p", "section", "span")]
    assert read_selector("section > p span").fits(path) and not read_selector("div > p span").fits(path)


def test_what_names_the_whole_page() -> None:
    assert all(read_selector(one).is_everything for one in ("body", "HTML", "main, body", "*"))
    assert not any(read_selector(one).is_everything for one in ("main", "body.wide", "body main", "body > *"))


@pytest.mark.parametrize(
    "selector",
    [
        "", " ", "p:first-child", "p + p", "p ~ p", "> p", "p >", "p,", ",p", "p > > p", "[lang", "[=x]", "#", ".",
        "p..a", "p::before", "a{}", "@media", "main:not(.x)", "p" + " p" * MOST_PARTS,
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for_is_refused(selector: str) -> None:
    with pytest.raises(SelectorInvalid, match=r"write tags|at most"):
        read_selector(selector)
