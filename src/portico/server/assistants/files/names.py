"""What a file is called: a name and an extension out of what was sent, never a path; the same for folders."""

from __future__ import annotations

import mimetypes
import re
import unicodedata

from portico.server.access.tenancy import clean_text
from portico.server.assistants.files.refusals import DocumentNameMissing
from portico.server.errors import OutOfRange, PatternMismatch
from portico.server.kit.media_types import sniff

LONGEST = 255
_EXTENSION = re.compile(r"[^\W_][\w-]{0,15}")
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
_UNTOLD = "application/octet-stream"
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_TYPES = {
    "md": "text/markdown", "markdown": "text/markdown", "csv": "text/csv", "json": "application/json",
    "yaml": "application/yaml", "yml": "application/yaml", "xml": "application/xml", "txt": "text/plain",
    "log": "text/plain", "webp": "image/webp", "rtf": "application/rtf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip
"""Not left to the tables of the host, which differ."""


def read_name(asked: str, sent: str) -> tuple[str, str]:
    """Name and extension. `asked` is the header, `sent` what the part is called; the header wins.

    A dot in the header's name begins an extension only where the part has none of its own, or it is a known one:
    "minutes v1.2" of minutes.pdf is a PDF. Raises DocumentNameMissing (400, id 2025), OutOfRange.
    """
    first, second = _split(_base(asked)), _split(_base(sent))
    name, extension = first if first[0] else second
    if first[0] and second[1] and extension.lower() not in ("", second[1].lower()) and not _is_known(extension):
        name, extension = f"{name}.{extension}", second[1]
    elif first[0] and not extension:
        extension = second[1]
    if not name:
        raise DocumentNameMissing(param="fileName")
    if len(name) + len(extension) > LONGEST:
        raise OutOfRange("fileName", f"at most {LONGEST} characters")
    return name, extension.lower()


def read_folder(text: str) -> str:
    """A folder, or several with slashes between; "" is the temporary storage. Raises PatternMismatch, OutOfRange."""
    folder = unicodedata.normalize("NFC", clean_text(text)).strip("/")
    if len(folder) > LONGEST:
        raise OutOfRange("folder", f"at most {LONGEST} characters")
    parts = folder.split("/") if folder else []
    if any(part.strip() in ("", ".", "..") for part in parts) or _has_control(folder) or "\\" in folder:
        raise PatternMismatch("folder", "write names with slashes between them, such as legal/2026")
    return folder


def media_type_of(declared: str | None, extension: str, head: bytes) -> str:
    """The extension says more than a browser's guess; the first bytes decide about pictures and PDF."""
    known = _TYPES.get(extension) or mimetypes.guess_type(f"x.{extension}")[0] if extension else None
    told = (declared or "").split(";")[0].strip().lower()
    if not _MEDIA_TYPE.fullmatch(told) or told == _UNTOLD:
        told = ""
    return sniff(head) or known or told or ("text/plain" if _is_text(head) else _UNTOLD)


def _base(text: str) -> str:
    """The last part of a path, of whatever system, without what cannot be shown."""
    last = re.split(r"[/\\]", clean_text(text))[-1]
    shown = "".join(c for c in unicodedata.normalize("NFC", last) if not _has_control(c)).strip()
    return "" if shown in (".", "..") else shown


def _split(name: str) -> tuple[str, str]:
    stem, dot, extension = name.rpartition(".")
    return (stem, extension) if dot and stem and _EXTENSION.fullmatch(extension) else (name, "")


def _is_known(extension: str) -> bool:
    return extension.lower() in _TYPES or mimetypes.guess_type(f"x.{extension}")[0] is not None


def _has_control(text: str) -> bool:
    """Control characters, and those that turn the direction of writing: exe.pdf shall not look like fdp.exe."""
    return any(unicodedata.category(c) in ("Cc", "Cs") or c in _TURNING for c in text)


def _is_text(head: bytes) -> bool:
    try:
        head[: max(0, len(head) - 3)].decode()
    except UnicodeDecodeError:
        return False
    return bool(head) and b"\0" not in head
