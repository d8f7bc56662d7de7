"""A document of Word (docx) to blocks: headings, items, tables, notes; pages where Word or its writer broke them."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

from portico.server.retrieval.parsing.office_words import OfficeWords, Paragraph
from portico.server.retrieval.parsing.pile import Pile
from portico.server.retrieval.parsing.zipped import XmlReader, open_office, walk_xml

_BODY = "word/document.xml"
_MORE = ("word/footnotes.xml", "word/endnotes.xml")
_HEADING = re.compile(r"heading ?([1-9])", re.I)


def read_docx(path: Path, pile: Pile) -> None:
    """The body, then foot- and endnotes. Raises Unreadable."""
    with open_office(path, _BODY) as archive:
        styles = _Styles()
        if "word/styles.xml" in archive.namelist():
            walk_xml(archive, "word/styles.xml", styles)
        breaks = _Breaks()
        walk_xml(archive, _BODY, breaks)
        words = _Words(pile, styles.levels, breaks.kind)
        walk_xml(archive, _BODY, words)
        _read_notes(archive, words)


def _read_notes(archive: zipfile.ZipFile, words: _Words) -> None:
    for name in _MORE:
        if name in archive.namelist():
            walk_xml(archive, name, words)


class _Styles(XmlReader):
    """Which style is a heading, and of which level; its id is in the language of the writer, its name is not."""

    def __init__(self) -> None:
        self.levels: dict[str, int] = {}
        self._style = ""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        value = attributes.get("val", "")
        if name == "style":
            self._style = attributes.get("styleId", "")
        elif name == "name" and (found := _HEADING.fullmatch(value)):
            self.levels[self._style] = int(found[1])
        elif name == "name" and value.lower() == "title":
            self.levels[self._style] = 1
        elif name == "outlineLvl" and value.isdigit() and int(value) < 9:
            self.levels.setdefault(self._style, int(value) + 1)


class _Breaks(XmlReader):
    """Whether Word left marks where its pages broke; else only the breaks count that the writer made."""

    def __init__(self) -> None:
        self.kind = ""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "lastRenderedPageBreak" or (name == "br" and attributes.get("type") == "page" and not self.kind):
            self.kind = name


class _Words(OfficeWords):
    def __init__(self, pile: Pile, levels: Mapping[str, int], breaks: str) -> None:
        super().__init__(pile)
        self._levels = levels
        self._breaks = breaks
        self._page = 1
        if breaks:
            pile.turn(1)
        pile.pages = max(pile.pages, 1)

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        value = attributes.get("val", "")
        paragraph = self.paragraph
        if name in {"lastRenderedPageBreak", "br"} and (name != "br" or attributes.get("type") == "page"):
            if name == self._breaks:
                self._turn()
        elif paragraph is not None and name == "pStyle":
            paragraph.style = value
        elif paragraph is not None and name == "outlineLvl" and value.isdigit():
            paragraph.outline = int(value)
        elif paragraph is not None and name in {"numPr", "ilvl"}:
            paragraph.is_item = True
            paragraph.level = int(value) if value.isdigit() else paragraph.level
        else:
            super().start(name, attributes)

    def put(self, paragraph: Paragraph) -> None:
        text, level = paragraph.text, self._level(paragraph)
        if level:
            self.pile.add("title", " ".join(text.split()), min(level, 9))
        elif paragraph.is_item and text:
            self.pile.add("list_item", f"- {text}", paragraph.level + 1)
        else:
            self.pile.add("text", text)

    def _level(self, paragraph: Paragraph) -> int:
        if paragraph.outline is not None and paragraph.outline < 9:
            return paragraph.outline + 1
        found = _HEADING.fullmatch(paragraph.style)
        return self._levels.get(paragraph.style, int(found[1]) if found else 0)

    def _turn(self) -> None:
        """What was said of the paragraph so far stands on the page before."""
        paragraph = self.paragraph
        if paragraph is not None and len(self._paragraphs) == 1 and not self._tables and paragraph.text:
            self.put(paragraph)
            paragraph.pieces.clear()
        self._page += 1
        self.pile.turn(self._page)
