"""What a robots.txt allows us: groups, rules, wildcards, pauses."""

from __future__ import annotations

import pytest

from portico.server.retrieval.crawling.robots import DELAY_MOST_S, Robots, read_robots


@pytest.mark.parametrize(
    ("text", "open_", "closed"),
    [
        ("", ["/", "/a"], []),
        ("User-agent: *\nDisallow:", ["/a"], []),
        ("User-agent: *\nDisallow: /", [], ["/", "/a"]),
        ("user-AGENT : *  # all\nDISALLOW : /a # why\n", ["/", "/b"], ["/a", "/a/b", "/ab"]),
        ("User-agent: other\nDisallow: /", ["/a"], []),
        ("User-agent: *\nDisallow: /\n\nUser-agent: Portico\nDisallow: /b", ["/a"], ["/b"]),
        ("User-agent: portico/1.0\nDisallow: /b\nUser-agent: *\nDisallow: /", ["/a"], ["/b"]),
        ("User-agent: other\nUser-agent: portico\nDisallow: /b", ["/a"], ["/b"]),
        ("User-agent: portico\nDisallow: /a\nUser-agent: portico\nDisallow: /b", ["/c"], ["/a", "/b"]),
        ("User-agent: portico-news\nDisallow: /", ["/a"], []),
        ("User-agent: *\nDisallow: /a\nAllow: /a/b", ["/a/b/c"], ["/a/c"]),
        ("User-agent: *\nDisallow: /a\nAllow: /a", ["/a"], []),
        ("User-agent: *\nDisallow: /*.php$", ["/x.php?a=1", "/x.html"], ["/x.php"]),
        ("User-agent: *\nDisallow: /*?print=", ["/x"], ["/x?print=1", "/a/b?print="]),
        ("User-agent: *\nDisallow: /a*b*c", ["/ab", "/a/c/b"], ["/abc", "/a1b2c3"]),
        ("User-agent: *\nDisallow: /a*a$", ["/a", "/ab"], ["/aa", "/a/b/a"]),
        ("User-agent: *\nDisallow: /end$", ["/end/", "/ends"], ["/end"]),
        ("User-agent: *\nDisallow: /%7Ejoe/ü", ["/~joe"], ["/~joe/%C3%BC"]),
        ("\ufeffUser-agent: *\r\nDisallow: /a\r\nSitemap: https://x/y", ["/b"], ["/a"]),
        ("<html>nothing of the kind: at all</html>", ["/a"], []),
        ("Disallow: /a\nUser-agent: *\nDisallow: /b", ["/a"], ["/b"]),
    ],
)
def test_what_is_open_and_what_is_closed(text: str, open_: list[str], closed: list[str]) -> None:
    robots = read_robots(text)
    assert [path for path in open_ if not robots.allows(path)] == []
    assert [path for path in closed if robots.allows(path)] == []


@pytest.mark.parametrize(
    ("text", "delay_s"),
    [
        ("User-agent: *\nCrawl-delay: 2", 2.0),
        ("User-agent: *\nCrawl-delay: 0.5\nDisallow: /a", 0.5),
        ("User-agent: *\nCrawl-delay: 86400", DELAY_MOST_S),
        ("User-agent: *\nCrawl-delay: soon", 0.0),
        ("User-agent: *\nCrawl-delay: -3", 0.0),
        ("User-agent: *\nCrawl-delay: 3\nUser-agent: portico\nDisallow: /b", 0.0),
    ],
)
def test_the_pause_between_pages(text: str, delay_s: float) -> None:
    assert read_robots(text).delay_s == delay_s


def test_a_pattern_made_to_take_for_ever_takes_one_pass() -> None:
    robots = read_robots("User-agent: *\nDisallow: /" + "*a" * 100_000 + "b")
    assert robots.allows("/" + "a" * 2_000)


def test_without_rules_all_is_open() -> None:
    assert Robots().allows("/a?b")
