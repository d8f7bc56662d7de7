"""Thinking in the words of the model's maker: what goes into `additionalModelRequestFields` (rules, section 1)."""

from __future__ import annotations

from typing import Any

from portico.server.providers.base import Traits, Turn
from portico.server.providers.bedrock.family import Family
from portico.server.providers.budgets import LEAST_BUDGET, budget_of, effort_of
from portico.wire.requests import ChatRequest

_ROOM_TO_ANSWER = 4096


class Thinking:
    """What a request asks of its model: `fields` for the model, whether it thinks, and the budget it needs."""

    __slots__ = ("budget", "fields", "on")

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.on = False
        self.budget = 0


def read_thinking(request: ChatRequest, traits: Traits, family: Family, max_tokens: int | None, turn: Turn) -> Thinking:
    """`request.effort` and `request.budget` as the model's own fields; empty when neither was asked for."""
    thinking = Thinking()
    effort, budget = request.effort, request.budget
    if budget is not None and effort in ("", "none"):
        effort = "none" if budget == 0 else effort_of(budget, traits)
    elif not effort:
        return thinking
    off = effort == "none"
    if family.claude and traits.thinking_mode == "budget":
        if not off:
            _think_by_budget(thinking, budget if budget and budget > 0 else budget_of(effort, traits), max_tokens, turn)
    elif family.claude:
        _think_adaptively(thinking, effort, traits, family)
    elif family.nova:
        if not off:
            thinking.on = True
            thinking.fields["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": effort or "medium"}
    elif effort and (not off or "none" in traits.effort_values):
        thinking.on = not off
        thinking.fields["reasoning_effort"] = effort
    return thinking


def _think_by_budget(thinking: Thinking, budget: int, max_tokens: int | None, turn: Turn) -> None:
    """The budget is part of the answer's limit and must be below it (HC-21)."""
    budget = max(budget, LEAST_BUDGET)
    if max_tokens is not None and budget >= max_tokens:
        if max_tokens <= LEAST_BUDGET:
            turn.adjusted.append(f"thinking off: max_tokens {max_tokens} leaves no room")
            return
        turn.adjusted.append(f"thinking budget {budget}->{max_tokens - 1}")
        budget = max_tokens - 1
    thinking.on, thinking.budget = True, budget
    thinking.fields["thinking"] = {"type": "enabled", "budget_tokens": budget}


def _think_adaptively(thinking: Thinking, effort: str, traits: Traits, family: Family) -> None:
    if effort == "none":  # models that always think can only think little
        if traits.thinking_mode == "adaptive_always" or not traits.can_disable:
            thinking.fields["output_config"] = {"effort": "low"}
            thinking.on = True
        elif family.thinks_unasked:
            thinking.fields["thinking"] = {"type": "disabled"}
        return
    thinking.on = True
    display = {"display": "summarized"} if family.hides_thoughts else {}
    thinking.fields["thinking"] = {"type": "adaptive", **display}
    if effort:
        thinking.fields["output_config"] = {"effort": effort}


def refuses_limits(thinking: Thinking, family: Family) -> bool:
    """Nova takes neither sampling parameters nor a limit of the answer beside high effort."""
    return family.nova and thinking.fields.get("reasoningConfig", {}).get("maxReasoningEffort") == "high"


def limit_for(thinking: Thinking, max_tokens: int | None, traits: Traits) -> int | None:
    """The limit of the answer; one must be told beside a budget."""
    if max_tokens is None and thinking.budget:
        return traits.max_output if traits.max_output > thinking.budget else thinking.budget + _ROOM_TO_ANSWER
    return max_tokens
