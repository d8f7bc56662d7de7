"""Addresses of pages in one spelling, and which of them a crawl may ask."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

LONGEST = 2000
_PORTS = {"http": 80, "https": 443}
_STRIPPED = dict.fromkeys([9, 10, 13])
"""Tabs and ends of lines within an address say nothing, as in browsers."""
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_BARE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_KEPT = "/%:@!$&'()*+,;=~-._"
Site = tuple[str, int]


def maybe_address(text: str, base: str = "") -> str | None:
    """The address that `text` means on the page `base`, without its fragment. None for what is no http address, and for
    one with a user or a password in it."""
    text = text.translate(_STRIPPED).strip()
    if len(text) > LONGEST:
        return None
    try:
        parts = urlsplit(urljoin(base, text))
        port = parts.port
        host = (parts.hostname or "").rstrip(".")
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        return None
    if parts.scheme not in _PORTS or not host or "@" in parts.netloc or not _is_host(host):
        return None
    place = f"[{host}]" if ":" in host else host
    place += f":{port}" if port not in (None, _PORTS[parts.scheme]) else ""
    query = f"?{escape(parts.query, '?')}" if parts.query else ""
    found = f"{parts.scheme}://{place}{_without_dots(escape(parts.path))}{query}"
    return found if len(found) <= LONGEST else None


def escape(text: str, more: str = "") -> str:
    """With the escapes that a path or a query needs, and no others: two spellings of one place become the same."""
    return _ESCAPE.sub(_unescape, quote(_BARE.sub("%25", text), _KEPT + more, errors="replace"))


def _unescape(found: re.Match[str]) -> str:
    letter = chr(int(found[1], 16))
    return letter if letter in _UNRESERVED else found[0].upper()


def _is_host(host: str) -> bool:
    return re.fullmatch(r"[a-z0-9._-]+|[0-9a-f:.]+", host) is not None


def _without_dots(path: str) -> str:
    kept: list[str] = []
    parts = path.split("/")[1:]
    for place, part in enumerate(parts):
        is_last = place == len(parts) - 1
        if part in (".", ".."):
            del kept[len(kept) - (part == "..") :]
            kept += [""] if is_last else []
        else:
            kept.append(part)
    return "/" + "/".join(kept)


def site_of(address: str) -> Site:
    """Host and port; the default ports of http and https are one site."""
    parts = urlsplit(address)
    port = parts.port
    return parts.hostname or "", 0 if port in (None, *_PORTS.values()) else port or 0


def origin_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def target_of(address: str) -> str:
    """Path and query: what robots.txt speaks of."""
    parts = urlsplit(address)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


@dataclass(frozen=True, slots=True)
class Scope:
    """The site and the folder that a crawl stays in, unless it may go outside; and what it leaves out."""

    site: Site
    folder: str
    outside: bool
    excluded: tuple[tuple[Site, str], ...]

    @classmethod
    def of(cls, start: str, excluded: Sequence[str], *, outside: bool) -> Scope:
        left_out = tuple((site_of(one), urlsplit(one).path.rstrip("/")) for one in excluded)
        return cls(site_of(start), urlsplit(start).path.rpartition("/")[0] + "/", outside, left_out)

    def allows(self, address: str) -> bool:
        is_inside = site_of(address) == self.site and urlsplit(address).path.startswith(self.folder)
        return (self.outside or is_inside) and not self.excludes(address)

    def excludes(self, address: str) -> bool:
        """Whether it is one of the folders left out, or lies in one."""
        site, path = site_of(address), urlsplit(address).path
        return any(site == one and (path == folder or path.startswith(f"{folder}/")) for one, folder in self.excluded)
