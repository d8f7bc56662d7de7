"""Providers whose answers are no UTF-8: their mistake, not ours, and told as such (HC-12, HC-26)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from portico.server.errors import ProviderError
from tests.server.gateway.gateway_house import CALLER, House, chat_request, choice_of, whole
from tests.upstream import Upstream, chunk, sse, stream
from tests.upstream import whole as json_reply

pytestmark = pytest.mark.anyio
LATIN = "schön".encode("latin-1")


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as provider:
        yield provider


def latin(body: Any) -> Any:
    reply = json_reply(body)
    reply.body = reply.body.replace(b"~", LATIN)
    return reply


@pytest.mark.parametrize("place", ["content", "id", "arguments"])
@pytest.mark.parametrize("streamed", [False, True])
async def test_hc12_an_answer_in_another_encoding_is_the_providers_fault(
    upstream: Upstream, place: str, streamed: bool
) -> None:
    call = {
        "id": "c",
        "type": "function",
        "function": {"name": "f", "arguments": "~" if place == "arguments" else "{}"},
    }
    message = {"role": "assistant", "content": "~" if place == "content" else "x", "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    upstream.replies(latin({"id": "~" if place == "id" else "c", "choices": [choice]}))
    async with House(choice_of("m", upstream.url)) as house:
        with pytest.raises(ProviderError, match="UTF-8") as raised:
            if streamed:
                await house.stream()
            else:
                await whole(house.chat.answer(CALLER, chat_request(), "r"))
        assert (raised.value.status, raised.value.id, house.line.http_status) == (502, 150, 502)
        assert house.is_at_rest()


@pytest.mark.parametrize("before", [0, 1])
async def test_hc12_a_stream_that_leaves_its_encoding_ends_with_an_error(upstream: Upstream, before: int) -> None:
    good = sse(*(chunk({"content": "a"}) for _ in range(before)))
    upstream.replies(stream(good + sse(chunk({"content": "~"})).replace(b"~", LATIN)))
    async with House(choice_of("m", upstream.url)) as house:
        with pytest.raises(ProviderError, match="UTF-8"):
            await house.stream()
        assert (house.line.http_status, house.line.output_visible) == (502, before)
        assert house.is_at_rest()


async def test_hc26_a_refusal_in_another_encoding_keeps_its_kind(upstream: Upstream) -> None:
    refusal = latin({"error": {"message": "~", "code": "context_length_exceeded"}})
    refusal.status = 400
    upstream.replies(refusal)
    async with House(choice_of("m", upstream.url)) as house:
        with pytest.raises(ProviderError) as raised:
            await whole(house.chat.answer(CALLER, chat_request(), "r"))
        assert (raised.value.status, raised.value.code) == (400, "context_length_exceeded")
