"""Members of office files, which are ZIP archives: bounded, and their XML read without entities or outside files."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from xml.parsers import expat

from portico.server.retrieval.parsing.failure import Unreadable

MEMBER_LIMIT = 256 * 1024 * 1024
TOTAL_LIMIT = 1024 * 1024 * 1024
MEMBERS_LIMIT = 20_000
RATIO_LIMIT = 1000
"""How many times as large as it is stored a member of some size may be; XML of office programs stays below 100."""
RATIO_FROM = 32 * 1024 * 1024
DEEPEST = 2000
_TOO_MUCH = "it unpacks to more than an office file may"
Start = Callable[[str, Mapping[str, str]], None]


def check_zip(path: Path) -> None:
    """What the archive says of itself: an office file that unpacks to gigabytes is none. No archive passes."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > MEMBERS_LIMIT or sum(member.file_size for member in members) > TOTAL_LIMIT:
            raise Unreadable(_TOO_MUCH)
        for member in members:
            if member.file_size > RATIO_FROM and member.file_size > RATIO_LIMIT * max(member.compress_size, 1):
                raise Unreadable(_TOO_MUCH)
            if member.flag_bits & 1:
                raise Unreadable("it is protected by a password")


def open_office(path: Path, wanted: str) -> zipfile.ZipFile:
    """Raises Unreadable when it is no office file with this member."""
    try:
        check_zip(path)
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        raise Unreadable("it is no office file, or a part of it is missing") from None
    if wanted not in archive.namelist():
        archive.close()
        raise Unreadable(f"it has no {wanted}")
    return archive


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Raises Unreadable for one that is too large, damaged or not there."""
    try:
        with archive.open(name) as member:
            data = member.read(MEMBER_LIMIT + 1)
    except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
        raise Unreadable(f"its {name} is damaged") from None
    if len(data) > MEMBER_LIMIT:
        raise Unreadable(_TOO_MUCH)
    return data


class XmlReader:
    """What is called while XML is read; each reader of a format overrides what it looks at."""

    def start(self, name: str, attributes: Mapping[str, str]) -> None: ...
    def end(self, name: str) -> None: ...
    def text(self, data: str) -> None: ...


def walk_xml(archive: zipfile.ZipFile, name: str, reader: XmlReader) -> None:
    """Calls back with the names of elements and attributes without their namespaces. Raises Unreadable."""
    parser, depth = expat.ParserCreate(namespace_separator="}"), 0

    def start(element: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise Unreadable("its XML is nested too deeply")
        read = {_local(key): value for key, value in attributes.items()}
        if len(read) < len(attributes):  # `id` and `r:id`: the one with a namespace is the one of the format
            read |= {_local(key): value for key, value in attributes.items() if "}" in key}
        reader.start(_local(element), read)

    def end(element: str) -> None:
        nonlocal depth
        depth -= 1
        reader.end(_local(element))

    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = reader.text
    parser.EntityDeclHandler = _refuse_entities
    try:
        _feed(archive, name, parser)
    except expat.ExpatError:
        raise Unreadable(f"its {name} is damaged") from None


def _feed(archive: zipfile.ZipFile, name: str, parser: expat.XMLParserType) -> None:
    left = MEMBER_LIMIT
    try:
        with archive.open(name) as member:
            while data := member.read(65_536):
                left -= len(data)
                if left < 0:
                    raise Unreadable(_TOO_MUCH)
                parser.Parse(data, False)
    except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
        raise Unreadable(f"its {name} is damaged") from None
    parser.Parse(b"", True)


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _refuse_entities(*_: object) -> None:
    """No program that writes such files declares entities."""
    raise Unreadable("its XML declares entities")
