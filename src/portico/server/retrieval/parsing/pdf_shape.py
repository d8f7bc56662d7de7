"""Lines of PDF pages to titles, items and paragraphs: by what is usual in the whole document."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from portico.server.retrieval.parsing.pdf_lines import LEADER, Line
from portico.server.retrieval.parsing.pile import Pile, write_table

_ITEM = re.compile(r"(?:[•●▪◦‣·–—*-]|\d{1,3}[.)]|[a-z][.)]|\(\w{1,3}\))\s+\S")
_NUMBERED = re.compile(r"(?:chapter|section|appendix|part)?\s*[A-Z0-9]+(?:\.\d+){0,5}\.?\s+\S", re.I)
_LARGER = 1.12
_TITLE_LONGEST = 200
_LEVELS = 6


@dataclass(frozen=True, slots=True)
class Shape:
    """`body` is the size of most letters; `levels` of the sizes that are larger; `outline` of titles, by page."""

    body: float
    levels: dict[float, int]
    outline: dict[int, dict[str, int]]

    @classmethod
    def of(cls, pages: Iterable[Sequence[Line]], outline: Iterable[tuple[int, str, int]]) -> Shape:
        letters: Counter[float] = Counter()
        for lines in pages:
            for line in lines:
                letters[line.size] += len(line.text)
        body = max(letters, key=lambda size: (letters[size], -size), default=0.0)
        larger = sorted((size for size in letters if body > 0 and size >= body * _LARGER), reverse=True)
        told: dict[int, dict[str, int]] = defaultdict(dict)
        for page, title, level in outline:
            told[page][_bare(title)] = min(level, _LEVELS)
        return cls(body, {size: min(place, _LEVELS) for place, size in enumerate(larger, 1)}, dict(told))

    def level(self, line: Line, page: int) -> int:
        """0 for what is no heading."""
        text = line.text.strip()
        if not 2 <= len(text) <= _TITLE_LONGEST or LEADER in text or not any(letter.isalpha() for letter in text):
            return 0
        told = self.outline.get(page, {}).get(_bare(text))
        if told:
            return told
        by_size = self.levels.get(line.size, 0)
        if by_size or not line.is_bold:
            return by_size
        is_numbered = bool(_NUMBERED.match(text)) and text[:1].isdigit() and len(text) < 100
        return min(len(self.levels) + 1, _LEVELS) if is_numbered and text[-1] not in ".:;," else 0


def put_page(lines: Sequence[Line], page: int, shape: Shape, pile: Pile) -> None:
    """Lines of one paragraph stay lines: what looks like a table is still one to read."""
    begun, gap, number = 0, _usual_gap(lines), 0
    levels = [0 if line.rows else shape.level(line, page) for line in lines]
    for place in range(1, len(lines) + 1):
        if place < len(lines) and not _parts(lines[place - 1], lines[place], levels[place - 1 : place + 1], gap):
            continue
        rows = lines[begun].rows
        text = "\n".join(line.text for line in lines[begun:place])
        spot = (number + 1, number + (len(rows) + 1 if rows else place - begun))
        number = spot[1]
        if rows:
            pile.add("table", write_table(rows, len(rows[0])), 0, spot)
        elif levels[begun]:
            pile.add("title", " ".join(text.split()), levels[begun], spot)
        elif _ITEM.match(text):
            pile.add("list_item", text, 1, spot)
        else:
            pile.add("text", text, 0, spot)
        begun = place


def _parts(line: Line, following: Line, levels: Sequence[int], gap: float) -> bool:
    """Whether something new begins with the line that follows."""
    if line.rows or following.rows:
        return True
    if levels[0] != levels[1] or (not levels[0] and _ITEM.match(following.text)):
        return True
    if not line.size or not following.size:
        return False
    step = line.bottom - following.bottom
    if levels[0]:
        return abs(line.size - following.size) > 0.2 or not 0 < step < 2 * line.size
    # Upwards: a new column, or something drawn elsewhere. It begins a paragraph unless a sentence goes on.
    if step <= -line.size:
        return line.text.rstrip()[-1:] in ".!?:"
    return step > max(gap * 1.35, line.size * 1.1)


def _usual_gap(lines: Sequence[Line]) -> float:
    """From line to line, as most of the page has it."""
    steps = Counter(
        round(line.bottom - following.bottom)
        for line, following in pairwise(lines)
        if 0 < line.bottom - following.bottom < 4 * max(line.size, 1)
    )
    return float(max(steps, key=lambda step: (steps[step], -step), default=0))


def _bare(title: str) -> str:
    return re.sub(r"[\W_]+", " ", title).strip().casefold()
