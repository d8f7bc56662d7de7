"""Documents (docx) and presentations (pptx) to text: paragraphs as lines, cells with tabs, a page break a new page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from portico.server.retrieval.parsing.zipped import open_office, walk_xml

_SLIDE = re.compile(r"ppt/slides/slide(\d+)\.xml")
_NOTES = re.compile(r"ppt/notesSlides/notesSlide(\d+)\.xml")
_MORE = ("word/footnotes.xml", "word/endnotes.xml")


def read_docx(path: Path) -> list[str]:
    """The body, then foot- and endnotes. Raises Unreadable."""
    with open_office(path, "word/document.xml") as archive:
        words = _Words()
        walk_xml(archive, "word/document.xml", words.start, words.end, words.text)
        for name in _MORE:
            if name in archive.namelist():
                walk_xml(archive, name, words.start, words.end, words.text)
    return words.pages()


def read_pptx(path: Path) -> list[str]:
    """Each slide with its notes. Raises Unreadable."""
    with open_office(path, "ppt/presentation.xml") as archive:
        names = archive.namelist()
        notes = {found[1]: name for name in names if (found := _NOTES.fullmatch(name))}
        slides = sorted((int(found[1]), name) for name in names if (found := _SLIDE.fullmatch(name)))
        pages = []
        for number, slide in slides:
            words = _Words()
            for name in filter(None, (slide, notes.get(str(number)))):
                walk_xml(archive, name, words.start, words.end, words.text)
            pages.append("\n".join(words.pages()))
    return pages


class _Words:
    """What stands in `t` elements, of either kind of file; their other names are alike as well."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._pages: list[str] = []
        self._in_text = False
        self._fallback = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        match name.rpartition("}")[2]:
            case "Fallback":  # the same once more, for old programs
                self._fallback += 1
            case "t":
                self._in_text = True
            case "tab":
                self._pieces.append("\t")
            case "br" | "cr":
                is_page = any(key.endswith("}type") and value == "page" for key, value in attributes.items())
                self._end_page() if is_page else self._pieces.append("\n")

    def end(self, name: str) -> None:
        match name.rpartition("}")[2]:
            case "Fallback":
                self._fallback -= 1
            case "t":
                self._in_text = False
            case "p":
                self._pieces.append("\n")
            case "tc":
                while self._pieces and self._pieces[-1] == "\n":
                    self._pieces.pop()
                self._pieces.append("\t")
            case "tr":
                self._pieces.append("\n")

    def text(self, data: str) -> None:
        if self._in_text and not self._fallback:
            self._pieces.append(data)

    def pages(self) -> list[str]:
        self._end_page()
        return self._pages

    def _end_page(self) -> None:
        lines = (line.rstrip() for line in "".join(self._pieces).split("\n"))
        text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
        self._pieces.clear()
        if text:
            self._pages.append(text)
