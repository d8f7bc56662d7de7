"""Which reader a file needs, by its content type and its name."""

from __future__ import annotations

from typing import Literal

Kind = Literal[
    "text", "markdown", "rst", "org", "code", "csv", "tsv", "json", "jsonl", "html", "pdf", "docx", "pptx", "sheets",
    "epub", "mail", "odt", "odp", "rtf", "doc", "ppt", "msg", "picture", "custom", "web", "media",
]  # fmt: skip
PLAIN: frozenset[Kind] = frozenset({"text", "markdown", "rst", "org", "code", "csv", "tsv", "json", "jsonl"})
"""Their bytes are their text."""
NOT_AS_TEXT: frozenset[Kind] = frozenset({"picture", "custom", "web", "media"})

_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."
_BY_TYPE: dict[str, Kind] = {
    "application/pdf": "pdf",
    "text/html": "html",
    "application/xhtml+xml": "html",
    f"{_OFFICE}wordprocessingml.document": "docx",
    f"{_OFFICE}presentationml.presentation": "pptx",
    f"{_OFFICE}spreadsheetml.sheet": "sheets",
    "application/vnd.ms-excel": "sheets",
    f"{_OPEN}spreadsheet": "sheets",
    f"{_OPEN}text": "odt",
    f"{_OPEN}presentation": "odp",
    "application/msword": "doc",
    "application/vnd.ms-powerpoint": "ppt",
    "application/vnd.ms-outlook": "msg",
    "application/rtf": "rtf",
    "text/rtf": "rtf",
    "application/epub+zip": "epub",
    "message/rfc822": "mail",
    "text/markdown": "markdown",
    "text/x-rst": "rst",
    "text/org": "org",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/json": "json",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "application/xml": "code",
    "text/xml": "code",
    "application/yaml": "code",
    "application/x-yaml": "code",
    "application/toml": "code",
    "application/sql": "code",
    "application/javascript": "code",
    "application/x-sh": "code",
}
_EXTENSIONS: dict[Kind, str] = {
    "pdf": "pdf",
    "html": "html htm xhtml",
    "docx": "docx docm dotx",
    "pptx": "pptx pptm ppsx",
    "sheets": "xlsx xlsm xlsb xls ods",
    "epub": "epub",
    "mail": "eml",
    "odt": "odt",
    "odp": "odp",
    "rtf": "rtf",
    "doc": "doc dot",
    "ppt": "ppt pps",
    "msg": "msg",
    "text": "txt text log srt vtt",
    "markdown": "md markdown",
    "rst": "rst",
    "org": "org",
    "csv": "csv",
    "tsv": "tsv tab",
    "json": "json",
    "jsonl": "jsonl ndjson",
    "code": (
        "xml yaml yml toml ini tex sql py js ts jsx tsx java c h cpp hpp cs go rs sh css rb php kt swift scala lua pl"
    ),
    "custom": "custom",
    "web": "web",
    "picture": "png jpg jpeg gif tiff tif bmp webp",
    "media": "mp3 m4a mkv aac ogg flac wav mp4 avi mov webm",
}
_BY_EXTENSION: dict[str, Kind] = {one: kind for kind, all_ in _EXTENSIONS.items() for one in all_.split()}


def maybe_kind(content_type: str, name: str) -> Kind | None:
    """By the content type, then by the name. None where it is not known: archives, programs."""
    told, by_name = _told(content_type), _by_name(name)
    found = _BY_TYPE.get(told) or by_name
    return found or _by_family(told)


def maybe_document_kind(content_type: str, name: str) -> Kind | None:
    """By the name, then by the content type: what uploads a document names it with care, and its type often not."""
    told = _told(content_type)
    return _by_name(name) or _BY_TYPE.get(told) or _by_family(told)


def _by_name(name: str) -> Kind | None:
    return _BY_EXTENSION.get(name.rpartition(".")[2].lower())


def _told(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _by_family(told: str) -> Kind | None:
    if told == "image/svg+xml":
        return None
    if told.startswith("text/") or told.endswith(("+xml", "+json")):
        return "text"
    if told.startswith("image/"):
        return "picture"
    return "media" if told.startswith(("audio/", "video/")) else None
