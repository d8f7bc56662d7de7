"""Holds many streams open at once and times every delta: reads one JSON object on standard input, prints one.

In: host, port, request (text of the whole HTTP request), streams, repeats, deltas. Out: gaps and first frames in ms,
and the age of deltas that say when they were sent (see paced_mock.py).
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from array import array
from time import perf_counter
from typing import cast

import uvloop

_STAMP = re.compile(rb'"@(\d{19})"')


class Reader(asyncio.Protocol):
    """One connection that reads `repeats` streams one after another."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._left = run.repeats
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class
        self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("closed in the middle of a stream"))

    def _ask(self) -> None:
        self._frames = 0
        self._begun = False
        self._tail = b""
        self._last = self._asked = perf_counter()
        self._transport.write(self._run.request)

    def data_received(self, data: bytes) -> None:
        now, run = perf_counter(), self._run
        frames = data.count(b"\n\n")
        if not self._begun:
            if not data.startswith(b"HTTP/1.1 200"):
                self.done.set_exception(ValueError(data[:300].decode(errors="replace")))
                self._transport.abort()
                return
            self._begun = True
        if not self._frames and frames:
            run.first_frames.append(now - self._asked)
        elif frames and self._frames < run.deltas:
            run.gaps.append(now - self._last)
            # frames that came together stood in somebody's buffer: the caller saw no gap between them
            run.gaps.extend([0.0] * (min(frames, run.deltas - self._frames) - 1))
        if run.stamped:
            run.ages.extend([now - int(sent) / 1e9 for sent in _STAMP.findall(data)])
        self._frames += frames
        self._last = now
        self._tail = (self._tail + data)[-5:]
        if self._tail == b"0\r\n\r\n":
            self._finish()

    def _finish(self) -> None:
        self._left -= 1
        self._run.frames += self._frames
        if self._left:
            self._ask()
        elif not self.done.done():
            self.done.set_result(None)
            self._transport.close()


class Run:
    def __init__(self, order: dict[str, object]) -> None:
        self.request = str(order["request"]).encode()
        self.repeats, self.deltas = int(str(order["repeats"])), int(str(order["deltas"]))
        self.longest_s, self.stamped = float(str(order["longest_s"])), bool(order["stamped"])
        self.gaps, self.first_frames, self.ages = array("d"), array("d"), array("d")
        self.frames = 0

    async def go(self, host: str, port: int, streams: int, spread_s: float) -> dict[str, object]:
        loop = asyncio.get_running_loop()
        readers = []
        began = perf_counter()
        for number in range(streams):  # evenly over the length of a stream, as independent users come
            await asyncio.sleep(began + spread_s * number / streams - perf_counter())
            _, reader = await loop.create_connection(lambda: Reader(self), host, port)
            readers.append(reader.done)
        async with asyncio.timeout(self.longest_s):
            results = await asyncio.gather(*readers, return_exceptions=True)
        errors = [repr(error) for error in results if error is not None]
        return {
            "streams": streams * self.repeats - len(errors),
            "failed": len(errors),
            "first_error": errors[0] if errors else "",
            "frames": self.frames,
            "gap_ms": _percentiles(self.gaps),
            "first_frame_ms": _percentiles(self.first_frames),
            "age_ms": _percentiles(self.ages),
        }


def _percentiles(values: array[float]) -> dict[str, float]:
    ordered = sorted(values)
    if not ordered:
        return {}
    at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {name: round(ordered[int((len(ordered) - 1) * share)] * 1000, 3) for name, share in at.items()}


async def main() -> None:
    order = json.load(sys.stdin)
    found = await Run(order).go(order["host"], order["port"], order["streams"], order["spread_s"])
    print(json.dumps(found))


if __name__ == "__main__":
    uvloop.run(main())
