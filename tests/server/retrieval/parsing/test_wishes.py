"""What pages and hosts say about being read: meta tags and X-Robots-Tag, for everybody or for us."""

from __future__ import annotations

import pytest

from portico.server.retrieval.parsing.wishes import NONE, Wishes, read_header, read_tag

BOTH = Wishes(noindex=True, nofollow=True)
NOINDEX, NOFOLLOW = Wishes(noindex=True), Wishes(nofollow=True)


@pytest.mark.parametrize(
    ("name", "content", "wishes"),
    [
        ("robots", "noindex", NOINDEX),
        ("ROBOTS", "NoIndex,NOFOLLOW", BOTH),
        ("robots", " nofollow , max-snippet:20", NOFOLLOW),
        ("robots", "none", BOTH),
        ("robots", "index, follow", NONE),
        ("robots", "noindex nofollow", BOTH),
        ("robots", "noindexing", NONE),
        ("robots", "max-image-preview: none", NONE),
        ("robots", "max-snippet:20 noindex", NOINDEX),
        ("robots", "", NONE),
        ("portico", "none", BOTH),
        ("googlebot", "none", NONE),
        ("description", "none", NONE),
    ],
)
def test_a_tag_holds_for_everybody_or_for_us(name: str, content: str, wishes: Wishes) -> None:
    assert read_tag(name, content) == wishes


@pytest.mark.parametrize(
    ("lines", "wishes"),
    [
        ("", NONE),
        ("noindex", NOINDEX),
        ("NOINDEX, nofollow", BOTH),
        ("none", BOTH),
        ("googlebot: noindex, nofollow", NONE),
        ("portico: noindex, nofollow", BOTH),
        ("Portico:nofollow", NOFOLLOW),
        ("nofollow, googlebot: noindex", NOFOLLOW),
        ("googlebot: nofollow\nnoindex", NOINDEX),
        ("googlebot: none, portico: noindex", NOINDEX),
        ("unavailable_after: Wed, 03 Dec 2025 13:09:53 GMT, noindex", NOINDEX),
        ("max-snippet: 20, max-image-preview: none", NONE),
        ("noarchive", NONE),
    ],
)
def test_a_header_names_whom_it_means_before_a_colon(lines: str, wishes: Wishes) -> None:
    assert read_header(lines) == wishes
