"""Chats whose texts are kept: whole, streamed, failed and left."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import msgspec
import pytest

from portico.server.errors import ProviderUnknown
from portico.server.gateway.answers import Answer, Stream
from portico.server.gateway.requests.kept_texts import keep_texts
from portico.server.gateway.requests.log import RequestLog
from portico.server.kit.drive import Signal
from portico.wire.model_ref import BareModel
from portico.wire.requests import ChatRequest
from tests.server.gateway.requests.test_running import caller

pytestmark = pytest.mark.anyio
MESSAGES = b'[{"role":"system","content":"Be kind."},{"role":"user","content":"Hello?"}]'


class Paper(RequestLog):
    """A log that remembers instead of writing."""

    def __init__(self) -> None:
        self.enabled, self.limit_bytes = True, 1_000
        self.kept: list[tuple[Any, ...]] = []

    def append(self, *texts: Any) -> None:
        self.kept.append(texts)


class Chunks(Stream):
    """A stream of given chunks."""

    headers = [(b"x-portico-provider", b"openai")]  # noqa: RUF012
    cache = "MISS"

    def __init__(self, *chunks: bytes) -> None:
        self.left = [[chunk] for chunk in chunks]
        self.signal = Signal()
        self.closed: list[BaseException | None] = []

    def take(self) -> list[bytes] | None:
        return self.left.pop(0) if self.left else None

    def more(self) -> Signal:
        return self.signal

    def close(self, error: BaseException | None = None) -> None:
        self.closed.append(error)


async def given(value: Any) -> Any:
    if isinstance(value, BaseException):
        raise value
    return value


async def keep(log: Paper, answer: Any) -> Any:
    request = ChatRequest(BareModel("m"), {"messages": msgspec.Raw(MESSAGES)})
    return await keep_texts(cast(Any, log), caller(), request, "r1", given(answer))


async def test_a_whole_answer_is_kept_and_given_on() -> None:
    log, answer = Paper(), Answer(b'{"choices":[{"message":{"content":"Good day"}}]}')
    assert await keep(log, answer) is answer
    assert log.kept == [("r1", caller(), "Be kind.", "Hello?", "Good day")]


@pytest.mark.parametrize("error", [ProviderUnknown(), asyncio.CancelledError()])
async def test_the_question_of_a_failure_is_kept(error: BaseException) -> None:
    log = Paper()
    with pytest.raises(type(error)):
        await keep(log, error)
    assert log.kept == [("r1", caller(), "Be kind.", "Hello?", "")]


async def test_a_stream_passes_and_is_kept_once_when_it_ends() -> None:
    log = Paper()
    inner = Chunks(b'{"choices":[{"delta":{"content":"Good "}}]}', b'{"choices":[{"delta":{"content":"day"}}]}')
    stream = await keep(log, inner)
    assert (stream.headers, stream.cache, stream.framed, stream.end) == (
        inner.headers, inner.cache, inner.framed, inner.end,
    )  # fmt: skip
    taken = []
    while (chunks := stream.take()) is not None:
        taken += chunks
    assert len(taken) == 2 and stream.more() is inner.signal and log.kept == []
    error = ProviderUnknown()
    stream.close(error)
    stream.close()
    assert inner.closed == [error, None]
    assert log.kept == [("r1", caller(), "Be kind.", "Hello?", "Good day")]
