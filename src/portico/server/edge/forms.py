"""Multipart forms of the hot paths, whole in memory below the body ceiling; and files in data URLs."""

from __future__ import annotations

import base64
import binascii
import io
import re
from email.message import Message
from typing import Any

import msgspec
from multipart import MultipartError, MultipartParser

from portico.server.errors import BadInputText, PatternMismatch
from portico.server.kit.data_urls import DATA_URL
from portico.wire.requests import File

_MIME = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)


class Form(msgspec.Struct):
    """Text fields by name, files by name in their order. `repeated` has all values of each field, `fields` the last."""

    fields: dict[str, str] = {}
    files: dict[str, list[File]] = {}
    repeated: dict[str, list[str]] = {}


def is_form(content_type: str | None) -> bool:
    return (content_type or "").lower().startswith("multipart/form-data")


def read_form(body: bytes | bytearray, content_type: str) -> Form:
    """Raises BadInputText for a body that is not the form its header says."""
    head = Message()
    head["content-type"] = content_type
    boundary = head.get_boundary()
    if not boundary:
        raise BadInputText("Bad Input Text: the form has no boundary in its content type")
    form = Form({}, {}, {})
    try:
        parser = MultipartParser(
            io.BytesIO(body),
            boundary,
            content_length=len(body),
            memory_limit=len(body) + 1,
            spool_limit=len(body) + 1,
            disk_limit=0,
            part_limit=256,
        )
        for part in parser:
            _take(form, part)
    except (MultipartError, LookupError, ValueError) as error:  # the second: a charset that there is not
        raise BadInputText(f"Bad Input Text: the form cannot be read ({error})") from None
    return form


def _take(form: Form, part: Any) -> None:
    name, filename = part.name, part.filename
    if filename is None:
        form.fields[name] = part.value
        form.repeated.setdefault(name, []).append(part.value)
        return
    content_type = part.content_type or ""
    if not _MIME.fullmatch(content_type):  # it is repeated to providers, in a header of theirs
        content_type = "application/octet-stream"
    form.files.setdefault(name, []).append(File(part.raw, content_type, filename))


def read_data_url(text: str, field: str) -> File:
    """A data URL, or bare base64, as a file. Raises PatternMismatch naming the field."""
    match = DATA_URL.match(text)
    data = text[match.end() :] if match else text
    try:
        raw = data.encode() if match and not match[2] else base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise PatternMismatch(field, "send a data URL with base64, or an address") from None
    if not raw:
        raise PatternMismatch(field, "the file is empty")
    return File(raw, (match[1] if match else "") or "application/octet-stream")
