"""Event-stream frames: bytes in, whole events out, wherever the network cut them; and the few frames we write.

Tolerant as readers must be: CR, LF and CRLF, several `data:` lines, comments, a byte order mark, no blank after the
colon, an end without the last blank line. Text stays bytes: only a whole frame may be decoded.
"""

from __future__ import annotations

import msgspec

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
DEFAULT_MAX_FRAME_BYTES = 64 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class FrameTooLarge(ValueError):
    """A frame grew beyond the reader's bound before its end was seen."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event: its `data:` lines joined by line feeds, and the name of its `event:` line (often empty)."""

    data: bytes
    name: bytes = b""

    @property
    def done(self) -> bool:
        """True for the `[DONE]` that ends a stream in the OpenAI dialect, blanks around it included."""
        return len(self.data) < 32 and self.data.strip() == b"[DONE]"


class SSEDecoder:
    """Cuts a byte stream into events. `feed` as bytes arrive, `close` once at the end."""

    __slots__ = ("_after_cr", "_held", "_held_bytes", "_max_frame_bytes", "_started")

    def __init__(self, max_frame_bytes: int = DEFAULT_MAX_FRAME_BYTES) -> None:
        self._held: list[bytes] = []  # the pieces of a frame whose end has not come, line ends already made "\n"
        self._held_bytes = 0
        self._after_cr = False  # the last chunk ended with CR: an LF at the start of the next one belongs to it
        self._started = False
        self._max_frame_bytes = max_frame_bytes

    def feed(self, chunk: bytes) -> list[Event]:
        """The events completed by these bytes. Raises FrameTooLarge."""
        # One whole plain frame a piece, as most servers send them: the common case, worth a way of its own.
        if (
            chunk[-2:] == b"\n\n" and chunk[:6] == b"data: " and chunk.count(b"\n") == 2 and chunk.find(b"\r") < 0
            and self._started and not (self._held or self._after_cr) and len(chunk) <= self._max_frame_bytes
        ):  # fmt: skip
            return [Event(chunk[6:-2])]
        if not self._started:
            chunk = self._skip_bom(chunk)
        if self._after_cr or chunk.find(b"\r") >= 0:  # `in` tries bytes as a number first, and costs ten times as much
            chunk = self._normalise(chunk)
        if not chunk:
            return []
        held = self._held
        if held:
            held.append(chunk)
            # Joining only when an end is in sight keeps a big frame in small chunks linear.
            if chunk.find(b"\n\n") < 0 and not (chunk[0] == 10 and held[-2][-1] == 10):
                self._hold(len(chunk))
                return []
            chunk = b"".join(held)
            held.clear()
            self._held_bytes = 0
        blocks = chunk.split(b"\n\n")
        rest = blocks.pop()
        if rest:
            held.append(rest)
            self._hold(len(rest))
        return self._read(blocks)

    def close(self) -> list[Event]:
        """The event that the end of the stream left without its blank line, if there is one."""
        rest = b"".join(self._held)
        self._held.clear()
        self._held_bytes = 0
        self._started = True
        return self._read([rest.strip(b"\n")]) if rest else []

    def _read(self, blocks: list[bytes]) -> list[Event]:
        events: list[Event] = []
        for block in blocks:
            if len(block) > self._max_frame_bytes:
                raise FrameTooLarge(f"a frame of the event stream is longer than {self._max_frame_bytes} bytes")
            line_end = block.find(b"\n")
            if line_end < 0 and block[:6] == b"data: ":
                events.append(Event(block[6:]))
            elif block[:7] == b"event: " and 0 < line_end == block.find(b"\ndata: ") == block.rfind(b"\n"):
                events.append(Event(block[line_end + 7 :], block[7:line_end]))
            elif block and (event := _read_lines(block)) is not None:
                events.append(event)
        return events

    def _hold(self, size: int) -> None:
        self._held_bytes += size
        if self._held_bytes > self._max_frame_bytes:
            raise FrameTooLarge(f"a frame of the event stream is longer than {self._max_frame_bytes} bytes")

    def _normalise(self, chunk: bytes) -> bytes:
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk[0] == 10:
                chunk = chunk[1:]
        # A CR at the end is a line end at once: waiting for its LF would hold a whole event back.
        self._after_cr = chunk.endswith(b"\r") or (self._after_cr and not chunk)
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _skip_bom(self, chunk: bytes) -> bytes:
        chunk = b"".join(self._held) + chunk
        self._held.clear()
        if len(chunk) < len(_BOM) and _BOM.startswith(chunk):
            self._held.append(chunk)  # too short to tell yet
            return b""
        self._started = True
        return chunk.removeprefix(_BOM)


def _read_lines(block: bytes) -> Event | None:
    """One event out of the lines of a block; None when it holds only comments and fields we do not use."""
    data: list[bytes] = []
    name = b""
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
    return Event(b"\n".join(data), name) if data else None
