"""Which reader a file needs, by its content type and its name."""

from __future__ import annotations

from typing import Literal

Kind = Literal["text", "html", "pdf", "docx", "pptx", "sheets"]

_OFFICE = "application/vnd.openxmlformats-officedocument."
_BY_TYPE: dict[str, Kind] = {
    "application/pdf": "pdf",
    "text/html": "html",
    "application/xhtml+xml": "html",
    f"{_OFFICE}wordprocessingml.document": "docx",
    f"{_OFFICE}presentationml.presentation": "pptx",
    f"{_OFFICE}spreadsheetml.sheet": "sheets",
    "application/vnd.ms-excel": "sheets",
    "application/vnd.oasis.opendocument.spreadsheet": "sheets",
    "application/json": "text",
    "application/xml": "text",
    "application/yaml": "text",
    "application/x-yaml": "text",
    "application/toml": "text",
    "application/sql": "text",
    "application/javascript": "text",
    "application/x-sh": "text",
    "application/x-ndjson": "text",
}
_BY_EXTENSION: dict[str, Kind] = {
    "pdf": "pdf", "html": "html", "htm": "html", "xhtml": "html", "docx": "docx", "pptx": "pptx", "xlsx": "sheets",
    "xlsm": "sheets", "xls": "sheets", "ods": "sheets", "txt": "text", "md": "text", "markdown": "text", "csv": "text",
    "tsv": "text", "json": "text", "jsonl": "text", "ndjson": "text", "xml": "text", "yaml": "text", "yml": "text",
    "toml": "text", "ini": "text", "log": "text", "rst": "text", "tex": "text", "sql": "text", "py": "text",
    "js": "text", "ts": "text", "java": "text", "c": "text", "h": "text", "cpp": "text", "go": "text", "rs": "text",
    "sh": "text", "css": "text", "srt": "text", "vtt": "text",
}  # fmt: skip


def maybe_kind(content_type: str, name: str) -> Kind | None:
    """None where there is no text for us to find: pictures, sound, films, archives."""
    told = content_type.partition(";")[0].strip().lower()
    found = _BY_TYPE.get(told) or _BY_EXTENSION.get(name.rpartition(".")[2].lower())
    if found is None and (told.startswith("text/") or told.endswith(("+xml", "+json"))) and told != "image/svg+xml":
        return "text"
    return found
