"""HC-10: an answer that pauses in the middle of the provider's own tools is gone on with, and is one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from portico.server.catalog.entry import Price
from portico.server.gateway.chat_whole import PARTS_MOST
from portico.server.gateway.routing import Choice, Health, HealthRules
from portico.server.providers.anthropic import Anthropic
from portico.server.providers.base import Credential, Target
from tests.server.gateway.gateway_house import CALLER, House, chat_request, model_of, whole
from tests.upstream import Asked, Reply, Upstream
from tests.upstream import whole as json_reply

pytestmark = pytest.mark.anyio
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "porticos"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"encrypted_content": "Ee8="}]}
FAILED = json_reply({"type": "error", "error": {"type": "api_error", "message": "It broke."}}, 500)


def said(text: str, stop: str = "pause_turn", *more: dict[str, Any]) -> dict[str, Any]:
    usage = {"input_tokens": 10, "output_tokens": 5, "server_tool_use": {"web_search_requests": 1}}
    content = [{"type": "text", "text": text}, *more]
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude"}
    return {**head, "content": content, "stop_reason": stop, "usage": usage}


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as made:
        yield made


def house_of(upstream: Upstream) -> House:
    adapter = Anthropic()
    credential = Credential(upstream.url, "the-key-of-this-house")
    target = Target("anthropic", "claude", "claude", adapter, adapter.endpoint(credential), credential)
    return House(Choice(model_of("claude", Price(1, 1, 1)), target, Health(HealthRules()), 1, 0, b"anthropic"))


def tells(upstream: Upstream, *replies: Reply) -> None:
    left = list(replies)

    def script(asked: Asked) -> Reply:
        return left.pop(0) if len(left) > 1 else left[0]

    upstream.script = script


async def test_hc10_an_answer_that_pauses_is_gone_on_with_where_it_came_from(upstream: Upstream) -> None:
    pause = json_reply(said("First, ", "pause_turn", SEARCH, FOUND))
    tells(upstream, pause, json_reply(said("then, ")), json_reply(said("done.", "end_turn")))
    async with house_of(upstream) as house:
        body = await whole(house.chat.answer(CALLER, chat_request(), "r"))
        (choice,) = body["choices"]
        assert (choice["message"]["content"], choice["finish_reason"]) == ("First, then, done.", "stop")
        assert "native_finish_reason" not in choice["message"]
        assert (body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]) == (30, 15)
        assert body["usage"]["server_tool_use"] == {"web_search_requests": 3}
        assert (house.line.input_uncached, house.line.output_visible, house.line.cost_picousd) == (30, 15, 45)
        assert (house.line.attempts, house.line.status) == (1, "completed")
        assert house.is_at_rest()
    sent = [asked.body["messages"] for asked in upstream.asked]
    assert [len(messages) for messages in sent] == [1, 2, 2]
    assert sent[1][1] == {"role": "assistant", "content": [{"type": "text", "text": "First, "}, SEARCH, FOUND]}
    assert sent[2][1]["content"] == [*sent[1][1]["content"], {"type": "text", "text": "then, "}]
    assert sent[0] == sent[1][:1]


async def test_hc10_an_answer_that_pauses_again_and_again_is_told_as_it_is(upstream: Upstream) -> None:
    upstream.replies(json_reply(said("On. ")))
    async with house_of(upstream) as house:
        body = await whole(house.chat.answer(CALLER, chat_request(), "r"))
        (choice,) = body["choices"]
        assert choice["message"]["content"] == "On. " * PARTS_MOST
        assert (choice["finish_reason"], choice["message"]["native_finish_reason"]) == ("stop", "pause_turn")
        assert house.line.input_uncached == 10 * PARTS_MOST
    assert len(upstream.asked) == PARTS_MOST


@pytest.mark.parametrize("failed", [FAILED, json_reply([1]), json_reply({"type": "error", "error": {}})])
async def test_hc10_what_there_is_of_an_answer_is_told_when_going_on_fails(upstream: Upstream, failed: Reply) -> None:
    tells(upstream, json_reply(said("First, ")), json_reply(said("then. ")), failed)
    async with house_of(upstream) as house:
        body = await whole(house.chat.answer(CALLER, chat_request(), "r"))
        (choice,) = body["choices"]
        assert choice["message"]["content"] == "First, then. "
        assert (choice["finish_reason"], choice["message"]["native_finish_reason"]) == ("stop", "pause_turn")
        assert (house.line.status, house.line.input_uncached) == ("completed", 20)
        assert house.is_at_rest()


async def test_hc16_a_caller_who_leaves_while_an_answer_goes_on_leaves_nothing_behind(upstream: Upstream) -> None:
    late = json_reply(said("then."))
    late.delay_s = 30.0
    tells(upstream, json_reply(said("First, ")), late)
    async with house_of(upstream) as house:
        task = asyncio.create_task(whole(house.chat.answer(CALLER, chat_request(), "r")))
        while len(upstream.asked) < 2:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (house.line.status, house.line.input_uncached, house.line.output_visible) == ("cancelled", 10, 5)
        assert house.is_at_rest()
