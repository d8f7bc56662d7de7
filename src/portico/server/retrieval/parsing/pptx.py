"""A presentation (pptx) to blocks: each slide a page with its title, points, tables and notes, in the order shown."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

from portico.server.retrieval.blocks import ParseOptions
from portico.server.retrieval.parsing.office_words import OfficeWords, Paragraph
from portico.server.retrieval.parsing.pages import wanted
from portico.server.retrieval.parsing.pile import Pile
from portico.server.retrieval.parsing.rels import read_relations
from portico.server.retrieval.parsing.zipped import XmlReader, open_office, walk_xml

_DECK = "ppt/presentation.xml"
_SLIDE = re.compile(r"ppt/slides/slide(\d+)\.xml")
_UNSAID = frozenset({"sldNum", "ftr", "dt", "hdr"})


def read_pptx(path: Path, pile: Pile, options: ParseOptions) -> None:
    """Raises Unreadable."""
    with open_office(path, _DECK) as archive:
        slides = _list_slides(archive)
        for number in wanted(len(slides), options):
            pile.turn(number)
            words = _Words(pile)
            walk_xml(archive, slides[number - 1], words)
            for kind, name in read_relations(archive, slides[number - 1]).values():
                if kind == "notesSlide" and name in archive.namelist():
                    words.is_notes = True
                    walk_xml(archive, name, words)
        pile.pages = len(slides)


def _list_slides(archive: zipfile.ZipFile) -> list[str]:
    """As the deck orders them; files that it does not name come behind, by their number."""
    names = set(archive.namelist())
    order, relations = _Order(), read_relations(archive, _DECK)
    walk_xml(archive, _DECK, order)
    told = [relations[one][1] for one in order.ids if one in relations and relations[one][1] in names]
    rest = sorted((int(found[1]), name) for name in names if (found := _SLIDE.fullmatch(name)) and name not in told)
    return told or [name for _, name in rest]


class _Order(XmlReader):
    def __init__(self) -> None:
        self.ids: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "sldId":
            self.ids.append(attributes.get("id", ""))


class _Words(OfficeWords):
    def __init__(self, pile: Pile) -> None:
        super().__init__(pile)
        self.is_notes = False
        self._holder = ""
        self._titles: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "sp":
            self._holder = ""
        elif name == "ph":
            self._holder = attributes.get("type", "body")
        elif name == "pPr" and self.paragraph is not None:
            level = attributes.get("lvl", "0")
            self.paragraph.level = int(level) if level.isdigit() else 0
        else:
            super().start(name, attributes)

    def end(self, name: str) -> None:
        super().end(name)
        if name == "sp":
            if self._titles:
                self.pile.add("title", " ".join(" ".join(self._titles).split()), 1)
                self._titles.clear()
            self._holder = ""

    def put(self, paragraph: Paragraph) -> None:
        text = paragraph.text
        if not text or self._holder in _UNSAID or (self.is_notes and self._holder == "sldImg"):
            return
        if self._holder in {"title", "ctrTitle"} and not self.is_notes:
            self._titles.append(text)
        elif self._holder == "body" and not self.is_notes:
            self.pile.add("list_item", f"- {text}", paragraph.level + 1)
        else:
            self.pile.add("text", text)
