"""Heads and feet that run through the pages of a PDF, and the numbers of pages: said once, or not at all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from portico.server.retrieval.parsing.pdf_lines import Line

_OFTEN = 3
_FURTHEST = 100
"""A number at the edge of a line counts pages when it is that of the page and no more than this besides."""
_NUMBERED = re.compile(r"(?P<head>\d{1,4})?(?P<rest>.*?)(?P<foot>\d{1,4})?$")
_ROMAN = re.compile(r"[ivxlc]{1,7}$")
_Key = tuple[str, int | None]


def drop_running(pages: Mapping[int, list[Line]]) -> dict[int, list[Line]]:
    """The first and last line of a page that stand so on several ones stay on the first of these only."""
    seen: Counter[_Key] = Counter()
    for number, lines in pages.items():
        seen.update({key for place in _edges(lines) for key in _keys(lines[place].text, number)})
    said: set[_Key] = set()
    return {number: _without(lines, number, seen, said) for number, lines in pages.items()}


def _without(lines: list[Line], number: int, seen: Counter[_Key], said: set[_Key]) -> list[Line]:
    dropped = set()
    for place in _edges(lines):
        text = lines[place].text.strip()
        often = {key for key in _keys(text, number) if seen[key] >= _OFTEN}
        is_number = any(not rest for rest, _ in often) or _ROMAN.match(text)
        if is_number or often & said:
            dropped.add(place)
        said |= often
    return [line for place, line in enumerate(lines) if place not in dropped]


def _edges(lines: list[Line]) -> set[int]:
    return {0, len(lines) - 1} if len(lines) > 1 else set()


def _keys(text: str, page: int) -> Iterator[_Key]:
    """A line as it is, and without the number of the page at one of its ends."""
    text = " ".join(text.split())
    if not text.isdigit():
        yield text, None
    found = _NUMBERED.match(text)
    for end, other in (("head", "foot"), ("foot", "head")) if found else ():
        if found and found[end] and abs(int(found[end]) - page) <= _FURTHEST:
            rest = found["rest"] if not found[other] else f"{found['rest']}{found[other]}"
            yield rest.strip(" -–—|·"), int(found[end]) - page
