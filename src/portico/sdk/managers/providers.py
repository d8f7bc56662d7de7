"""Provider keys, model aliases, own providers and own models, high level: typed objects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from portico.sdk.clients.providers import AsyncProvidersClient, ProvidersClient
from portico.sdk.managers.base import read, read_list
from portico.wire.providers import ModelAlias, OwnModel, OwnProvider, ProviderKey, ProviderState

if TYPE_CHECKING:
    from portico.sdk.clients.providers import Members

Strategy = Literal["weighted", "least_busy"]


def _provider(name: str, base_url: str, models: Sequence[Members] | None, members: Members | None) -> dict[str, Any]:
    entry = {**(members or {}), "name": name, "baseUrl": base_url}
    return entry if models is None else {**entry, "models": [dict(model) for model in models]}


def _key(
    key: str,
    name: str | None,
    weight: int | None,
    base_url: str | None,
    options: Mapping[str, str] | None,
    project_id: str | None,
) -> dict[str, Any]:
    return {
        "key": key,
        "name": name,
        "weight": weight,
        "baseUrl": base_url,
        "options": None if options is None else dict(options),
        "projectId": project_id,
    }


class Providers:
    """`client.providers`: who answers, with which keys, under which names."""

    def __init__(self, client: ProvidersClient) -> None:
        self._client = client

    def list(self, *, project_id: str | None = None) -> Iterator[ProviderState]:
        """All providers: whose keys each is called with, and which setting it still waits for."""
        yield from read_list(ProviderState, self._client.list_providers(project_id=project_id), "providers")

    def get(self, provider: str) -> OwnProvider:
        """A provider of one's own. Raises NotFound for one of the catalogue."""
        return read(OwnProvider, self._client.get_provider(provider))

    def add(
        self, name: str, base_url: str, *, models: Sequence[Members] | None = None, members: Members | None = None
    ) -> OwnProvider:
        """Adds a provider; `members` is the rest of its entry (`needsKey`, `openNames`, `quirks`).

        Raises RequestConflict when there is one of this name; BadRequest for an address that may not be called.
        """
        return read(OwnProvider, self._client.create_provider(_provider(name, base_url, models, members)))

    def change(
        self, name: str, base_url: str, *, models: Sequence[Members] | None = None, members: Members | None = None
    ) -> OwnProvider:
        """Writes its entry anew; its models stay when `models` is None. Raises NotFound."""
        return read(OwnProvider, self._client.update_provider(name, _provider(name, base_url, models, members)))

    def remove(self, provider: str) -> None:
        """Removes a provider of one's own, with its models and keys. Raises NotFound."""
        self._client.delete_provider(provider)

    def models(self, provider: str) -> Iterator[OwnModel]:
        """The models of one's own that a provider has."""
        yield from read_list(OwnModel, self._client.list_models(provider), "models")

    def add_model(self, provider: str, name: str, type: str, members: Members | None = None) -> OwnModel:
        """Adds a model; `members` are such as `upstreamName`, `contextWindow`, `price`. Raises RequestConflict."""
        return read(OwnModel, self._client.create_model(provider, {**(members or {}), "name": name, "type": type}))

    def change_model(self, provider: str, name: str, type: str, members: Members | None = None) -> OwnModel:
        """Writes its entry anew. Raises NotFound."""
        return read(OwnModel, self._client.update_model(provider, name, {**(members or {}), "type": type}))

    def remove_model(self, provider: str, name: str) -> None:
        """Removes a model of one's own. Raises NotFound."""
        self._client.delete_model(provider, name)

    def keys(self, provider: str, *, project_id: str | None = None) -> Iterator[ProviderKey]:
        """The keys of a provider, without the keys themselves."""
        yield from read_list(ProviderKey, self._client.list_keys(provider, project_id=project_id), "keys")

    def add_key(
        self,
        provider: str,
        key: str,
        *,
        name: str | None = None,
        weight: int | None = None,
        base_url: str | None = None,
        options: Mapping[str, str] | None = None,
        project_id: str | None = None,
    ) -> ProviderKey:
        """One more key; the keys of a scope share the load by weight. Raises RequestConflict, BadRequest, NotFound."""
        return read(
            ProviderKey, self._client.create_key(provider, _key(key, name, weight, base_url, options, project_id))
        )

    def change_key(
        self,
        provider: str,
        key_id: str,
        *,
        weight: int | None = None,
        name: str | None = None,
        blocked: bool | None = None,
    ) -> ProviderKey:
        """Weighs, names, blocks or unblocks a key; None leaves a member as it is."""
        return read(
            ProviderKey, self._client.update_key(provider, key_id, {"weight": weight, "name": name, "blocked": blocked})
        )

    def rotate_key(self, provider: str, key_id: str, key: str) -> ProviderKey:
        """Puts another key in its place; requests under way end with the old one."""
        return read(ProviderKey, self._client.update_key(provider, key_id, {"key": key}))

    def remove_key(self, provider: str, key_id: str) -> None:
        """Removes a key for good. Raises NotFound."""
        self._client.delete_key(provider, key_id)

    def aliases(self, *, project_id: str | None = None) -> Iterator[ModelAlias]:
        """The model aliases of the organization and its projects, or of one project."""
        yield from read_list(ModelAlias, self._client.list_aliases(project_id=project_id), "aliases")

    def set_alias(
        self,
        name: str,
        targets: Sequence[str | Members],
        *,
        strategy: Strategy | None = None,
        project_id: str | None = None,
    ) -> ModelAlias:
        """What answers for `name`: models, or objects with `model`, `weight`, `tier`. Raises NotFound, BadRequest."""
        return read(ModelAlias, self._client.put_alias(name, targets, strategy=strategy, project_id=project_id))

    def remove_alias(self, name: str, *, project_id: str | None = None) -> None:
        """Removes an alias. Raises NotFound."""
        self._client.delete_alias(name, project_id=project_id)


class AsyncProviders:
    """The same for asyncio."""

    def __init__(self, client: AsyncProvidersClient) -> None:
        self._client = client

    async def list(self, *, project_id: str | None = None) -> AsyncIterator[ProviderState]:
        """All providers: whose keys each is called with, and which setting it still waits for."""
        for one in read_list(ProviderState, await self._client.list_providers(project_id=project_id), "providers"):
            yield one

    async def get(self, provider: str) -> OwnProvider:
        """A provider of one's own. Raises NotFound for one of the catalogue."""
        return read(OwnProvider, await self._client.get_provider(provider))

    async def add(
        self, name: str, base_url: str, *, models: Sequence[Members] | None = None, members: Members | None = None
    ) -> OwnProvider:
        """Adds a provider; `members` is the rest of its entry (`needsKey`, `openNames`, `quirks`).

        Raises RequestConflict when there is one of this name; BadRequest for an address that may not be called.
        """
        return read(OwnProvider, await self._client.create_provider(_provider(name, base_url, models, members)))

    async def change(
        self, name: str, base_url: str, *, models: Sequence[Members] | None = None, members: Members | None = None
    ) -> OwnProvider:
        """Writes its entry anew; its models stay when `models` is None. Raises NotFound."""
        return read(OwnProvider, await self._client.update_provider(name, _provider(name, base_url, models, members)))

    async def remove(self, provider: str) -> None:
        """Removes a provider of one's own, with its models and keys. Raises NotFound."""
        await self._client.delete_provider(provider)

    async def models(self, provider: str) -> AsyncIterator[OwnModel]:
        """The models of one's own that a provider has."""
        for one in read_list(OwnModel, await self._client.list_models(provider), "models"):
            yield one

    async def add_model(self, provider: str, name: str, type: str, members: Members | None = None) -> OwnModel:
        """Adds a model; `members` are such as `upstreamName`, `contextWindow`, `price`. Raises RequestConflict."""
        return read(
            OwnModel, await self._client.create_model(provider, {**(members or {}), "name": name, "type": type})
        )

    async def change_model(self, provider: str, name: str, type: str, members: Members | None = None) -> OwnModel:
        """Writes its entry anew. Raises NotFound."""
        return read(OwnModel, await self._client.update_model(provider, name, {**(members or {}), "type": type}))

    async def remove_model(self, provider: str, name: str) -> None:
        """Removes a model of one's own. Raises NotFound."""
        await self._client.delete_model(provider, name)

    async def keys(self, provider: str, *, project_id: str | None = None) -> AsyncIterator[ProviderKey]:
        """The keys of a provider, without the keys themselves."""
        for one in read_list(ProviderKey, await self._client.list_keys(provider, project_id=project_id), "keys"):
            yield one

    async def add_key(
        self,
        provider: str,
        key: str,
        *,
        name: str | None = None,
        weight: int | None = None,
        base_url: str | None = None,
        options: Mapping[str, str] | None = None,
        project_id: str | None = None,
    ) -> ProviderKey:
        """One more key; the keys of a scope share the load by weight. Raises RequestConflict, BadRequest, NotFound."""
        return read(
            ProviderKey, await self._client.create_key(provider, _key(key, name, weight, base_url, options, project_id))
        )

    async def change_key(
        self,
        provider: str,
        key_id: str,
        *,
        weight: int | None = None,
        name: str | None = None,
        blocked: bool | None = None,
    ) -> ProviderKey:
        """Weighs, names, blocks or unblocks a key; None leaves a member as it is."""
        return read(
            ProviderKey,
            await self._client.update_key(provider, key_id, {"weight": weight, "name": name, "blocked": blocked}),
        )

    async def rotate_key(self, provider: str, key_id: str, key: str) -> ProviderKey:
        """Puts another key in its place; requests under way end with the old one."""
        return read(ProviderKey, await self._client.update_key(provider, key_id, {"key": key}))

    async def remove_key(self, provider: str, key_id: str) -> None:
        """Removes a key for good. Raises NotFound."""
        await self._client.delete_key(provider, key_id)

    async def aliases(self, *, project_id: str | None = None) -> AsyncIterator[ModelAlias]:
        """The model aliases of the organization and its projects, or of one project."""
        for one in read_list(ModelAlias, await self._client.list_aliases(project_id=project_id), "aliases"):
            yield one

    async def set_alias(
        self,
        name: str,
        targets: Sequence[str | Members],
        *,
        strategy: Strategy | None = None,
        project_id: str | None = None,
    ) -> ModelAlias:
        """What answers for `name`: models, or objects with `model`, `weight`, `tier`. Raises NotFound, BadRequest."""
        return read(ModelAlias, await self._client.put_alias(name, targets, strategy=strategy, project_id=project_id))

    async def remove_alias(self, name: str, *, project_id: str | None = None) -> None:
        """Removes an alias. Raises NotFound."""
        await self._client.delete_alias(name, project_id=project_id)
