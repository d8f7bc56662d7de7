"""Tables of a page of a PDF: the lines of each become one, which holds its rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import pypdfium2

from portico.server.retrieval.parsing.pdf_cells import Found, maybe_found, read_rows
from portico.server.retrieval.parsing.pdf_columns import list_banded, list_runs
from portico.server.retrieval.parsing.pdf_grids import Grid, list_grids
from portico.server.retrieval.parsing.pdf_lines import Line
from portico.server.retrieval.parsing.pdf_rules import NEAR, Drawings, Rule
from portico.server.retrieval.parsing.pdf_words import PageWords, Word

_LINES_LIMIT, _LETTERS_LIMIT = 2_000, 100_000
"""Of one page: more of them nobody reads, and to compare their places would take its time."""


def put_tables(
    page: pypdfium2.PdfPage, text: pypdfium2.PdfTextPage, lines: list[Line], drawings: Drawings
) -> list[Line]:
    """The lines of the page, those of tables put together; the others as they are, and where they are."""
    if not lines or any(line.begun < 0 for line in lines):
        return lines
    if len(lines) > _LINES_LIMIT or sum(len(line.text) for line in lines) > _LETTERS_LIMIT:
        return lines
    rules = drawings.list_rules(page)
    words = PageWords(page, text, lines)
    found: list[Found] = []
    taken: set[tuple[int, int]] = set()
    if rules.level and rules.upright:
        for grid in list_grids(rules):
            _take(_ruled(grid, words, taken, rules.level), found, taken)
    for one in list_banded(rules.level, words, taken):
        _take(one, found, taken)
    for one in list_runs(words, {line for line, _ in taken}, rules.level):
        _take(one, found, taken)
    return _replaced(lines, found, taken, words) if found else lines


def _take(one: Found | None, found: list[Found], taken: set[tuple[int, int]]) -> None:
    if one is None or any((word.line, word.place) in taken for word in one.words):
        return
    found.append(one)
    taken.update((word.line, word.place) for word in one.words)


def _ruled(grid: Grid, words: PageWords, taken: set[tuple[int, int]], rules: Sequence[Rule]) -> Found | None:
    bands: dict[int, dict[int, list[Word]]] = defaultdict(lambda: defaultdict(list))
    tall = count = 0
    for word in words.all():
        square = grid.find(word.middle, word.height)
        if square is not None and (word.line, word.place) not in taken:
            bands[square[0]][square[1]].append(word)
            if len(word.text) > 2:
                count += 1
                tall += word.top - word.bottom > word.right - word.left
    if tall * 2 > count:  # it was turned, and its rows are no rows
        return None
    rows = [row for band in sorted(bands) for row in read_rows(bands[band])]
    return maybe_found(rows, words, rules)


def _replaced(
    lines: Sequence[Line], found: Sequence[Found], taken: set[tuple[int, int]], words: PageWords
) -> list[Line]:
    """A table stands where its first word is drawn."""
    starts = {min(word.line for word in one.words): one for one in found}
    touched = {line for line, _ in taken}
    result: list[Line] = []
    for place, line in enumerate(lines):
        left = [word for word in words.of(place) if (place, word.place) not in taken] if place in touched else []
        if place not in touched:
            result.append(line)
        elif left:
            result.append(_rest(line, left))
        if place in starts:
            result += _table(starts[place], lines)
    return result


def _rest(line: Line, left: Sequence[Word]) -> Line:
    """What of a line is in no table."""
    text = " ".join(word.text for word in left)
    return Line(text, line.size, line.is_bold, line.top, line.bottom, left[0].left, left[0].begun)


def _table(one: Found, lines: Sequence[Line]) -> Iterator[Line]:
    """What stands above the head, in one cell, is a line of its own."""
    held = [lines[place] for place in sorted({word.line for word in one.words})]
    sizes = sorted(line.size for line in held)
    size, top, bottom = sizes[len(sizes) // 2], max(line.top for line in held), min(line.bottom for line in held)
    head = next(place for place, row in enumerate(one.rows) if sum(map(bool, row)) > 1)
    left = min(word.left for word in one.words)
    for row in one.rows[:head]:
        yield Line(next(filter(None, row)), size, held[0].is_bold, top, top - size, left)
    rows = one.rows[head:] if one.has_head else [[""] * len(one.rows[0]), *one.rows[head:]]
    text = "\n".join(" ".join(filter(None, row)) for row in rows)
    yield Line(text.strip(), size, one.is_bold, top, bottom, left, rows=rows)


def carry_heads(pages: Mapping[int, Sequence[Line]]) -> None:
    """A table that goes on over the top of the next page has its head there as well, where that is bold and was not
    repeated. Pages in their order; lines that run through them are gone."""
    before: Line | None = None
    for lines in pages.values():
        table = lines[0] if lines and lines[0].rows else None
        if before is not None and table is not None and before.rows and table.rows:
            is_alike = len(before.rows[0]) == len(table.rows[0]) and abs(before.left - table.left) <= NEAR
            if is_alike and before.is_bold and not table.is_bold:
                table.rows = [before.rows[0], *(table.rows if any(table.rows[0]) else table.rows[1:])]
                table.is_bold = True
        before = lines[-1] if lines and lines[-1].rows else None
