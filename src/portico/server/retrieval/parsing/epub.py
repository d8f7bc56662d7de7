"""A book (epub) to blocks: its chapters in the order of reading."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from portico.server.retrieval.parsing.failure import Unreadable
from portico.server.retrieval.parsing.html_text import decode_html, put_html
from portico.server.retrieval.parsing.pile import Pile
from portico.server.retrieval.parsing.zipped import XmlReader, open_office, read_member, walk_xml

_CONTAINER = "META-INF/container.xml"
_RIGHTS = "META-INF/rights.xml"


def read_epub(path: Path, pile: Pile) -> None:
    """Each chapter is a page. Raises Unreadable."""
    with open_office(path, _CONTAINER) as archive:
        if _RIGHTS in archive.namelist():
            raise Unreadable("it is protected: its chapters are encrypted")
        container = _Container()
        walk_xml(archive, _CONTAINER, container)
        for number, chapter in enumerate(_list_chapters(archive, container.package), 1):
            pile.turn(number)
            put_html(decode_html(read_member(archive, chapter)), pile)


def _list_chapters(archive: zipfile.ZipFile, package: str) -> list[str]:
    book = _Package(posixpath.dirname(package))
    walk_xml(archive, package, book)
    names = set(archive.namelist())
    found = [name for one in book.order if (name := book.items.get(one)) in names and name is not None]
    if not found:
        raise Unreadable("it names no chapters")
    return list(dict.fromkeys(found))


class _Container(XmlReader):
    def __init__(self) -> None:
        self.package = ""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "rootfile" and not self.package:
            self.package = attributes.get("full-path", "")


class _Package(XmlReader):
    """`items` by their ids: the names of pages; `order` is that of the spine."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.items: dict[str, str] = {}
        self.order: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "item" and "html" in attributes.get("media-type", ""):
            whole = posixpath.normpath(posixpath.join(self._folder, unquote(attributes.get("href", ""))))
            self.items[attributes.get("id", "")] = whole
        elif name == "itemref":
            self.order.append(attributes.get("idref", ""))
