"""Words in columns to rows of cells, and whether that is a table."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from portico.server.retrieval.parsing.pdf_lines import join_cut
from portico.server.retrieval.parsing.pdf_rules import NEAR, Rule
from portico.server.retrieval.parsing.pdf_words import PageWords, Word

_MOST_OF_IT = 0.6
_LONGEST_CELL = 250
"""Characters: a larger cell that holds most of what stands in all is text with something beside it."""
_FILLED_LEAST = 0.25
_WORDY = 4.5
_ALIKE = 0.45
"""Of the height of a line: what differs less stands on one."""
_NUMBER = re.compile(r"[-+−–(]?[$€£¥]?\s?\d[\d\s.,'’]*(?:[eE][-+]?\d+)?\s?(?:[%‰°)*†‡]|[A-Za-z€$£µ]{1,3})?$|[-–—]+$")
Cells = Mapping[int, Sequence[Word]]
"""Of one row: the words by their column."""


@dataclass(frozen=True, slots=True)
class Found:
    """A table: its rows, and the words it consists of. Rows of one cell may stand above the head, if it has one."""

    rows: list[list[str]]
    words: list[Word]
    has_head: bool
    is_bold: bool


def read_rows(band: Cells) -> list[dict[int, list[Word]]]:
    """What stands between two rules: one row, however many lines its cells have; or several, when the page was written
    line after line through several columns."""
    starts = _through(band)
    if len(starts) < 2:
        return [{column: [*words] for column, words in band.items()}]
    below = [-start for start in starts]
    rows: list[dict[int, list[Word]]] = [defaultdict(list) for _ in range(len(starts) + 1)]
    for column, words in band.items():
        for word in words:
            slack = _ALIKE * (word.top - word.bottom)
            rows[bisect_left(below, slack - word.height)][column].append(word)
    return [dict(row) for row in rows if row]


def _through(band: Cells) -> list[float]:
    """Heights of the lines that have words of several columns, from above."""
    columns: dict[int, set[int]] = defaultdict(set)
    first: dict[int, Word] = {}
    for column, words in band.items():
        for word in words:
            columns[word.line].add(column)
            first.setdefault(word.line, word)
    for line, following in pairwise(sorted(columns)):
        if following == line + 1 and is_beside(first[line], first[following]):
            columns[following] |= columns[line]
    heights = sorted((first[line].height for line in columns if len(columns[line]) > 1), reverse=True)
    least = min((word.top - word.bottom for word in first.values()), default=0.0) * _ALIKE
    return [height for place, height in enumerate(heights) if not place or heights[place - 1] - height > least]


def is_beside(word: Word, other: Word) -> bool:
    """On one line as it is seen."""
    return abs(word.height - other.height) < _ALIKE * min(word.top - word.bottom, other.top - other.bottom)


def maybe_found(rows: Sequence[Cells], words: PageWords, rules: Sequence[Rule]) -> Found | None:
    """The table that rows are, from above. None where they are no table; `rules` are the level ones."""
    columns = sorted({column for row in rows for column, cell in row.items() if cell})
    rows = [row for row in rows if any(row.values())]
    texts = [[_text(row.get(column, ())) for column in columns] for row in rows]
    if not _is_table(texts):
        return None
    head = next(place for place, row in enumerate(texts) if sum(map(bool, row)) > 1)
    if head + 1 >= len(texts):
        return None
    everything = [word for row in rows for cell in row.values() for word in cell]
    is_bold = _is_bold(rows[head], words) and not all(_is_bold(row, words) for row in rows[head + 1 :])
    has_head = is_bold or _is_underlined(rows[head : head + 2], rules) or _names_numbers(texts[head:])
    return Found(texts, everything, has_head, is_bold)


def _is_table(texts: Sequence[Sequence[str]]) -> bool:
    if len(texts) < 2 or len(texts[0]) < 2:
        return False
    lengths = [len(text) for row in texts for text in row]
    longest, total = max(lengths), sum(lengths)
    is_text = longest > _LONGEST_CELL and longest > _MOST_OF_IT * total
    several = sum(1 for row in texts if sum(map(bool, row)) > 1)
    return not is_text and several >= 2 and sum(map(bool, lengths)) >= _FILLED_LEAST * len(lengths)


def _is_bold(row: Cells, words: PageWords) -> bool:
    return all(words.is_bold(cell[0]) for cell in row.values() if cell)


def _names_numbers(texts: Sequence[Sequence[str]]) -> bool:
    """Whether the first row has no numbers, and stands above some."""
    if any(is_number(text) for text in texts[0]):
        return False
    columns = [[text for text in column if text] for column in zip(*texts[1:], strict=True)]
    return any(name and column and all(map(is_number, column)) for name, column in zip(texts[0], columns, strict=True))


def _is_underlined(rows: Sequence[Cells], rules: Sequence[Rule]) -> bool:
    """Whether a rule parts the first of two rows from the second."""
    above, below = ([word for cell in row.values() for word in cell] for row in rows[:2])
    lowest, highest = min(word.height for word in above), max(word.height for word in below)
    left, right = min(word.left for word in above), max(word.right for word in above)
    inside = [rule for rule in rules if highest < rule.at < lowest and rule.end > left and rule.begin < right]
    covered = sum(min(rule.end, right) - max(rule.begin, left) for rule in inside)
    return covered + NEAR >= _MOST_OF_IT * (right - left)


def is_number(text: str) -> bool:
    return bool(_NUMBER.match(text))


def count_wordy(texts: Sequence[Sequence[str]]) -> int:
    """Columns that tell more than they name: several are prose in columns, one is a list of what words mean."""
    columns = [[text for text in column if text] for column in zip(*texts, strict=True)]
    told = [sum(len(text.split()) for text in column) / len(column) for column in columns if column]
    return sum(1 for words in told if words > _WORDY)


def _text(words: Iterable[Word]) -> str:
    """In the order in which the page draws them; words that were cut at the end of a line are whole."""
    parts: list[str] = []
    line = -1
    for word in words:
        if parts and word.line != line:
            parts.append("\n")
        elif parts:
            parts.append(" ")
        parts.append(word.text)
        line = word.line
    return " ".join(join_cut("".join(parts)).split())
