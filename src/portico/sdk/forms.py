"""A multipart form as a call: text fields and files in, a body with its header out."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from portico.sdk.call import Call, Repeat, given


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file of a form."""

    name: str
    content: bytes
    content_type: str = "application/octet-stream"


def send_form(
    path: str,
    fields: Mapping[str, str | None],
    files: Mapping[str, FormFile],
    *,
    repeat: Repeat,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
) -> Call:
    """A form; fields that are None are left out."""
    boundary = secrets.token_hex(24)
    parts = [_part(boundary, f'name="{_quoted(name)}"', value.encode()) for name, value in given(fields).items()]
    for name, file in files.items():
        head = f'name="{_quoted(name)}"; filename="{_quoted(file.name)}"\r\nContent-Type: {file.content_type}'
        parts.append(_part(boundary, head, file.content))
    body = b"".join(parts) + f"--{boundary}--\r\n".encode()
    sent = {**(headers or {}), "Content-Type": f"multipart/form-data; boundary={boundary}"}
    return Call(method, path, (), sent, body, repeat)


def part_head(boundary: str, head: str, filename: str | None = None) -> bytes:
    """What stands before the content of a part; `head` is its name, quoted."""
    named = "" if filename is None else f'; filename="{_quoted(filename)}"'
    return f"--{boundary}\r\nContent-Disposition: form-data; {head}{named}\r\n\r\n".encode()


def _part(boundary: str, head: str, content: bytes) -> bytes:
    return f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"


def _quoted(name: str) -> str:
    """As browsers write it (WHATWG HTML, 4.10.21.8): a name must not end the line or the quotes it stands in."""
    return name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
