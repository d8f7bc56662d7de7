"""Rows of cells to blocks: one table, or a row for each with the names of the columns; and CSV, which is such rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from portico.server.retrieval.parsing.failure import Unreadable
from portico.server.retrieval.parsing.pile import Pile, find_header

_SAMPLE = 64 * 1024
_FIELD_LIMIT = 10_000_000


def read_csv(text: str, pile: Pile, *, tabs: bool, as_rows: bool) -> None:
    """Commas, semicolons, bars or tabs: what the first lines have. Raises Unreadable."""
    csv.field_size_limit(_FIELD_LIMIT)
    delimiter = "\t" if tabs else _delimiter(text[:_SAMPLE])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        put_rows(([*map(str.strip, row)] for row in reader), pile, as_rows=as_rows)
    except csv.Error as error:
        raise Unreadable(f"its rows cannot be told apart: {error}") from None


def put_rows(rows: Iterable[Sequence[str]], pile: Pile, *, as_rows: bool) -> None:
    """One table, or with `as_rows` each row for itself, with the names of the header."""
    kept = [row for row in map(_trimmed, rows) if row]
    head = find_header(kept)
    if not as_rows or head >= len(kept) - 1:
        pile.table(kept)
        return
    pile.table(kept[:head])
    for row in kept[head + 1 :]:
        pile.add("row", write_row(kept[head], row))


def write_row(names: Sequence[str], row: Sequence[str]) -> str:
    """`name: value` in lines; empty cells are left out."""
    cells = enumerate(zip_longest(names, row, fillvalue=""), 1)
    return "\n".join(f"{name or f'Column {place}'}: {value}" for place, (name, value) in cells if value)


def _trimmed(row: Sequence[str]) -> list[str]:
    cells = list(row)
    while cells and not cells[-1].strip():
        cells.pop()
    return cells


def _delimiter(sample: str) -> str:
    """The sign that stands equally often in most lines."""
    lines = [line for line in sample.splitlines()[:50] if line.strip()]

    def fits(sign: str) -> tuple[int, int]:
        counts = [line.count(sign) for line in lines]
        usual = max(set(counts), key=counts.count, default=0)
        return (counts.count(usual) if usual else 0, usual)

    return max(",;\t|", key=fits) if lines else ","
