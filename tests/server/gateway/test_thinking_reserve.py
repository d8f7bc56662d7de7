"""What is held of a budget for a chat that thinks: as much as its answer may have (HC-29)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from portico.server.catalog.entry import Reasoning
from portico.server.gateway.chat import ChatGateway
from portico.server.gateway.limits import Ticket
from tests.server.gateway.core_house import CALLER, House, chat_request, choice_of, whole
from tests.upstream import Upstream

pytestmark = pytest.mark.anyio


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as provider:
        yield provider


@pytest.mark.parametrize(
    ("members", "longest"),
    [
        ({"max_tokens": 100}, 100),
        ({"max_tokens": 100, "reasoning_effort": "high"}, 100 + 3000),
        ({"max_completion_tokens": 100, "thinking": {"type": "enabled", "budget_tokens": 2000}}, 100 + 2000),
        ({"max_tokens": 100, "thinking": {"type": "enabled"}, "n": 2}, 2 * (100 + 3000)),
        ({"max_tokens": 100, "thinking": None}, 100),
        ({"reasoning_effort": "high"}, 50_000),
    ],
)
async def test_hc29_the_tokens_of_thinking_by_which_a_limit_is_raised_are_held(
    upstream: Upstream, members: dict[str, Any], longest: int
) -> None:
    """Claude's `max_tokens` is raised where a budget leaves no room to answer: that may cost no more than was held."""
    choice = choice_of("m", upstream.url)
    thinks = Reasoning(("low", "high"), thinking_mode="budget", budget_min=1024, budget_max=3000)
    choice.model = dataclasses.replace(choice.model, reasoning=thinks, max_output=50_000)
    held: list[int] = []

    def take(cost: int, tokens: int) -> Ticket:
        held.append(tokens)
        return Ticket(())

    async with House(choice) as house:
        limits = cast(Any, SimpleNamespace(of=lambda _: SimpleNamespace(try_take=take)))
        chat = ChatGateway(dataclasses.replace(house.board, limits=limits))
        await whole(chat.answer(CALLER, chat_request(**members), "r"))
    prompt = -(-40 // 3)
    assert held == [prompt + longest]
