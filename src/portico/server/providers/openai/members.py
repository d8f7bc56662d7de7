"""What a chat request to an OpenAI-compatible provider carries beside what the caller sent: effort, limits, quirks."""

from __future__ import annotations

from portico.server.providers.base import NO_QUIRKS, Members, Target, Turn
from portico.wire.requests import ChatRequest

_LIMITS = ("max_tokens", "max_completion_tokens")


def fit_members(members: Members, request: ChatRequest, target: Target, turn: Turn) -> None:
    """Changes `members` as the provider wants them; notes what it does not take in `turn.adjusted`.

    Both limits given: `max_completion_tokens` has priority (Chat API reference, 4).
    """
    quirks = target.quirks
    if "max_completion_tokens" in members:
        members.pop("max_tokens", None)
    if request.effort or request.budget is not None:
        _write_thinking(members, request, target)
    if quirks is NO_QUIRKS:
        return
    wanted = quirks.max_tokens_member
    if wanted:
        for name in _LIMITS:
            if name != wanted and name in members:
                members[wanted] = members.pop(name)
    for name in quirks.drops:
        if members.pop(name, None) is not None:
            turn.adjusted.append(f"{name} dropped")


def _write_thinking(members: Members, request: ChatRequest, target: Target) -> None:
    quirks, effort, budget = target.quirks, request.effort, request.budget
    off = effort == "none" or (not effort and budget == 0)
    if effort and quirks.effort_member and not (off and "none" not in target.traits.effort_values):
        members[quirks.effort_member] = effort
    match quirks.thinking_style:
        case "type":
            members["thinking"] = {"type": "disabled" if off else "enabled"}
        case "enable_thinking":
            members["enable_thinking"] = not off
            if budget is not None and budget > 0:
                members["thinking_budget"] = budget
        case "reasoning":
            members["reasoning"] = {"enabled": not off}
        case "template":
            members["chat_template_kwargs"] = {"enable_thinking": not off}
