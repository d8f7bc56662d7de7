"""What a request asks about thinking, in the members of the Messages API: `thinking`, effort, `max_tokens`.

Source: gateway rules, section 1; platform.claude.com/docs/build-with-claude/thinking.
"""

from __future__ import annotations

from typing import Any

import msgspec

from portico.server.providers.base import Traits, Turn, read_limit
from portico.server.providers.budgets import LEAST_BUDGET, budget_of, effort_of
from portico.server.providers.conversation import Conversation, Result, Thought
from portico.wire.requests import ChatRequest

USUAL_MAX_TOKENS = 8192
"""For models of which the catalogue knows no limit: the most that all models still served accept."""
_ADAPTIVE: dict[str, Any] = {"type": "adaptive", "display": "summarized"}
_DISABLED: dict[str, Any] = {"type": "disabled"}


class Thinking(msgspec.Struct, frozen=True):
    """`config` and `effort` as they go out (None, "": left out); `manual` while a budget is in force, which forbids
    forced tools; `on` when sampling parameters are refused."""

    max_tokens: int
    config: dict[str, Any] | None = None
    effort: str = ""
    on: bool = False
    manual: bool = False


def read_thinking(request: ChatRequest, traits: Traits, conversation: Conversation, turn: Turn) -> Thinking:
    asked = _read_max_tokens(request)
    usual = asked or traits.max_output or USUAL_MAX_TOKENS
    if traits.thinking_mode in ("adaptive", "adaptive_always"):
        return _adaptive(request, traits, usual, turn)
    if not _wants(request):
        return Thinking(usual)
    if traits.thinking_mode != "budget":
        turn.adjusted.append("reasoning_effort dropped")
        return Thinking(usual)
    missing = _why_not(conversation)
    if missing:
        turn.adjusted.append(f"thinking off: {missing}")
        return Thinking(usual)
    return _manual(_budget(request, traits), asked, traits.max_output, turn)


def most_tokens(request: ChatRequest, traits: Traits) -> int:
    """`max_tokens` as it goes out at most: what a conversation lacks may still turn thinking off."""
    asked = _read_max_tokens(request)
    if traits.thinking_mode == "budget" and _wants(request):
        return _raised(_budget(request, traits), asked, traits.max_output)
    return asked or traits.max_output or USUAL_MAX_TOKENS


def _read_max_tokens(request: ChatRequest) -> int | None:
    asked = read_limit(request)
    return None if asked is None else max(1, asked)


def _is_off(request: ChatRequest) -> bool:
    return request.budget == 0 or (request.effort == "none" and not request.budget)


def _wants(request: ChatRequest) -> bool:
    return not _is_off(request) and (request.effort != "" or request.budget is not None)


def _budget(request: ChatRequest, traits: Traits) -> int:
    budget = request.budget
    tokens = budget if budget is not None and budget > 0 else budget_of(request.effort or "medium", traits)
    return max(tokens, LEAST_BUDGET)


def _raised(budget: int, asked: int | None, limit: int) -> int:
    """The budget is a part of `max_tokens`, which is raised to hold both as far as the model allows (HC-21)."""
    if asked is None:
        return limit or budget + USUAL_MAX_TOKENS
    return asked if budget < asked else max(asked, min(budget + asked, limit or budget + asked))


def _adaptive(request: ChatRequest, traits: Traits, usual: int, turn: Turn) -> Thinking:
    off = _is_off(request)
    always = traits.thinking_mode == "adaptive_always" or not traits.can_disable
    if off and not always:
        return Thinking(usual, _DISABLED)
    if off:
        turn.adjusted.append("reasoning_effort none->low")
        return Thinking(usual, _ADAPTIVE, "low", on=True)
    effort = "" if request.effort == "none" else request.effort
    if not effort and request.budget is not None:
        effort = effort_of(request.budget, traits)
    if effort == "minimal":
        turn.adjusted.append("reasoning_effort minimal->low")
        effort = "low"
    if not effort and request.budget is None and not always:
        return Thinking(usual)
    return Thinking(usual, _ADAPTIVE, effort, on=True)


def _manual(budget: int, asked: int | None, limit: int, turn: Turn) -> Thinking:
    most = _raised(budget, asked, limit)
    if asked and most != asked:
        turn.adjusted.append(f"max_tokens {asked}->{most}")
    fitting = min(budget, most - min(asked or most, max(1, most // 4)))
    if fitting < LEAST_BUDGET:
        turn.adjusted.append(f"thinking off: max_tokens {most} leaves no room")
        return Thinking(asked or most)
    if fitting < budget:
        turn.adjusted.append(f"thinking budget {budget}->{fitting}")
    return Thinking(most, {"type": "enabled", "budget_tokens": fitting}, on=True, manual=True)


def _why_not(conversation: Conversation) -> str:
    """With a budget the API wants the last assistant turn to begin with its thoughts, as long as it is open (HC-05)."""
    turns = conversation.turns
    if turns and turns[-1].role == "assistant":
        return "the answer is begun"
    if len(turns) > 1 and any(isinstance(part, Result) for part in turns[-1].parts):
        first = next((p for p in turns[-2].parts if not isinstance(p, Thought) or p.signature or p.data), None)
        if not isinstance(first, Thought):
            return "no thinking_blocks before the tool calls"
    return ""
