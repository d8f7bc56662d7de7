"""What is held of a budget for a chat: as many tokens as the provider is told that its answer may have (HC-29)."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from portico.server.catalog.entry import Reasoning
from portico.server.errors import OutOfRange
from portico.server.gateway.chat import ChatGateway
from portico.server.gateway.chat_reserve import worst_of_chat
from portico.server.gateway.limits import Ticket
from portico.server.gateway.parameters import fit_request
from portico.server.gateway.routing import Choice, Route
from portico.server.gateway.routing.targets import traits_of
from portico.server.providers.anthropic import Anthropic
from portico.server.providers.base import Adapter, Turn
from portico.server.providers.bedrock import Bedrock
from portico.server.providers.openai import OpenAI
from portico.server.providers.vertex_ai import VertexAI
from tests.server.gateway.gateway_house import CALLER, House, chat_request, choice_of, whole
from tests.upstream import Upstream

pytestmark = pytest.mark.anyio
BUDGET = Reasoning(("low", "high"), thinking_mode="budget", budget_min=1024, budget_max=3000)
EFFORT = Reasoning(("low", "medium", "high"), thinking_mode="level")
PROMPT = -(-40 // 3)
LIMITS = ("max_tokens", "max_output_tokens", "max_completion_tokens", "maxTokens", "maxOutputTokens")


def choice(adapter: Adapter, thinks: Reasoning, name: str = "m", **more: Any) -> Choice:
    made = choice_of(name, "http://127.0.0.1:9/v1")
    made.model = dataclasses.replace(made.model, reasoning=thinks, **{"max_output": 50_000, **more})
    made.target = dataclasses.replace(made.target, adapter=adapter, traits=traits_of(made.model))
    return made


def sent(made: Choice, **members: Any) -> int | None:
    """The limit of the answer in the body that goes out."""
    turn = Turn(keep_usage=True)
    fitted = fit_request(chat_request(**members), made.model, turn)
    body = msgspec.json.decode(made.target.adapter.write_chat(fitted, made.target, turn).body)
    found = {**body, **body.get("inferenceConfig", {}), **body.get("generationConfig", {})}
    return next((found[name] for name in LIMITS if found.get(name) is not None), None)


ASKED: list[dict[str, Any]] = [
    {},
    {"max_tokens": 100},
    {"max_tokens": 5000, "reasoning_effort": "high"},
    {"max_tokens": 100, "reasoning_effort": "high"},
    {"max_completion_tokens": 100, "thinking": {"type": "enabled", "budget_tokens": 2000}},
    {"max_completion_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 2000}},
    {"max_tokens": 100, "thinking": {"type": "enabled"}, "n": 2},
    {"max_tokens": 100, "thinking": None},
    {"max_tokens": None, "thinking": {"type": "enabled", "budget_tokens": 2000}},
    {"reasoning_effort": "high"},
    {"max_tokens": 1},
]
MODELS = {
    "anthropic": choice(Anthropic(), BUDGET),
    "anthropic that always thinks": choice(Anthropic(), dataclasses.replace(BUDGET, can_disable=False)),
    "anthropic unknown": choice(Anthropic(), Reasoning(), max_output=0),
    "anthropic of no known length": choice(Anthropic(), BUDGET, max_output=0),
    "openai": choice(OpenAI(), EFFORT),
    "openai responses": choice(OpenAI(), EFFORT, api="responses"),
    "bedrock claude": choice(Bedrock(), BUDGET, "anthropic.claude-x", max_output=0),
    "bedrock nova": choice(Bedrock(), EFFORT, "amazon.nova-x"),
    "vertex claude": choice(VertexAI(cast(Any, None)), BUDGET, "claude-sonnet-4"),
    "vertex gemini": choice(VertexAI(cast(Any, None)), BUDGET, "gemini-2.5-flash"),
}


@pytest.mark.parametrize("members", ASKED, ids=str)
@pytest.mark.parametrize("model", MODELS)
def test_hc29_what_is_held_is_what_the_provider_is_told(model: str, members: dict[str, Any]) -> None:
    """Claude's `max_tokens` is raised where a budget leaves no room to answer, one of the Responses API to 16, and
    beside Nova's high effort there is none: no answer may cost more than was held for it."""
    made = MODELS[model]
    limit = sent(made, **members)
    longest = limit if limit is not None else made.model.max_output or 4096
    _, tokens = worst_of_chat(Route(made.model, (made,)), chat_request(**members))
    assert tokens == PROMPT + longest * (members.get("n") or 1)


def test_hc29_of_several_models_the_one_that_may_cost_most_counts() -> None:
    choices = (MODELS["openai"], choice(Anthropic(), BUDGET, "other"))
    _, tokens = worst_of_chat(Route(choices[0].model, choices), chat_request(**ASKED[4]))
    assert tokens == PROMPT + 2100


def test_a_request_that_will_be_refused_is_refused_when_it_is_written() -> None:
    members: dict[str, Any] = {"max_tokens": 100, "thinking": {"type": "enabled", "budget_tokens": 3}}
    made = MODELS["anthropic"]
    assert worst_of_chat(Route(made.model, (made,)), chat_request(**members))[1] == PROMPT + 100
    with pytest.raises(OutOfRange):
        sent(made, **members)


async def test_a_chat_holds_it_before_the_provider_is_asked() -> None:
    held: list[int] = []

    def take(cost: int, tokens: int) -> Ticket:
        held.append(tokens)
        return Ticket(())

    with Upstream() as upstream:
        only = choice_of("m", upstream.url)
        async with House(only) as house:
            limits = cast(Any, SimpleNamespace(of=lambda _: SimpleNamespace(try_take=take)))
            chat = ChatGateway(dataclasses.replace(house.board, limits=limits))
            await whole(chat.answer(CALLER, chat_request(max_tokens=7, n=2), "r"))
    assert held == [PROMPT + 14]
