"""The multipart variant: text fields are the members, files `file0`, `file1` ... become parts of the last message.

Sent by the vendor's SDK when files are attached; numbers, booleans and objects arrive as Python or JSON text.
"""

from __future__ import annotations

import ast
import base64
import re
from typing import Any

import msgspec

from portico.server.edge.forms import Form
from portico.server.errors import FieldRequired, MediaNotSupported
from portico.wire.requests import File, Members

_TEXTS = frozenset({"model", "instructions", "user", "truncation", "previous_response_id", "safety_identifier"})
_WORDS = {"true": b"true", "false": b"false", "none": b"null", "null": b"null", "": b"null"}
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,99})(\.[0-9]{1,99})?([eE][+-]?[0-9]{1,2})?")  # as JSON writes them
_FILE = re.compile(r"file(\d+)")
_MAGIC = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF", "application/pdf"),
)
_OBJECTS = ("metadata", "reasoning", "text")
_CHOICES = ("none", "auto", "required")
_LONGEST_PYTHON = 64 * 1024
_NULL = msgspec.Raw(b"null")
_encode = msgspec.json.Encoder().encode


def read_form_members(form: Form) -> Members:
    """The members of the JSON request that says the same. Raises FieldRequired, MediaNotSupported."""
    members = {name: _member(name, text) for name, text in form.fields.items()}
    for name in _OBJECTS:
        if not isinstance(msgspec.json.decode(members.get(name, _NULL)), dict):
            members.pop(name, None)  # of an object the vendor's client sends the names, without the values
    if "tools" in members:
        members["tools"] = _raw(_tools(form.repeated["tools"]))
    if bytes(members.get("tool_choice", _NULL))[:1] == b'"' and form.fields["tool_choice"] not in _CHOICES:
        del members["tool_choice"]
    files = [file for _, file in _numbered(form)]
    if files:
        members["input"] = _raw(_with_files(form.fields.get("input") or "", files))
    return members


def _numbered(form: Form) -> list[tuple[int, File]]:
    found: list[tuple[int, File]] = []
    for name, files in form.files.items():
        match = _FILE.fullmatch(name)
        found += [(int(match[1]) if match else len(found), file) for file in files]
    return sorted(found, key=lambda pair: pair[0])


def _member(name: str, text: str) -> msgspec.Raw:
    if name in _TEXTS:
        return _raw(text)
    if name != "input":
        word = _WORDS.get(text.strip().lower())
        if word is not None:
            return msgspec.Raw(word)
        if _NUMBER.fullmatch(text.strip()):
            return msgspec.Raw(text.strip().encode())
    return _raw(_read(text))


def _tools(texts: list[str]) -> list[Any]:
    """One field with the list of tools, or a field for each tool."""
    read = [_read(text) for text in texts]
    return read[0] if len(read) == 1 and isinstance(read[0], list) else read


def _read(text: str) -> Any:
    """An object or a list, written as JSON or as Python writes it; anything else is a text."""
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        pass
    if len(text) > _LONGEST_PYTHON:
        return text
    try:
        value = ast.literal_eval(text)
        msgspec.json.encode(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text
    return value


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(_encode(value))


def _with_files(text: str, files: list[File]) -> list[dict[str, Any]]:
    given = _read(text)
    if not given:
        raise FieldRequired("input")
    items: list[Any] = given
    if not isinstance(given, list):
        items = [{"role": "user", "content": [{"type": "input_text", "text": text}]}]
    last = items[-1]
    if not isinstance(last, dict) or last.get("role") != "user":
        items.append(last := {"role": "user", "content": []})
    if isinstance(last.get("content"), str):
        last["content"] = [{"type": "input_text", "text": last["content"]}]
    last["content"] = [*(last.get("content") or ()), *(_part(file) for file in files)]
    return items


def _part(file: File) -> dict[str, Any]:
    kind = next((kind for start, kind in _MAGIC if file.data.startswith(start)), file.content_type.partition(";")[0])
    address = f"data:{kind};base64,{base64.b64encode(file.data).decode()}"
    if kind.startswith("image/"):
        return {"type": "input_image", "image_url": address}
    if kind == "application/pdf":
        return {"type": "input_file", "filename": file.name or "file.pdf", "file_data": address}
    raise MediaNotSupported(param=file.name or "file")
