"""What a file is by its own first bytes, whatever it is called."""

from __future__ import annotations

import zipfile
from pathlib import Path

from portico.server.retrieval.parsing.failure import Unreadable
from portico.server.retrieval.parsing.kinds import PLAIN, Kind

_HEAD = 4096
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PICTURES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*")
_IN_ZIP: dict[str, Kind] = {
    "word/document.xml": "docx",
    "ppt/presentation.xml": "pptx",
    "xl/workbook.xml": "sheets",
    "xl/workbook.bin": "sheets",
    "META-INF/container.xml": "epub",
}
_MIMETYPES: dict[bytes, Kind] = {
    b"application/epub+zip": "epub",
    b"application/vnd.oasis.opendocument.text": "odt",
    b"application/vnd.oasis.opendocument.presentation": "odp",
    b"application/vnd.oasis.opendocument.spreadsheet": "sheets",
}
_IN_OLE: tuple[tuple[str, Kind], ...] = (
    ("WordDocument", "doc"),
    ("PowerPoint Document", "ppt"),
    ("Workbook", "sheets"),
    ("__substg1.0_", "msg"),
)
_OLE_KINDS: frozenset[Kind] = frozenset({"doc", "ppt", "sheets", "msg"})
_DIRECTORY = 8 * 1024 * 1024


def find_kind(path: Path, told: Kind) -> Kind:
    """`told`, unless the file is clearly of another kind. Raises Unreadable for an empty or an encrypted one."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if not head:
            raise Unreadable("it is empty")
        if head.startswith(_OLE):
            return _kind_in_ole(head + file.read(_DIRECTORY), told)
    if b"%PDF-" in head[:1024]:
        return "pdf" if told not in PLAIN or head.startswith(b"%PDF-") else told
    if head.startswith(b"PK\x03\x04"):
        return _kind_in_zip(path, told)
    if head.startswith(b"{\\rtf"):
        return "rtf"
    is_picture = head.startswith(_PICTURES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
    if is_picture:
        return "picture"
    if told in {"doc", "sheets"} and b"<html" in head[:1024].lower():
        return "html"  # what programs export as "Excel" or "Word"
    return told


def _kind_in_zip(path: Path, told: Kind) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            mimetype = b""
            if "mimetype" in names:
                with archive.open("mimetype") as member:
                    mimetype = member.read(100).strip()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError):
        return told
    found = _MIMETYPES.get(mimetype) or next((kind for name, kind in _IN_ZIP.items() if name in names), None)
    if found is None and told in PLAIN:
        raise Unreadable("it is a ZIP archive: upload the files in it")
    return found or told


def _kind_in_ole(data: bytes, told: Kind) -> Kind:
    """The names of its parts stand in the file in two bytes a letter."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise Unreadable("it is protected by a password")
    if told in _OLE_KINDS:
        return told
    return next((kind for name, kind in _IN_OLE if name.encode("utf-16-le") in data), told)
