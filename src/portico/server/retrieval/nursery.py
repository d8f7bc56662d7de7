"""Processes that read one file each, without the time that starting one takes: an order in, an outcome out, as bytes.

They are born of a process that has loaded everything already, see `parsing/nursery.py`. That one lives as long as there
is work, and a while longer.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress

MODULE = "portico.server.retrieval.parsing.nursery"
_PIECE = 1024 * 1024
_PATIENCE_S = 10.0


class Nursery:
    """One per parser. `idle_s`: how long it is kept without work; 0 ends it with the last file."""

    def __init__(self, environment: Mapping[str, str], idle_s: float, module: str = MODULE) -> None:
        self._environment = environment
        self._module = module
        self._idle_s = idle_s
        self._starting = asyncio.Lock()
        self._mother: _Mother | None = None
        self._reading = 0
        self._ending: asyncio.TimerHandle | None = None
        self._goodbyes: set[asyncio.Task[None]] = set()

    async def ask(self, order: bytes, time_s: float, most_bytes: int) -> bytes:
        """What a new process answers; no more of it than that many bytes, and nothing when it dies or says more.

        The process is killed when it is over, also by a cancellation. Raises TimeoutError after so many seconds.
        """
        self._reading += 1
        if self._ending is not None:
            self._ending.cancel()
        try:
            async with asyncio.timeout(time_s):
                channel, leash = await self._bear()
                try:
                    return await _converse(channel, order, most_bytes)
                finally:
                    os.close(leash)
        finally:
            self._reading -= 1
            if not self._reading:
                await self._rest()

    async def close(self) -> None:
        """Ends the process, and what it reads."""
        if self._ending is not None:
            self._ending.cancel()
        self._retire()
        await asyncio.gather(*self._goodbyes)

    async def _bear(self) -> tuple[socket.socket, int]:
        """The channel to a new process, and its leash: a descriptor to be closed. A mother that has died has a
        successor."""
        async with self._starting:
            if self._mother is not None:
                try:
                    return self._mother.bear()
                except OSError:
                    self._retire()
            self._mother = await _Mother.start(self._module, self._environment)
            return self._mother.bear()

    async def _rest(self) -> None:
        if not self._idle_s:
            self._retire()
            await asyncio.gather(*self._goodbyes)
        else:
            self._ending = asyncio.get_running_loop().call_later(self._idle_s, self._retire)

    def _retire(self) -> None:
        if self._mother is not None:
            goodbye = asyncio.create_task(self._mother.end())
            self._goodbyes.add(goodbye)
            goodbye.add_done_callback(self._goodbyes.discard)
            self._mother = None


class _Mother:
    def __init__(self, process: asyncio.subprocess.Process, orders: socket.socket) -> None:
        self._process = process
        self._orders = orders

    @classmethod
    async def start(cls, module: str, environment: Mapping[str, str]) -> _Mother:
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", module,
                stdin=theirs.fileno(),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )  # fmt: skip
        ours.setblocking(False)
        return cls(process, ours)

    def bear(self) -> tuple[socket.socket, int]:
        """Raises OSError when she is dead."""
        if self._process.returncode is not None:
            raise BrokenPipeError
        ours, theirs = socket.socketpair()
        held, leash = os.pipe()
        try:
            socket.send_fds(self._orders, [b"."], [theirs.fileno(), held])
        except OSError:
            ours.close()
            os.close(leash)
            raise
        finally:
            theirs.close()
            os.close(held)
        return ours, leash

    async def end(self) -> None:
        """She ends when nobody can ask her any more, and all whom she has borne."""
        self._orders.close()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


async def _converse(channel: socket.socket, order: bytes, most_bytes: int) -> bytes:
    try:
        reader, writer = await asyncio.open_connection(sock=channel)
    except BaseException:
        channel.close()
        raise
    pieces: list[bytes] = []
    try:
        writer.write(order)
        writer.write_eof()
        while most_bytes >= 0 and (piece := await reader.read(_PIECE)):
            most_bytes -= len(piece)
            pieces.append(piece)
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()
    return b"".join(pieces) if most_bytes >= 0 else b""
