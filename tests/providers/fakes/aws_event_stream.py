"""Writes messages of Amazon's binary event stream; botocore reads them in the tests of the decoder."""

from __future__ import annotations

import binascii
import struct


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """One message; all header values are texts."""
    block = b"".join(_header(name.encode(), value.encode()) for name, value in headers.items())
    head = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    body = head + struct.pack(">I", binascii.crc32(head)) + block + payload
    return body + struct.pack(">I", binascii.crc32(body))


def event(kind: str, payload: bytes) -> bytes:
    return message({":event-type": kind, ":content-type": "application/json", ":message-type": "event"}, payload)


def exception(kind: str, payload: bytes) -> bytes:
    named = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return message(named, payload)


def _header(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + b"\x07" + struct.pack(">H", len(value)) + value
