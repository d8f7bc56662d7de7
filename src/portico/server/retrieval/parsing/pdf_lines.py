"""A page of a PDF to its lines, each with the size of its letters and its height on the page."""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass

import pypdfium2
import pypdfium2.raw as pdfium

LEADER = " … "
"""What the dots of a table of contents become."""
_DOTS = re.compile(r"(?:\s*\.){5,}\s*")
_WRAPPED = re.compile(r"(?<=[^\W\d_])\ufffe\n?(?=[^\W\d_])")
"""A word that was cut at the end of a line; what is cut at a hyphen of its own looks the same."""


@dataclass(slots=True)
class Line:
    """`size` of letters in points, 0 unknown; `top` and `bottom` from the lower edge of the page. `begun` is its place
    in the text of the page, -1 unknown; `rows` are those of a table that stands here, the first its head."""

    text: str
    size: float = 0.0
    is_bold: bool = False
    top: float = 0.0
    bottom: float = 0.0
    left: float = 0.0
    begun: int = -1
    rows: list[list[str]] | None = None


def read_lines(words: pypdfium2.PdfTextPage) -> list[Line]:
    """In the order in which the page draws them, as they are: `join_lines` comes after."""
    count: int = words.count_chars()
    text: str = words.get_text_range() if count > 0 else ""
    is_measured = len(text) == count
    lines, begun = [], 0
    for line in text.replace("\r\n", "\n\n").replace("\r", "\n").split("\n") if is_measured else ():
        if line.strip(" \ufffe"):
            lines.append(_measure(words, line, begun))
        begun += len(line) + 1
    if not is_measured:
        lines = [Line(line) for line in text.replace("\r\n", "\n").split("\n") if line.strip()]
    return lines


def _measure(words: pypdfium2.PdfTextPage, text: str, begun: int) -> Line:
    """By its first letter that is not blank, and by one in its middle: the first may be a bullet."""
    first = begun + len(text) - len(text.lstrip())
    middle = begun + len(text) // 2
    while middle > first and text[middle - begun].isspace():
        middle -= 1
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    pdfium.FPDFText_GetCharBox(words, first, left, right, bottom, top)
    size = pdfium.FPDFText_GetFontSize(words, middle) * _scale(words, middle)
    # Letters are of different heights; the size says how high a line is.
    return Line(text, round(size, 1), _is_bold(words, first), bottom.value + size, bottom.value, left.value, begun)


def _scale(words: pypdfium2.PdfTextPage, place: int) -> float:
    """Some programs write letters of one point and enlarge them."""
    matrix = pdfium.FS_MATRIX()
    if not pdfium.FPDFText_GetMatrix(words, place, matrix):
        return 1.0
    return max(float((matrix.c**2 + matrix.d**2) ** 0.5), 0.01)


def _is_bold(words: pypdfium2.PdfTextPage, place: int) -> bool:
    name, flags = ctypes.create_string_buffer(128), ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(words, place, name, 128, flags)
    return b"bold" in name.value.lower() or b"black" in name.value.lower()


def join_lines(lines: list[Line]) -> list[Line]:
    """Words cut at the end of a line are whole again, in the first of the two lines."""
    joined: list[Line] = []
    for line in lines:
        before = joined[-1] if joined else None
        if line.rows is not None:
            joined.append(line)
            continue
        if before is not None and before.text.rstrip().endswith("\ufffe") and line.text[:1].isalpha():
            head, _, rest = line.text.partition(" ")
            before.text = before.text.rstrip()[:-1] + head
            line.text = rest
        if line.text.strip():
            line.text = _WRAPPED.sub("", line.text).replace("\ufffe", "-").strip()
            joined.append(line)
    for line in joined:
        line.text = _DOTS.sub(LEADER, line.text.replace("\ufffe", "-")).rstrip()
    return joined


def join_cut(text: str) -> str:
    """The lines of one cell, in which words are whole again."""
    return _DOTS.sub(LEADER, _WRAPPED.sub("", text).replace("\ufffe", "-"))
