"""What a page says about being read by machines, in its head or in that of its answer: two wishes come out.

Source: https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag, read 2026-11-21.
"""

from __future__ import annotations

import re

import msgspec

AGENT = "portico"
_EVERYBODY = ("robots", "*", "")
_NAME = re.compile(r"[a-z_-]+|\*")
_VALUED = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
"""Words with a value behind a colon. Before any other colon stands the crawler that is meant."""
_VALUE = re.compile(r"[a-z_-]+\s*:\s*\S+")


class Wishes(msgspec.Struct, frozen=True):
    """`noindex`: its text is not to be found; `nofollow`: its links are not to be gone along."""

    noindex: bool = False
    nofollow: bool = False

    def __or__(self, other: Wishes) -> Wishes:
        return Wishes(self.noindex or other.noindex, self.nofollow or other.nofollow)


NONE = Wishes()


def read_tag(name: str, content: str) -> Wishes:
    """Of a `<meta name content>`."""
    return _wishes(content.lower().split(",")) if _is_meant(name) else NONE


def read_header(lines: str) -> Wishes:
    """Of every X-Robots-Tag, one in a line. A crawler that is named is meant by all that follows in its line."""
    parts: list[str] = []
    for line in lines.lower().splitlines():
        agent = ""
        for part in line.split(","):
            name, colon, rest = part.strip().partition(":")
            if colon and name.strip() not in _VALUED and _NAME.fullmatch(name.strip()):
                agent, part = name, rest
            parts += [part] if _is_meant(agent) else []
    return _wishes(parts)


def _is_meant(name: str) -> bool:
    return name.strip().lower() in (AGENT, *_EVERYBODY)


def _wishes(parts: list[str]) -> Wishes:
    said = {word for part in parts for word in _VALUE.sub(" ", part).split()}
    return Wishes("noindex" in said or "none" in said, "nofollow" in said or "none" in said)
