"""A stream between provider and caller: what arrives while nobody waits for it is not missed."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from portico.server.errors import ProviderError, ProviderUnknown
from portico.server.gateway.chat import ChatStream
from portico.server.gateway.routing import Answered, Choice, Health, HealthRules
from portico.server.kit.drive import run
from portico.server.providers.base import Target, Turn
from portico.server.providers.http1 import Reply
from portico.server.providers.openai import OpenAI
from portico.wire.model_ref import DirectModel
from portico.wire.requests import ChatRequest
from portico.wire.sse import SSEDecoder

pytestmark = pytest.mark.anyio
USAGE = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}


def event(value: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % json.dumps(value).encode()


def chunk(text: str, finish: str | None = None) -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]})


def begun() -> tuple[Reply, ChatStream]:
    """An answer of which the first chunk was taken; its caller is slow to read it."""
    reply = Reply(False, float("inf"), 60.0, 10**6)
    reply._on_head(200, {b"content-type": b"text/event-stream"})
    meter = SimpleNamespace(
        turn=None,
        cache="",
        ticket=None,
        mark_first_byte=lambda: None,
        answered_by=lambda *_: Turn(keep_usage=False),
    )
    stream = ChatStream(cast(Any, None), ChatRequest(DirectModel("openai", "m"), {}, stream=True), cast(Any, meter))
    choice = Choice(cast(Any, None), Target("openai", "m", "m", OpenAI(), None), Health(HealthRules()))
    stream._decoder = SSEDecoder()
    stream.go_on(Answered(choice, reply, None, None, 1))
    reply._on_body(chunk("He", "stop"))
    assert stream.take()
    return reply, stream


async def rest(stream: ChatStream) -> list[bytes]:
    async def read() -> list[bytes]:
        found: list[bytes] = []
        while (chunks := stream.take()) is not None:
            found += chunks
            if not chunks:
                await stream.more()
        return found

    return await asyncio.wait_for(run(read()), 60)


async def test_an_end_behind_what_nobody_gets_to_see_is_an_end() -> None:
    reply, stream = begun()
    reply._on_body(event(USAGE))
    reply._on_complete()
    assert await rest(stream) == []


async def test_a_loss_behind_half_a_chunk_is_an_error() -> None:
    reply, stream = begun()
    reply._on_body(chunk("llo")[:20])
    reply._fail(ProviderUnknown("lost"))
    with pytest.raises(ProviderError, match="lost"):
        await rest(stream)


async def test_comments_alone_are_waited_through() -> None:
    reply, stream = begun()
    reply._on_body(b": nothing\n\n")
    reading = asyncio.ensure_future(rest(stream))
    await asyncio.sleep(0)
    reply._on_body(chunk("llo") + b"data: [DONE]\n\n")
    assert len(await reading) == 1
