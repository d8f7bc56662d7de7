"""What a chat request may cost at most: what each of its models could be told to answer with (HC-29)."""

from __future__ import annotations

import msgspec

from portico.server.errors import PorticoError
from portico.server.gateway.limits import worst_case
from portico.server.gateway.parameters import fit_request
from portico.server.gateway.routing import Choice, Route
from portico.server.providers.base import Turn
from portico.wire.requests import NULL, ChatRequest

_OF_LENGTH = frozenset({"max_completion_tokens", "max_tokens", "n", "reasoning_effort", "thinking"})
"""A request without any of them lets every model answer as it usually does; most have none."""


def worst_of_chat(route: Route, request: ChatRequest) -> tuple[int, int]:
    """Cost in 1e-12 USD and tokens, whichever of the models will answer."""
    worst_of = _worst_of_usual if _OF_LENGTH.isdisjoint(request.members) else _worst_of
    if len(route.choices) == 1:
        return worst_of(route.choices[0], request)
    choices = {choice.model.id: choice for choice in route.choices}.values()
    costs, tokens = zip(*(worst_of(choice, request) for choice in choices), strict=True)
    return max(costs), max(tokens)


def _worst_of_usual(choice: Choice, request: ChatRequest) -> tuple[int, int]:
    most = choice.target.adapter.most_output(request, choice.target)
    return worst_case(choice.model, request.body_bytes, most)


def _worst_of(choice: Choice, request: ChatRequest) -> tuple[int, int]:
    try:
        fitted = fit_request(request, choice.model, Turn(keep_usage=False))
    except PorticoError:  # it will be refused in the same words when it is written, and cost nothing
        fitted = request
    most = choice.target.adapter.most_output(fitted, choice.target)
    answers = msgspec.json.decode(request.members.get("n", NULL))
    return worst_case(choice.model, request.body_bytes, most, int(answers or 1))
