"""A provider that misbehaves, one way per path: `/<way>/v1/chat/completions`, also `/embeddings`. Runs in a thread.

It notes when a caller leaves, and how many requests each way got.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType

from benchmarks.machine import BenchmarkError
from benchmarks.mocks import chat_answer

_JSON = "application/json"
_EVENTS = "text/event-stream"
_PAGE = b"<!doctype html><html><body><h1>504 Gateway Time-out</h1></body></html>"
LARGE_BYTES = 10 * 1024 * 1024
LARGE_FRAMES = 6
DELTA_GAP_S = 0.02
ANSWER_TOKENS = (19, 2)
"""Prompt and answer tokens of a good answer."""
_CHUNK = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": "mock-1"}


def delta(content: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": content} if content else {}, "finish_reason": finish}
    return f"data: {json.dumps({**_CHUNK, 'choices': [choice]})}\n\n".encode()


class Answering:
    """One request that is being answered."""

    def __init__(self, writer: asyncio.StreamWriter, stream: bool) -> None:
        self.stream = stream
        self._writer = writer

    async def whole(self, body: bytes, status: int = 200, content_type: str = _JSON, **headers: str) -> None:
        lines = [f"HTTP/1.1 {status} X", f"content-type: {content_type}", f"content-length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.raw("\r\n".join([*lines, "", ""]).encode() + body)

    async def open(self, content_type: str = _EVENTS) -> None:
        await self.raw(
            f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n".encode()
        )

    async def piece(self, data: bytes) -> None:
        await self.raw(b"%x\r\n%b\r\n" % (len(data), data))

    async def end(self, last: bytes = b"") -> None:
        """`last` and the end of the body in one packet: who has read the one has the other."""
        await self.raw((b"%x\r\n%b\r\n" % (len(last), last) if last else b"") + b"0\r\n\r\n")

    async def raw(self, data: bytes) -> None:
        if self._writer.is_closing():
            raise ConnectionError("the caller has left")
        self._writer.write(data)
        await self._writer.drain()


async def _good(answer: Answering) -> None:
    if not answer.stream:
        await answer.whole(chat_answer(ANSWER_TOKENS[1]).encode())
        return
    await answer.open()
    for _ in range(ANSWER_TOKENS[1]):
        await answer.piece(delta(" word"))
    prompt, made = ANSWER_TOKENS
    usage = {"prompt_tokens": prompt, "completion_tokens": made, "total_tokens": prompt + made}
    last = json.dumps({**_CHUNK, "choices": [], "usage": usage})
    await answer.end(delta("", "stop") + f"data: {last}\n\ndata: [DONE]\n\n".encode())


async def _slow(answer: Answering) -> None:
    await asyncio.sleep(0.1)
    await _good(answer)


async def _endless(answer: Answering) -> None:
    """A delta every 20 ms until the caller leaves; asked for a whole answer, it thinks for an hour."""
    if not answer.stream:
        await asyncio.sleep(3600)
    await answer.open()
    while True:
        await answer.piece(delta(" word"))
        await asyncio.sleep(DELTA_GAP_S)


async def _long(answer: Answering) -> None:
    """Three seconds of deltas, and a good end."""
    await answer.open()
    for _ in range(150):
        await answer.piece(delta(" word"))
        await asyncio.sleep(DELTA_GAP_S)
    await answer.piece(delta("", "stop") + b"data: [DONE]\n\n")
    await answer.end()


async def _trickle(answer: Answering) -> None:
    """A good answer, byte by byte."""
    if answer.stream:
        await answer.open()
        for byte in delta(" word") * 3 + delta("", "stop") + b"data: [DONE]\n\n":
            await answer.piece(bytes([byte]))
            await asyncio.sleep(0.001)
        await answer.end()
        return
    body = chat_answer(2).encode()
    for byte in b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        len(body),
        body,
    ):
        await answer.raw(bytes([byte]))
        await asyncio.sleep(0.001)


async def _stall(answer: Answering) -> None:
    """A word, then silence."""
    if answer.stream:
        await answer.open()
        await answer.piece(delta(" word"))
    await asyncio.sleep(3600)


async def _large(answer: Answering) -> None:
    """Frames of 10 MB; an answer of 60 MB."""
    if not answer.stream:
        await answer.whole(chat_answer(1).replace("measure", "x" * LARGE_BYTES * LARGE_FRAMES).encode())
        return
    await answer.open()
    for _ in range(LARGE_FRAMES):
        await answer.piece(delta("x" * LARGE_BYTES))
    await answer.piece(delta("", "stop") + b"data: [DONE]\n\n")
    await answer.end()


async def _bottomless(answer: Answering) -> None:
    """One frame that never ends."""
    await answer.open()
    await answer.piece(b'data: {"id": "')
    while True:
        await answer.piece(b"x" * 65_536)


async def _garbage(answer: Answering) -> None:
    """No HTTP at all."""
    await answer.raw(bytes(range(256)) * 64)
    raise ConnectionError("said enough")


async def _nonsense(answer: Answering) -> None:
    """HTTP, but no JSON."""
    if not answer.stream:
        await answer.whole(b'{"choices": [' + b"\xff\x00" * 100)
        return
    await answer.open()
    await answer.piece(delta(" word") + b"data: {{{ \xff\xfe }\n\n")
    await answer.piece(delta("", "stop") + b"data: [DONE]\n\n")
    await answer.end()


async def _html(answer: Answering) -> None:
    """The page of a proxy in between, with an error's status."""
    await answer.whole(_PAGE * 50, 504, "text/html; charset=utf-8")


async def _polite_html(answer: Answering) -> None:
    """The same page as a success."""
    await answer.whole(_PAGE * 50, 200, "text/html; charset=utf-8")


async def _failing(answer: Answering) -> None:
    await answer.whole(b'{"error": {"message": "boom"}}', 500)


async def _limited(answer: Answering) -> None:
    await answer.whole(b'{"error": {"message": "slow down", "type": "rate_limit"}}', 429, retry_after="2")


WAYS: Mapping[str, Callable[[Answering], Awaitable[None]]] = {
    "good": _good, "slow": _slow, "endless": _endless, "long": _long, "trickle": _trickle, "stall": _stall,
    "large": _large, "bottomless": _bottomless, "garbage": _garbage, "nonsense": _nonsense, "html": _html,
    "politehtml": _polite_html, "failing": _failing, "limited": _limited,
}  # fmt: skip


class Provider:
    """The server in its thread. `left` holds the moments (perf_counter) when a caller left in the middle."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.connections = 0
        self.left: list[float] = []
        self.detours: dict[str, str] = {}
        """A way that is answered as another one, for now: a provider that recovers, or breaks."""
        self.port = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Provider:
        self._thread.start()
        if not self._ready.wait(60):
            raise BenchmarkError("the provider of the benchmark did not start")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)

    def url(self, way: str) -> str:
        return f"http://127.0.0.1:{self.port}/{way}/v1"

    async def _serve(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0, backlog=4096, limit=2**24)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._ended.wait()
        server.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # callers leave in many ways; who left in the middle of an answer is noted where it is seen
        finally:
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request. Whether the connection goes on."""
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = json.loads(await reader.readexactly(length))
        way = head.split(b" ")[1].split(b"/")[1].decode()
        self.asked[way] += 1
        answering = Answering(writer, bool(body.get("stream")))
        work = asyncio.ensure_future(WAYS[self.detours.get(way, way)](answering))
        leaving = asyncio.ensure_future(reader.read(1))  # nothing comes while we answer, unless the caller leaves
        await asyncio.wait([work, leaving], return_when=asyncio.FIRST_COMPLETED)
        if work.done() and work.exception() is None and not leaving.done():
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
            return True
        if leaving.done():
            self.left.append(time.perf_counter())
        for task in (work, leaving):
            task.cancel()
        await asyncio.gather(work, leaving, return_exceptions=True)
        return False
