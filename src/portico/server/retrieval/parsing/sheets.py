"""A workbook (xlsx, xls, ods) to blocks: each sheet a page with its name and one table, or a block for each row."""

from __future__ import annotations

from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from portico.server.retrieval.blocks import ParseOptions
from portico.server.retrieval.parsing.failure import Unreadable
from portico.server.retrieval.parsing.pages import wanted
from portico.server.retrieval.parsing.pile import Pile
from portico.server.retrieval.parsing.tables import put_rows
from portico.server.retrieval.parsing.zipped import check_zip


def read_sheets(path: Path, pile: Pile, options: ParseOptions) -> None:
    """Raises Unreadable."""
    check_zip(path)
    try:
        book = CalamineWorkbook.from_path(str(path))
        for number in wanted(len(book.sheet_names), options):
            _read_sheet(book, number, pile, options)
    except CalamineError as error:
        text = str(error)
        if "assword" in text or "ncrypted" in text:
            raise Unreadable("it is protected by a password") from None
        raise Unreadable(f"it is no workbook that can be read: {text[:200]}") from None
    pile.pages = len(book.sheet_names)


def _read_sheet(book: CalamineWorkbook, number: int, pile: Pile, options: ParseOptions) -> None:
    name = book.sheet_names[number - 1]
    rows = [[*map(_cell, row)] for row in book.get_sheet_by_name(name).iter_rows()]
    pile.turn(number)
    if any(cell for row in rows for cell in row):
        pile.add("title", name, 1)
        put_rows(rows, pile, as_rows=options.structure == "table")


def _cell(value: object) -> str:
    """Whole numbers without a point; line ends would break the row."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return " ".join(str(value).split())
