"""The body of an open answer, piece by piece as it arrives; the transports make them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from threading import Lock

from portico.sdk.call import Answer
from portico.sdk.interruptible import Waiter


@dataclass(slots=True)
class ByteStream:
    """`head` is the answer without its body. Close it, or the connection stays taken."""

    head: Answer
    _read: Callable[[], bytes]
    _exit: Callable[[], None]
    _waiter: Waiter
    _open: bool = True
    _reading: bool = False
    _left: Lock = field(default_factory=Lock)

    @property
    def closed(self) -> bool:
        return not self._open

    def read(self) -> bytes:
        """The next piece; empty at the end. Raises TransportError."""
        if not self._open:
            return b""
        self._reading = True
        return self._waiter.wait(self._read_once)

    def read_all(self) -> Answer:
        """The whole answer; the stream is closed after it."""
        pieces = []
        try:
            while piece := self.read():
                pieces.append(piece)
        finally:
            self.close()
        return Answer(self.head.status, self.head.headers, b"".join(pieces))

    def close(self) -> None:
        """Lets the connection go; the server sees a hang-up when the body was not read to its end."""
        self._open = False
        if not self._reading:
            self._leave()

    def _read_once(self) -> bytes:
        try:
            return self._read()
        finally:
            self._reading = False
            if not self._open:
                self._leave()  # closed while we waited (Ctrl-C), by one who could not wait for us

    def _leave(self) -> None:
        if self._left.acquire(blocking=False):  # once, whoever comes first
            self._exit()


@dataclass(slots=True)
class AsyncByteStream:
    """The same for asyncio."""

    head: Answer
    _read: Callable[[], Awaitable[bytes]]
    _exit: Callable[[], Awaitable[None]]
    _open: bool = True

    @property
    def closed(self) -> bool:
        return not self._open

    async def read(self) -> bytes:
        """The next piece; empty at the end. Raises TransportError."""
        return await self._read() if self._open else b""

    async def read_all(self) -> Answer:
        """The whole answer; the stream is closed after it."""
        pieces = []
        try:
            while piece := await self.read():
                pieces.append(piece)
        finally:
            await self.close()
        return Answer(self.head.status, self.head.headers, b"".join(pieces))

    async def close(self) -> None:
        """Lets the connection go; the server sees a hang-up when the body was not read to its end."""
        if self._open:
            self._open = False
            await self._exit()
