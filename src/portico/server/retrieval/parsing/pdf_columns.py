"""Tables of which no rule parts the columns: words of several lines that stand below one another, with clear gaps."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from portico.server.retrieval.parsing.pdf_cells import (
    Found,
    count_wordy,
    is_beside,
    is_number,
    maybe_found,
    read_rows,
)
from portico.server.retrieval.parsing.pdf_rules import NEAR, Rule
from portico.server.retrieval.parsing.pdf_words import PageWords, Word

_GAP = 0.9
"""Of the size of letters: what parts two cells of a row. Between words it is a quarter to a half."""
_LANE = 0.7
"""What must be free through all rows between two columns."""
_STEP_MOST = 4.0
_ROWS_LEAST, _ROWS_OF_TWO = 3, 4
_FAR, _FAR_AT_EDGE = 1.7, 1.25
_LIKE = 0.15
_ALIGNED = 0.6
_FILLED = 0.55
_REACH = 3
"""Lines without a gap that may stand between two rows: those that a cell goes on in."""
_USUAL = 10.0
_RULES_LIMIT, _COLUMNS_LIMIT = 500, 100
"""More of them make a drawing, not a table."""
_MARK = re.compile(r"[^\w\s]{1,2}$|\(?\w{1,4}[.):\]]$|\[[^\]]*\]$|\d{1,5}$")
_ROMAN = re.compile(r"[ivxlcdm]+$", re.I)
_LEADERS = re.compile(r"\.{3,}|…|(?:^|\s)\.$")
Span = tuple[float, float]


@dataclass(slots=True)
class _Row:
    """One line as it is seen; its words in the pieces that gaps part."""

    pieces: list[list[Word]]
    size: float

    @property
    def spans(self) -> list[Span]:
        return [(piece[0].left, piece[-1].right) for piece in self.pieces]

    @property
    def height(self) -> float:
        return self.pieces[0][0].height


def list_banded(rules: Sequence[Rule], words: PageWords, taken: set[tuple[int, int]]) -> Iterator[Found]:
    """Tables with rules above, between and below their rows, but none between the columns. `taken`: words of other
    tables, by line and place."""
    for group in _alike(rules) if len(rules) <= _RULES_LIMIT else ():
        heights = [-rule.at for rule in group]
        bands: list[list[Word]] = [[] for _ in range(len(group) + 1)]
        for word in words.all():
            is_inside = group[0].begin - NEAR <= word.middle <= group[0].end + NEAR
            if is_inside and (word.line, word.place) not in taken:
                bands[bisect_right(heights, -word.height)].append(word)
        yield from _banded(bands[1:-1], words, rules)


def _alike(rules: Sequence[Rule]) -> Iterator[list[Rule]]:
    """Three and more of one breadth, from above."""
    groups: list[list[Rule]] = []
    for rule in sorted(rules, key=lambda rule: -rule.at):
        for group in groups:
            if abs(group[0].begin - rule.begin) <= NEAR and abs(group[0].end - rule.end) <= NEAR:
                group.append(rule)
                break
        else:
            groups.append([rule])
    yield from (group for group in groups if len(group) > 2)


def _banded(bands: Sequence[Sequence[Word]], words: PageWords, rules: Sequence[Rule]) -> Iterator[Found]:
    columns: list[Span] = []
    held: list[list[_Row]] = []
    for band in [*bands, []]:
        rows = _visual(band, words)
        spans = [span for row in rows for span in row.spans]
        wider = _united([*columns, *spans], max((row.size for row in rows), default=_USUAL))
        if rows and max(len(columns), 2) <= len(wider) <= _COLUMNS_LIMIT:
            columns = wider
            held.append(rows)
            continue
        found = _read_bands(held, columns, words, rules) if len(held) > 1 else None
        if found is not None:
            yield found
        columns, held = (wider, [rows]) if rows and len(wider := _united(spans, rows[0].size)) > 1 else ([], [])


def _read_bands(
    bands: Sequence[Sequence[_Row]], columns: Sequence[Span], words: PageWords, rules: Sequence[Rule]
) -> Found | None:
    if _is_listing([row for band in bands for row in band], words):
        return None
    rows = [row for band in bands for row in read_rows(_cells([p for r in band for p in r.pieces], columns))]
    found = maybe_found(rows, words, rules)
    if found is None or (len(bands) < 3 and count_wordy(found.rows) > 1) or _is_marked(found.rows):
        return None
    return found


def _visual(band: Sequence[Word], words: PageWords) -> list[_Row]:
    """Words to lines as they are seen, whatever the order in which they were drawn."""
    rows: list[list[Word]] = []
    for word in sorted(band, key=lambda word: -word.height):
        if rows and is_beside(rows[-1][0], word):
            rows[-1].append(word)
        else:
            rows.append([word])
    return [_row(sorted(row, key=lambda word: word.left), words) for row in rows]


def list_runs(words: PageWords, taken: set[int], rules: Sequence[Rule]) -> Iterator[Found]:
    """Rows that follow one another as the page draws them. `taken`: lines of other tables."""
    for first, last in _with_gaps(words, taken):
        run: list[_Row] = []
        columns: list[Span] = []
        for row in [*_rows(words, range(first, last), taken), None]:
            wider = _united([*columns, *row.spans], row.size) if row is not None else []
            if row is not None and run and _goes_on(run[-1], row, columns, wider):
                run.append(row)
                columns = wider
                continue
            found = _read_run(run, words, rules)
            if found is not None:
                yield found
            run, columns = ([row], wider) if row is not None and _may_begin(row) else ([], [])
            columns = row.spans if row is not None and run else []


def _with_gaps(words: PageWords, taken: set[int]) -> Iterator[tuple[int, int]]:
    """Ranges of lines in which rows may be. Of three rows that follow one another, one is enough to be found."""
    count = len(words.lines)
    found: set[int] = set()
    looked = set(taken)
    todo = [*range(0, count, _ROWS_LEAST)][::-1]
    while todo:
        line = todo.pop()
        if line in looked or not 0 <= line < count:
            continue
        looked.add(line)
        if _has_gap(words, line):
            found.add(line)
            todo += range(line - _REACH, line + _REACH + 1)
    begun = before = None
    for line in [*sorted(found), None]:
        if begun is not None and before is not None and (line is None or line - before > _REACH):
            yield begun, min(before + 1 + _REACH, count)
            begun = None
        begun = line if begun is None else begun
        before = line


def _has_gap(words: PageWords, line: int) -> bool:
    one = words.lines[line]
    if _LEADERS.search(one.text):
        return False
    if line + 1 < len(words.lines):
        following = words.lines[line + 1]
        if abs(one.bottom - following.bottom) < _LANE * (one.size or _USUAL) and following.left > one.left:
            return True
    if " " not in one.text:
        return False
    return words.has_gap(line, _GAP * (one.size or _USUAL))


def _rows(words: PageWords, lines: Iterable[int], taken: set[int]) -> Iterator[_Row]:
    held: list[Word] = []
    for line in lines:
        if line in taken:
            continue
        new = words.of(line)
        if held and new and is_beside(held[-1], new[0]) and new[0].left > held[-1].right:
            held += new
            continue
        if held:
            yield _row(held, words)
        held = [*new]
    if held:
        yield _row(held, words)


def _row(held: Sequence[Word], words: PageWords) -> _Row:
    size = words.lines[held[0].line].size or _USUAL
    pieces = [[held[0]]]
    for before, word in pairwise(held):
        if word.left - before.right >= _GAP * size:
            pieces.append([word])
        else:
            pieces[-1].append(word)
    return _Row(pieces, size)


def _may_begin(row: _Row) -> bool:
    goes_right = all(before[1] < after[0] for before, after in pairwise(row.spans))
    return len(row.pieces) > 1 and goes_right and not _has_leaders(row)


def _has_leaders(row: _Row) -> bool:
    return any(_LEADERS.search(word.text) for piece in row.pieces for word in piece)


def _goes_on(before: _Row, row: _Row, columns: Sequence[Span], wider: Sequence[Span]) -> bool:
    """Below, in letters of like size, within the columns; a single piece only where a cell goes on."""
    step = before.height - row.height
    if not 0 < step < _STEP_MOST * row.size or abs(before.size - row.size) > _LIKE * row.size:
        return False
    if len(wider) < len(columns) or _has_leaders(row):
        return False
    if len(row.pieces) > 1:
        return all(one[1] < other[0] for one, other in pairwise(row.spans))
    left = row.spans[0][0]
    column = next((span for span in columns[1:] if span[0] - NEAR <= left < span[1]), None)
    return column is not None and abs(column[0] - left) <= NEAR and step < 1.7 * row.size


def _united(spans: Iterable[Span], size: float) -> list[Span]:
    """Spans that no lane parts are one column."""
    columns: list[Span] = []
    for left, right in sorted(spans):
        if columns and left - columns[-1][1] < _LANE * size:
            columns[-1] = columns[-1][0], max(columns[-1][1], right)
        else:
            columns.append((left, right))
    return columns


def _cells(pieces: Iterable[Sequence[Word]], columns: Sequence[Span]) -> dict[int, list[Word]]:
    cells: dict[int, list[Word]] = defaultdict(list)
    for piece in pieces:
        middle = (piece[0].left + piece[-1].right) / 2
        column = min(range(len(columns)), key=lambda place: max(columns[place][0] - middle, middle - columns[place][1]))
        cells[column] += piece
    for cell in cells.values():
        cell.sort(key=lambda word: (word.line, word.place))
    return dict(cells)


def _read_run(run: Sequence[_Row], words: PageWords, rules: Sequence[Rule]) -> Found | None:
    run = _close(run, len(words.lines))
    full = [row for row in run if len(row.pieces) > 1]
    columns = _united([span for row in run for span in row.spans], run[0].size) if run else []
    least = _ROWS_OF_TWO if len(columns) == 2 else _ROWS_LEAST
    if len(full) < least or not 2 <= len(columns) <= _COLUMNS_LIMIT:
        return None
    if sum(len(row.pieces) for row in full) < _FILLED * len(full) * len(columns):
        return None
    if _is_listing(full, words):
        return None
    if not all(_is_aligned(full, column) for column in columns):
        return None
    rows: list[dict[int, list[Word]]] = []
    for row in run:
        cells = _cells(row.pieces, columns)
        if len(row.pieces) == 1 and rows:
            for column, piece in cells.items():
                rows[-1].setdefault(column, []).extend(piece)
        else:
            rows.append(cells)
    found = maybe_found(rows, words, rules)
    if found is None or _is_marked(found.rows) or _is_contents(found.rows):
        return None
    may_be_running = found.words[0].line == 0 or not found.has_head
    if count_wordy(found.rows) > int(found.has_head) or (may_be_running and _is_contents(found.rows[1:])):
        return None
    return found


def _close(run: Sequence[_Row], lines: int) -> Sequence[_Row]:
    """Without what stands far above or below the others: headings, and sooner the head and foot of a page."""
    steps = [row.height - following.height for row, following in pairwise(run)]
    if len(steps) < 2:
        return run
    usual = sorted(steps)[len(steps) // 2]
    first, last = 0, len(run)
    while first < len(steps) and steps[first] > usual * (_FAR if run[first].pieces[0][0].line else _FAR_AT_EDGE):
        first += 1
    while last > first + 1:
        is_edge = run[last - 1].pieces[-1][-1].line == lines - 1
        if steps[last - 2] <= usual * (_FAR_AT_EDGE if is_edge else _FAR):
            break
        last -= 1
    return run[first:last]


def _is_listing(rows: Sequence[_Row], words: PageWords) -> bool:
    """A program, with the numbers of its lines or without."""
    firsts = [row.pieces[0][0] for row in rows]
    if all(word.text.isdigit() for word in firsts):
        numbers = [int(word.text[:9]) for word in firsts]
        is_counted = all(0 < other - one <= _REACH for one, other in pairwise(numbers))
        if is_counted and any(len(row.pieces[0]) > 1 for row in rows):
            return True
    elif not all(words.is_mono(word) for word in firsts):
        return False
    return all(words.is_mono(piece[0]) for row in rows for piece in row.pieces[1:])


def _is_aligned(rows: Sequence[_Row], column: Span) -> bool:
    """On the left, on the right or in the middle; numbers may stand as they like."""
    spans, numbers = [], 0
    for row in rows:
        for (left, right), piece in zip(row.spans, row.pieces, strict=True):
            if column[0] - NEAR <= left and right <= column[1] + NEAR:
                spans.append((left, right))
                numbers += is_number(" ".join(word.text for word in piece))
    if not spans or numbers >= _ALIGNED * len(spans):
        return bool(spans)
    return any(_most_alike(ways) >= _ALIGNED * len(spans) for ways in (
        [left for left, _ in spans], [right for _, right in spans], [(left + right) / 2 for left, right in spans]
    ))  # fmt: skip


def _most_alike(places: Sequence[float]) -> int:
    """How many stand within three points."""
    first, most, ordered = 0, 0, sorted(places)
    for last, place in enumerate(ordered):
        while place - ordered[first] > NEAR:
            first += 1
        most = max(most, last - first + 1)
    return most


def _is_marked(texts: Sequence[Sequence[str]]) -> bool:
    """Items with their bullets or numbers, notes with their marks."""
    first = [row[0] for row in texts if row[0]]
    return len(texts[0]) == 2 and sum(1 for text in first if _MARK.match(text)) >= 0.8 * len(first)


def _is_contents(texts: Sequence[Sequence[str]]) -> bool:
    """Titles with the numbers of their pages, or equations with their own, which rise."""
    if len(texts[0]) > 3:
        return False
    last = [row[-1].strip("()") for row in texts if row[-1]]
    numbers = [int(text) for text in last if text.isascii() and text.isdigit()]
    romans = sum(1 for text in last if _ROMAN.match(text))
    if len(numbers) + romans < 0.9 * len(last):
        return False
    return all(one <= other for one, other in pairwise(numbers))
