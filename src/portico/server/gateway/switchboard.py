"""What all verbs of the switchboard share: routes, executor, limits, ledger; and how a request is reserved.

One per process, made in `app/`.
"""

from __future__ import annotations

from dataclasses import dataclass

from portico.server.access.caller import Caller
from portico.server.gateway.cache import AnswerCache
from portico.server.gateway.guardrails import Guardrails
from portico.server.gateway.ledger import Ledger
from portico.server.gateway.limits import Limits, worst_case
from portico.server.gateway.metering import Meter
from portico.server.gateway.routing import Executor, Route, Targets
from portico.server.providers.fetcher import Fetcher


@dataclass(frozen=True, slots=True)
class Switchboard:
    """`chat_cache`: whether chat answers are cached when the caller does not say. `strict`: parameters that a model
    does not take are refused instead of dropped."""

    targets: Targets
    executor: Executor
    ledger: Ledger
    limits: Limits
    cache: AnswerCache
    fetcher: Fetcher
    guardrails: Guardrails
    chat_cache: bool = True
    strict: bool = False

    async def reserve(
        self,
        meter: Meter,
        caller: Caller,
        route: Route,
        request_bytes: int,
        most: int | None,
        n: int = 1,
        units: int = 0,
    ) -> None:
        """Takes the worst case of the request out of the caller's limits, if it has any; the meter settles it.

        `most` are the output tokens the request allows, 0 for verbs without; None: as many as the model gives.
        Raises QuotaExceeded (429, id 154), TooManyRequests (429, id 9001).
        """
        policy = self.limits.of(caller)
        if policy is not None:
            worst = worst_of(route, request_bytes, most, n, units)
            meter.ticket = policy.try_take(*worst) or await policy.take(*worst)


def worst_of(route: Route, request_bytes: int, most: int | None, n: int = 1, units: int = 0) -> tuple[int, int]:
    """Cost in 1e-12 USD and tokens, whichever of its models will answer."""
    choices = route.choices
    if len(choices) == 1:
        return worst_case(choices[0].model, request_bytes, most, n, units)
    models = {choice.model.id: choice.model for choice in choices}.values()
    costs, tokens = zip(*(worst_case(model, request_bytes, most, n, units) for model in models), strict=True)
    return max(costs), max(tokens)
