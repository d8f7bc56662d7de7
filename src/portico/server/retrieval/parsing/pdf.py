"""A PDF to blocks, page by page: paragraphs by the gaps between lines, headings by outline and size of letters."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import pypdfium2

from portico.server.retrieval.blocks import ParseOptions
from portico.server.retrieval.parsing.failure import Unreadable
from portico.server.retrieval.parsing.ocr import Scans
from portico.server.retrieval.parsing.pages import wanted
from portico.server.retrieval.parsing.pdf_lines import Line, join_lines, read_lines
from portico.server.retrieval.parsing.pdf_rules import Drawings
from portico.server.retrieval.parsing.pdf_running import drop_running
from portico.server.retrieval.parsing.pdf_shape import Shape, put_page
from portico.server.retrieval.parsing.pdf_tables import carry_heads, put_tables
from portico.server.retrieval.parsing.pile import Pile

PAGES_LIMIT = 10_000
_OUTLINE_LIMIT = 20_000
_PIXELS_LIMIT = 25_000_000


def read_pdf(path: Path, pile: Pile, options: ParseOptions, scans: Scans) -> None:
    """Pages without text are read as pictures, where that can be. Raises Unreadable for a locked or broken one."""
    with _open(path, options.password) as document:
        numbers = wanted(len(document), options)
        if len(numbers) > PAGES_LIMIT:
            raise Unreadable(f"it has more than {PAGES_LIMIT} pages")
        pile.pages = len(document)
        drawings = Drawings()
        lines = drop_running({number: _list_lines(document, number - 1, drawings) for number in numbers})
        carry_heads(lines)
        if drawings.is_spent:
            pile.skipped.append("It draws very much: ruled tables of its last pages may have been read as text.")
        shape = Shape.of(lines.values(), _outline(document))
        for number in numbers:
            pile.turn(number)
            if any(line.text.strip() for line in lines[number]):
                put_page(lines[number], number, shape, pile)
            else:
                _read_scan(document, number, pile, options, scans)


def _open(path: Path, password: str) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(path, password=password or None)
    except pypdfium2.PdfiumError as error:
        if "password" not in str(error).lower():
            raise Unreadable("it is a damaged PDF") from None
        raise Unreadable("its password is another one" if password else "it is protected by a password") from None


def _list_lines(document: pypdfium2.PdfDocument, place: int, drawings: Drawings) -> list[Line]:
    """In the order in which the page draws them. A damaged page has none."""
    try:
        page = document[place]
    except pypdfium2.PdfiumError:
        return []
    try:
        text = page.get_textpage()
        try:
            return join_lines(put_tables(page, text, read_lines(text), drawings))
        finally:
            text.close()
    except pypdfium2.PdfiumError:
        return []
    finally:
        page.close()


def _outline(document: pypdfium2.PdfDocument) -> Iterable[tuple[int, str, int]]:
    """Page from 1, title, level from 1."""
    found: list[tuple[int, str, int]] = []
    try:
        for mark in document.get_toc(max_depth=6):
            target = mark.get_dest()
            place = target.get_index() if target else None
            if place is not None:
                found.append((place + 1, mark.get_title(), mark.level + 1))
            if len(found) >= _OUTLINE_LIMIT:
                break
    except (pypdfium2.PdfiumError, ValueError):  # a broken outline hurts no page
        pass
    return found


def _read_scan(document: pypdfium2.PdfDocument, number: int, pile: Pile, options: ParseOptions, scans: Scans) -> None:
    page = document[number - 1]
    try:
        if pypdfium2.raw.FPDFPage_CountObjects(page) == 0 or not scans.may_read(number):
            return
        width, height = page.get_size()
        scale = min(options.dpi / 72, math.sqrt(_PIXELS_LIMIT / max(width * height, 1)))
        bitmap = page.render(scale=scale, rev_byteorder=False)
        try:
            scans.read(bitmap.to_numpy()[:, :, :3], pile)
        finally:
            bitmap.close()
    except pypdfium2.PdfiumError:
        pile.skipped.append(f"Page {number} is damaged and was not read.")
    finally:
        page.close()
