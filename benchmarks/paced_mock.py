"""A provider that streams 64 deltas, 20 ms apart, to each request: `python -m benchmarks.paced_mock PORT`.

Below /stamp each delta says when it was sent, `@` and nanoseconds of the monotonic clock, which all processes share.

One clock ticks every millisecond and serves the streams of its slot, so that a thousand of them do not come in bursts.
"""

from __future__ import annotations

import asyncio
import json
import sys
from time import perf_counter_ns
from typing import cast

import uvloop

DELTAS, GAP_MS = 64, 20
_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def _chunk(data: str) -> bytes:
    frame = f"data: {data}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(frame), frame)


def _event(delta: dict[str, str], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return json.dumps(_HULL | {"choices": [choice]})


_HULL = {
    "id": "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG",
    "object": "chat.completion.chunk",
    "created": 1_790_000_000,
    "model": "mock-1",
    "system_fingerprint": "fp_mock",
}
_USAGE = {"prompt_tokens": 19, "completion_tokens": DELTAS, "total_tokens": 19 + DELTAS}
_FIRST = _HEAD + _chunk(_event({"role": "assistant", "content": ""}))
_NEXT = _chunk(_event({"content": " word"}))
_STAMP = "@1234567890123456789"
_STAMPED = _chunk(_event({"content": _STAMP})).replace(b"%", b"%%").replace(_STAMP.encode(), b"@%019d")
_LAST = (
    _chunk(_event({}, "stop"))
    + _chunk(json.dumps(_HULL | {"choices": [], "usage": _USAGE}))
    + _chunk("[DONE]")
    + b"0\r\n\r\n"
)


class Clock:
    """Twenty slots, one served each millisecond; late ticks are made up for."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._slots: list[set[Stream]] = [set() for _ in range(GAP_MS)]
        self._tick = 0
        self._began = self.loop.time()
        self._turn()

    def add(self, stream: Stream) -> None:
        stream.slot = self._slots[self._tick % GAP_MS]
        stream.slot.add(stream)

    def _turn(self) -> None:
        due = int((self.loop.time() - self._began) * 1000)
        while self._tick < due:
            self._tick += 1
            for stream in [*self._slots[self._tick % GAP_MS]]:
                stream.step()
        self.loop.call_at(self._began + (self._tick + 1) / 1000, self._turn)


class Stream(asyncio.Protocol):
    """One connection: a request, a stream, and so on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buffer = b""
        self._sent = 0
        self._stamped = False
        self.slot: set[Stream] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class

    def connection_lost(self, error: Exception | None) -> None:
        self.slot.discard(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        if len(body) >= length:
            self._buffer = body[length:]
            self._sent = 0
            self._stamped = head.startswith(b"POST /stamp/")
            self._transport.write(_FIRST)
            self._clock.add(self)

    def step(self) -> None:
        if self._sent < DELTAS:
            self._sent += 1
            self._transport.write(_STAMPED % perf_counter_ns() if self._stamped else _NEXT)
        else:
            self.slot.discard(self)
            self._transport.write(_LAST)


async def main(port: int) -> None:
    clock = Clock()
    server = await asyncio.get_running_loop().create_server(lambda: Stream(clock), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
