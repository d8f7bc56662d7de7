"""Members of office files, which are ZIP archives: bounded, and their XML read without entities or outside files."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from xml.parsers import expat

from portico.server.retrieval.parsing.failure import Unreadable

MEMBER_LIMIT = 256 * 1024 * 1024
TOTAL_LIMIT = 1024 * 1024 * 1024
MEMBERS_LIMIT = 20_000
Start = Callable[[str, Mapping[str, str]], None]


def check_zip(path: Path) -> None:
    """What the archive says of itself: an office file that unpacks to gigabytes is none. No archive passes."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > MEMBERS_LIMIT or sum(member.file_size for member in members) > TOTAL_LIMIT:
            raise Unreadable("it unpacks to more than an office file may")


def open_office(path: Path, wanted: str) -> zipfile.ZipFile:
    """Raises Unreadable when it is no office file with this member."""
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        raise Unreadable("it is no office file, or one with a password") from None
    if wanted not in archive.namelist():
        archive.close()
        raise Unreadable(f"it has no {wanted}")
    check_zip(path)
    return archive


def walk_xml(
    archive: zipfile.ZipFile, name: str, start: Start, end: Callable[[str], None], text: Callable[[str], None]
) -> None:
    """Calls back with the names of elements, their namespace in front (`http://...}p`). Raises Unreadable."""
    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    left = MEMBER_LIMIT
    with archive.open(name) as member:
        while data := member.read(65_536):
            left -= len(data)
            if left < 0:
                raise Unreadable("it unpacks to more than an office file may")
            try:
                parser.Parse(data, False)
            except expat.ExpatError:
                raise Unreadable(f"its {name} is damaged") from None
    parser.Parse(b"", True)


def _refuse_doctype(*_: object) -> None:
    """Entities are declared in a document type; no office program writes one."""
    raise Unreadable("its XML declares entities")
