"""The guardrails of a project, high level: typed objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portico.sdk.clients.guardrails import AsyncGuardrailsClient, GuardrailsClient
from portico.sdk.managers.base import read
from portico.wire.guardrails import GuardrailSettings

if TYPE_CHECKING:
    from collections.abc import Mapping


class Guardrails:
    """`client.guardrails`: what a project checks of its requests and answers."""

    def __init__(self, client: GuardrailsClient) -> None:
        self._client = client

    def get(self, *, project_id: str | None = None) -> GuardrailSettings:
        """The settings; all off where nothing was set. `project_id`: with an organization token."""
        return read(GuardrailSettings, self._client.get_guardrails(project_id=project_id))

    def set(
        self, settings: GuardrailSettings | Mapping[str, Any], *, project_id: str | None = None
    ) -> GuardrailSettings:
        """Replaces all of them, by an object or by its JSON. Raises BadRequest with the member that is wrong."""
        return read(GuardrailSettings, self._client.set_guardrails(_write(settings), project_id=project_id))

    def delete(self, *, project_id: str | None = None) -> None:
        """Switches everything off. Raises NotFound when nothing was set."""
        self._client.delete_guardrails(project_id=project_id)


class AsyncGuardrails:
    """The same for asyncio."""

    def __init__(self, client: AsyncGuardrailsClient) -> None:
        self._client = client

    async def get(self, *, project_id: str | None = None) -> GuardrailSettings:
        """The settings; all off where nothing was set. `project_id`: with an organization token."""
        return read(GuardrailSettings, await self._client.get_guardrails(project_id=project_id))

    async def set(
        self, settings: GuardrailSettings | Mapping[str, Any], *, project_id: str | None = None
    ) -> GuardrailSettings:
        """Replaces all of them, by an object or by its JSON. Raises BadRequest with the member that is wrong."""
        return read(GuardrailSettings, await self._client.set_guardrails(_write(settings), project_id=project_id))

    async def delete(self, *, project_id: str | None = None) -> None:
        """Switches everything off. Raises NotFound when nothing was set."""
        await self._client.delete_guardrails(project_id=project_id)


def _write(settings: GuardrailSettings | Mapping[str, Any]) -> dict[str, Any]:
    from msgspec import to_builtins

    built: dict[str, Any] = to_builtins(settings)
    return built
