"""What a chat request may cost at most: what each of its models could be told to answer with (HC-29)."""

from __future__ import annotations

import msgspec

from portico.server.errors import PorticoError
from portico.server.gateway.limits import worst_case
from portico.server.gateway.parameters import fit_request
from portico.server.gateway.routing import Choice, Route
from portico.server.providers.base import Turn
from portico.wire.requests import NULL, ChatRequest


def worst_of_chat(route: Route, request: ChatRequest) -> tuple[int, int]:
    """Cost in 1e-12 USD and tokens, whichever of the models will answer."""
    choices = {choice.model.id: choice for choice in route.choices}.values()
    costs, tokens = zip(*(_worst_of(choice, request) for choice in choices), strict=True)
    return max(costs), max(tokens)


def _worst_of(choice: Choice, request: ChatRequest) -> tuple[int, int]:
    try:
        fitted = fit_request(request, choice.model, Turn(keep_usage=False))
    except PorticoError:  # it will be refused in the same words when it is written, and cost nothing
        fitted = request
    most = choice.target.adapter.most_output(fitted, choice.target)
    answers = msgspec.json.decode(request.members.get("n", NULL))
    return worst_case(choice.model, request.body_bytes, most, int(answers or 1))
