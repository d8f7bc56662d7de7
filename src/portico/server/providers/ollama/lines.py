"""Newline-delimited JSON: bytes in, one frame per line out, wherever the network cut them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from portico.wire.sse import DEFAULT_MAX_FRAME_BYTES, FrameTooLarge


class Line(msgspec.Struct, frozen=True, gc=False):
    data: bytes
    done: bool = False


class LineDecoder:
    """Cuts a byte stream at its line feeds; blank lines are skipped. `close` gives a last line without its end."""

    __slots__ = ("_held", "_max_bytes", "_size")

    def __init__(self, max_line_bytes: int = DEFAULT_MAX_FRAME_BYTES) -> None:
        self._held: list[bytes] = []
        self._size = 0
        self._max_bytes = max_line_bytes

    def feed(self, chunk: bytes) -> Sequence[Line]:
        """The lines completed by these bytes. Raises FrameTooLarge."""
        if b"\n" not in chunk:
            self._hold(chunk)
            return ()
        *whole, rest = chunk.split(b"\n")
        if self._held:
            whole[0] = b"".join(self._held) + whole[0]
            self._held.clear()
            self._size = 0
        if max(map(len, whole)) > self._max_bytes:
            raise FrameTooLarge(f"a line of the stream is longer than {self._max_bytes} bytes")
        self._hold(rest)
        return [Line(line) for line in whole if line and not line.isspace()]

    def close(self) -> Sequence[Line]:
        rest = b"".join(self._held).strip()
        self._held.clear()
        self._size = 0
        return [Line(rest)] if rest else []

    def _hold(self, rest: bytes) -> None:
        if rest:
            self._held.append(rest)
            self._size += len(rest)
            if self._size > self._max_bytes:
                raise FrameTooLarge(f"a line of the stream is longer than {self._max_bytes} bytes")
