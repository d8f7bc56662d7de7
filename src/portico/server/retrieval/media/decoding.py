"""A recording in, its samples out as they are decoded: by a process of its own, which is bounded and can be killed.

Recordings come from strangers, and decoders are large: what they do with a hostile one must not happen here.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from portico.server.retrieval.media.sounds import (
    BEGIN,
    END,
    FAILED,
    FRAME_LIMIT,
    HEAD,
    PACKED,
    SAMPLES,
    Decoder,
    SoundOrder,
)  # fmt: skip
from portico.server.retrieval.media.wav import Packed
from portico.server.retrieval.parsing.failure import Unreadable

_PACKAGE_ROOT = Path(__file__).resolve().parents[4]
_TOO_MUCH = "decoding it takes more memory or time than one file may have"


@dataclass(frozen=True, slots=True)
class SoundBounds:
    """What decoding one file may take. `time_s` of the processor; `stall_s` without a sample, by the clock on the wall;
    of a recording longer than `longest_s` the beginning is read."""

    memory_bytes: int = 2 * 1024**3
    time_s: int = 900
    stall_s: float = 120.0
    longest_s: int = 6 * 3600


class Sound:
    """The samples of one recording, taken once: 16 bits, one channel, `rate` of them a second. `is_cut` at the end:
    the recording goes on."""

    def __init__(self, stream: asyncio.StreamReader, rate: int, stall_s: float) -> None:
        self._stream = stream
        self._stall_s = stall_s
        self.rate = rate
        self.is_cut = False

    async def samples(self) -> AsyncGenerator[bytes, None]:
        """In pieces of any size. Raises Unreadable."""
        while True:
            what, payload = await _take_frame(self._stream, self._stall_s)
            if what == END:
                self.is_cut = bool(payload)
                return
            if what != SAMPLES:
                raise Unreadable(_why(what, payload))
            yield payload


@asynccontextmanager
async def open_sound(path: Path, decoder: Decoder | None, bounds: SoundBounds, *, is_wav: bool) -> AsyncIterator[Sound]:
    """Raises Packed where `decoder` is None and one is needed; Unreadable."""
    order = SoundOrder(
        path=str(path),
        is_wav=is_wav,
        decoder=decoder,
        memory_bytes=bounds.memory_bytes,
        time_s=bounds.time_s,
        longest_s=bounds.longest_s,
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "portico.server.retrieval.media.child", msgspec.json.encode(order).decode(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_environment(),
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        what, payload = await _take_frame(process.stdout, bounds.stall_s)
        if what == PACKED:
            raise Packed
        if what != BEGIN:
            raise Unreadable(_why(what, payload))
        yield Sound(process.stdout, int(payload), bounds.stall_s)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with the program that it started
        await process.communicate()  # what is left in the pipe keeps it open


async def _take_frame(stream: asyncio.StreamReader, stall_s: float) -> tuple[bytes, bytes]:
    """Raises Unreadable for a process that ended, or fell silent, before it had said all."""
    try:
        async with asyncio.timeout(stall_s):
            what, size = HEAD.unpack(await stream.readexactly(HEAD.size))
            if size > FRAME_LIMIT:
                raise Unreadable("it is damaged")
            return what, await stream.readexactly(size)
    except (asyncio.IncompleteReadError, TimeoutError):
        raise Unreadable(_TOO_MUCH) from None


def _why(what: bytes, payload: bytes) -> str:
    return payload.decode("utf-8", "replace") if what == FAILED else "it is damaged"


def _environment() -> dict[str, str]:
    """No secret of ours lies in a process that decodes strangers' files."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "PYTHONPATH") if name in os.environ}
    path = os.pathsep.join(filter(None, [str(_PACKAGE_ROOT), kept.get("PYTHONPATH")]))
    return kept | {"PYTHONPATH": path, "PYTHONUTF8": "1", "MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "1"}
