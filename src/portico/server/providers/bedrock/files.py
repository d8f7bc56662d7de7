"""Attached files as blocks of the Converse API: pictures, documents, films and recordings, inline or in S3."""

from __future__ import annotations

import re
from typing import Any

from portico.server.errors import MediaNotSupported
from portico.server.providers.conversation import Media

Block = dict[str, Any]

_PICTURES = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_MAGIC = {"iVBORw0KGgo": "png", "/9j/": "jpeg", "R0lGOD": "gif", "UklGR": "webp"}
_DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
_FILMS = {
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/x-matroska": "mkv",
    "video/webm": "webm",
    "video/x-flv": "flv",
    "video/mpeg": "mpeg",
    "video/x-ms-wmv": "wmv",
    "video/3gpp": "three_gp",
}
_SOUNDS = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/opus": "opus",
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/mp4": "m4a",
    "audio/webm": "webm",
}
_BY_ENDING = {"jpg": "jpeg", "3gp": "three_gp", "htm": "html", "markdown": "md"}
_KINDS = (("image", _PICTURES), ("document", _DOCUMENTS), ("video", _FILMS), ("audio", _SOUNDS))
_UNFIT = re.compile(r"[^A-Za-z0-9\s\-()\[\]]+")
_BLANKS = re.compile(r"\s+")
_LONGEST_NAME = 200


class Files:
    """Writes the files of one request: no two documents of it may have the same name."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def block(self, media: Media) -> Block:
        """Raises MediaNotSupported for a type that the Converse API has no block for, and for an address but S3's."""
        if media.url and not media.url.startswith("s3://"):
            raise MediaNotSupported(param="messages")
        kind, form = _form_of(media)
        source: Block = {"s3Location": {"uri": media.url}} if media.url else {"bytes": media.data}
        if kind == "document":
            return {"document": {"format": form, "name": self._name(media.name), "source": source}}
        return {kind: {"format": form, "source": source}}

    def _name(self, given: str) -> str:
        """Letters, digits, single blanks, hyphens and brackets only, as the API wants it; and unique."""
        stem = given.rpartition(".")[0] or given
        plain = _BLANKS.sub(" ", _UNFIT.sub(" ", stem)).strip()[: _LONGEST_NAME - 6] or "document"
        name, count = plain, 1
        while name in self._names:
            count += 1
            name = f"{plain} {count}"
        self._names.add(name)
        return name


def _form_of(media: Media) -> tuple[str, str]:
    """The kind of block and the format. What a picture's first bytes say counts more than what its URL says (HC-25)."""
    if media.kind in ("image", "application") and media.data:
        for start, form in _MAGIC.items():
            if media.data.startswith(start):
                return "image", form
    for kind, forms in _KINDS:
        if media.media_type in forms:
            return kind, forms[media.media_type]
    if media.url:
        ending = media.url.rpartition(".")[2].lower()
        ending = _BY_ENDING.get(ending, ending)
        for kind, forms in _KINDS:
            if ending in forms.values():
                return kind, ending
    raise MediaNotSupported(param="messages")
