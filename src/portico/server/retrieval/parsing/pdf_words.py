"""Words of a page of a PDF with the place where each stands; measured when they are asked for, line by line."""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pypdfium2
import pypdfium2.raw as pdfium

from portico.server.retrieval.parsing.pdf_lines import Line
from portico.server.retrieval.parsing.pdf_rules import turned

_WORD = re.compile(r"\S+")
_MONO = re.compile(rb"mono|courier|consol|typewriter|cmtt|cmsltt|cmitt|menlo|inconsolata", re.I)
_FIXED_PITCH = 1


@dataclass(slots=True)
class Word:
    """As the page shows it, in points from its lower left. `line` and `place` say which word of which line it is;
    `begun` is the place of its first letter in the text of the page."""

    text: str
    left: float
    bottom: float
    right: float
    top: float
    line: int
    place: int
    begun: int

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2

    @property
    def height(self) -> float:
        return (self.bottom + self.top) / 2


class PageWords:
    def __init__(self, page: pypdfium2.PdfPage, text: pypdfium2.PdfTextPage, lines: Sequence[Line]) -> None:
        self.lines = lines
        self._text = text.raw
        self._turn = page.get_rotation() // 90
        self._measured: dict[int, list[Word]] = {}
        self._box = pdfium.FS_RECTF()

    def of(self, line: int) -> list[Word]:
        """The words of a line, in its order."""
        if line not in self._measured:
            one = self.lines[line]
            self._measured[line] = [
                self._measure(found[0], one.begun + found.start(), line, place)
                for place, found in enumerate(_WORD.finditer(one.text))
            ]
        return self._measured[line]

    def all(self) -> list[Word]:
        return [word for line in range(len(self.lines)) for word in self.of(line)]

    def has_gap(self, line: int, least: float) -> bool:
        """Whether two words of a line are that far apart. Nothing is kept of it: most lines have none."""
        if self._turn or line in self._measured:
            return any(word.right + least <= following.left for word, following in pairwise(self.of(line)))
        one, box, right = self.lines[line], self._box, math.inf
        measure, text = pdfium.FPDFText_GetLooseCharBox, self._text
        for found in _WORD.finditer(one.text):
            measure(text, one.begun + found.start(), box)
            if right + least <= box.left:
                return True
            measure(text, one.begun + found.end() - 1, box)
            right = box.right
        return False

    def is_bold(self, word: Word) -> bool:
        name, _ = self._font(word)
        return b"bold" in name.lower() or b"black" in name.lower()

    def is_mono(self, word: Word) -> bool:
        """In letters of one breadth, as listings of programs are."""
        name, flags = self._font(word)
        return bool(flags & _FIXED_PITCH or _MONO.search(name))

    def _measure(self, text: str, begun: int, line: int, place: int) -> Word:
        box = self._box
        pdfium.FPDFText_GetLooseCharBox(self._text, begun, box)
        left, bottom, right, top = box.left, box.bottom, box.right, box.top
        if len(text) > 1:
            pdfium.FPDFText_GetLooseCharBox(self._text, begun + len(text) - 1, box)
            left, right = min(left, box.left), max(right, box.right)
            bottom, top = min(bottom, box.bottom), max(top, box.top)
        if self._turn:
            left, bottom, right, top = turned((left, bottom, right, top), self._turn)
        return Word(text, left, bottom, right, top, line, place, begun)

    def _font(self, word: Word) -> tuple[bytes, int]:
        name, flags = ctypes.create_string_buffer(128), ctypes.c_int()
        pdfium.FPDFText_GetFontInfo(self._text, word.begun, name, 128, flags)
        return name.value, flags.value
