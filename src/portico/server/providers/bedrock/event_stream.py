"""Amazon's binary event stream: bytes in, whole messages out, wherever the network cut them; checksums are verified.

A message is a prelude (total length, length of the headers, CRC32 of both), headers, payload, and a CRC32 of it all.
Source: smithy.io/2.0/aws/amazon-eventstream.html, read 2026-11-20.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from zlib import crc32

import msgspec

from portico.server.errors import ProviderUnknown
from portico.wire.sse import FrameTooLarge

MAX_MESSAGE_BYTES = 24 * 1024 * 1024
"""The format's own limit is 16 MiB of payload and 128 KiB of headers."""
_PRELUDE = struct.Struct(">III")
_OVERHEAD = 16  # prelude and both checksums
_FIXED_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}  # by the type of a header's value
_BYTES, _STRING = 6, 7


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message. `data` is its event type, a line feed, and its payload; an error's type begins with `!`."""

    data: bytes
    done: bool = False


class EventStreamDecoder:
    """Cuts a byte stream into messages. `feed` as bytes arrive, `close` once at the end."""

    __slots__ = ("_held", "_max_bytes", "_size", "_wanted")

    def __init__(self, max_message_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self._held: list[bytes] = []
        self._size = 0
        self._wanted = 12  # bytes that must be there before it is worth looking again
        self._max_bytes = max_message_bytes

    def feed(self, chunk: bytes) -> Sequence[Message]:
        """The messages completed by these bytes. Raises FrameTooLarge, ProviderUnknown for damaged ones."""
        self._held.append(chunk)
        self._size += len(chunk)
        if self._size < self._wanted:
            return ()
        data = self._held[0] if len(self._held) == 1 else b"".join(self._held)
        messages: list[Message] = []
        start = 0
        while True:
            length = self._length_at(data, start)
            if len(data) - start < length:
                break
            messages.append(_read_message(data, start, length))
            start += length
        rest = data[start:] if start else data
        self._held, self._size, self._wanted = [rest], len(rest), length
        return messages

    def close(self) -> Sequence[Message]:
        """Nothing: a message cut by the end of the stream is none. Raises ProviderUnknown when there is a piece."""
        if self._size:
            raise ProviderUnknown("the provider's event stream ended inside a message")
        return ()

    def _length_at(self, data: bytes, start: int) -> int:
        """How many bytes the message at `start` has; the size of a prelude when even that is not there yet."""
        if len(data) - start < 12:
            return 12
        total, headers, checksum = _PRELUDE.unpack_from(data, start)
        if crc32(data[start : start + 8]) != checksum:
            raise ProviderUnknown("the provider's event stream is damaged: wrong checksum of a prelude")
        if total > self._max_bytes:
            raise FrameTooLarge(f"a message of the event stream is longer than {self._max_bytes} bytes")
        if total < _OVERHEAD + headers:
            raise ProviderUnknown("the provider's event stream is damaged: impossible lengths")
        return int(total)


def _read_message(data: bytes, start: int, length: int) -> Message:
    end = start + length - 4
    if crc32(data[start:end]) != int.from_bytes(data[end : end + 4], "big"):
        raise ProviderUnknown("the provider's event stream is damaged: wrong checksum of a message")
    head_end = start + 12 + int.from_bytes(data[start + 4 : start + 8], "big")
    headers = data[start + 12 : head_end]
    payload = data[head_end:end]
    kind = _KINDS.get(headers)
    if kind is None:
        kind = _kind_of(read_headers(headers))
        if len(_KINDS) < 64 and len(headers) < 512:
            _KINDS[headers] = kind
    return Message(b"%b\n%b" % (kind, payload))


_KINDS: dict[bytes, bytes] = {}
"""The headers of a stream repeat byte for byte: each distinct block is read once."""


def _kind_of(headers: dict[str, str]) -> bytes:
    """Event type as it stands before the payload; of an error the real kind, which its HTTP status hides (HC-13)."""
    message_type = headers.get(":message-type", "event")
    if message_type == "event":
        return headers.get(":event-type", "").encode()
    if message_type == "exception":
        return b"!" + headers.get(":exception-type", "unknown").encode()
    code = headers.get(":error-code", "unknown").replace("\n", " ")
    return f"!{code}: {headers.get(':error-message', '')}".replace("\n", " ").encode()


def read_headers(block: bytes) -> dict[str, str]:
    """The headers whose value is a text; those of the other nine types are skipped. Raises ProviderUnknown."""
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(block):
            name_end = at + 1 + block[at]
            name, kind, at = block[at + 1 : name_end], block[name_end], name_end + 1
            if kind in (_BYTES, _STRING):
                size = int.from_bytes(block[at : at + 2], "big")
                value = block[at + 2 : at + 2 + size]
                at += 2 + size
                if len(value) != size:
                    raise IndexError
                if kind == _STRING:
                    found[name.decode()] = value.decode()
            else:
                at += _FIXED_SIZES[kind]
        if at != len(block):
            raise IndexError
    except (IndexError, KeyError, UnicodeDecodeError):
        raise ProviderUnknown("the provider's event stream is damaged: unreadable headers") from None
    return found
