"""A workbook (xlsx, xls, ods) to text: each sheet a page with its name above, rows as lines, cells with tabs."""

from __future__ import annotations

from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from portico.server.retrieval.parsing.failure import Unreadable
from portico.server.retrieval.parsing.zipped import check_zip


def read_sheets(path: Path) -> list[str]:
    """Raises Unreadable."""
    check_zip(path)
    try:
        book = CalamineWorkbook.from_path(str(path))
        return [_read_sheet(book, name) for name in book.sheet_names]
    except CalamineError as error:
        raise Unreadable(f"it is no workbook that can be read: {str(error)[:200]}") from None


def _read_sheet(book: CalamineWorkbook, name: str) -> str:
    lines = ["\t".join(map(_cell, row)).rstrip() for row in book.get_sheet_by_name(name).iter_rows()]
    return "\n".join([f"# {name}", *lines]).rstrip()


def _cell(value: object) -> str:
    """Whole numbers without a point; line ends would break the row."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).replace("\r", "").replace("\n", " ").replace("\t", " ")
