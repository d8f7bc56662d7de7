"""A PDF to the text of its pages."""

from __future__ import annotations

from pathlib import Path

import pypdfium2

from portico.server.retrieval.parsing.failure import Unreadable

PAGES_LIMIT = 10_000


def read_pdf(path: Path) -> list[str]:
    """Raises Unreadable for one with a password, or that is none."""
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        locked = "password" in str(error).lower()
        raise Unreadable("it is protected by a password" if locked else "it is a damaged PDF") from None
    with document:
        if len(document) > PAGES_LIMIT:
            raise Unreadable(f"it has more than {PAGES_LIMIT} pages")
        return [_read_page(document, number) for number in range(len(document))]


def _read_page(document: pypdfium2.PdfDocument, number: int) -> str:
    page = document[number]
    try:
        words = page.get_textpage()
        try:
            text: str = words.get_text_bounded()
        finally:
            words.close()
    finally:
        page.close()
    return text.replace("\r\n", "\n").replace("\ufffe", "-\n")
