"""The embedded models as a provider: the OpenAI protocol on loopback, plus where to find the model right now."""

from __future__ import annotations

from portico.server.providers.base import Reached, Target
from portico.server.providers.local.runtime import LocalRuntime
from portico.server.providers.openai import OpenAI


class Local(OpenAI):
    name = "local"

    def __init__(self, runtime: LocalRuntime) -> None:
        self._runtime = runtime

    async def reach(self, target: Target) -> Reached:
        endpoint = await self._runtime.reach(target.upstream_model)
        ticket = self._runtime.admit(target.upstream_model)
        return Reached(endpoint, ticket.release)
