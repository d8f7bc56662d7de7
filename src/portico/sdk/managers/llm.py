"""The catalogue of providers and models, high level: typed objects, iterators over the listings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Unpack

from portico.sdk.call import JsonObject
from portico.sdk.clients.llm import AsyncLlmClient, CatalogView, LlmClient, ModelFilters
from portico.sdk.managers.base import read, read_list
from portico.sdk.shapes import AvailableModel, Model, Provider


class Llm:
    """`client.llm`: which providers and models there are."""

    def __init__(self, client: LlmClient) -> None:
        self._client = client

    def providers(self, *, models: bool = False, **filters: Unpack[ModelFilters]) -> Iterator[Provider]:
        """Every provider; with `models` each with its models, narrowed by the filters."""
        yield from read_list(Provider, self._client.list_providers(models=models, **filters), "providers")

    def provider(self, name: str, **view: Unpack[CatalogView]) -> Provider:
        """One provider. Raises NotFound."""
        return read(Provider, self._client.get_provider(name, **view))

    def models(self, provider: str, **filters: Unpack[ModelFilters]) -> Iterator[Model]:
        """The active models of one provider. Raises NotFound."""
        yield from read_list(Model, self._client.list_models(provider, **filters), "models")

    def model(self, provider: str, name_or_id: str, **view: Unpack[CatalogView]) -> Model:
        """One model. Raises NotFound, and RequestConflict when a name fits several: then use the id."""
        return read(Model, self._client.get_model(provider, name_or_id, **view))

    def available(self) -> Iterator[AvailableModel]:
        """Every active model by its full name, page after page."""
        after: str | None = None
        while True:
            page = self._client.list_openai_models(after=after)
            yield from read_list(AvailableModel, page, "data")
            after, before = _next_page(page), after
            if after is None or after == before:
                return


class AsyncLlm:
    """The same for asyncio."""

    def __init__(self, client: AsyncLlmClient) -> None:
        self._client = client

    async def providers(self, *, models: bool = False, **filters: Unpack[ModelFilters]) -> AsyncIterator[Provider]:
        """Every provider; with `models` each with its models, narrowed by the filters."""
        for provider in read_list(Provider, await self._client.list_providers(models=models, **filters), "providers"):
            yield provider

    async def provider(self, name: str, **view: Unpack[CatalogView]) -> Provider:
        """One provider. Raises NotFound."""
        return read(Provider, await self._client.get_provider(name, **view))

    async def models(self, provider: str, **filters: Unpack[ModelFilters]) -> AsyncIterator[Model]:
        """The active models of one provider. Raises NotFound."""
        for model in read_list(Model, await self._client.list_models(provider, **filters), "models"):
            yield model

    async def model(self, provider: str, name_or_id: str, **view: Unpack[CatalogView]) -> Model:
        """One model. Raises NotFound, and RequestConflict when a name fits several: then use the id."""
        return read(Model, await self._client.get_model(provider, name_or_id, **view))

    async def available(self) -> AsyncIterator[AvailableModel]:
        """Every active model by its full name, page after page."""
        after: str | None = None
        while True:
            page = await self._client.list_openai_models(after=after)
            for model in read_list(AvailableModel, page, "data"):
                yield model
            after, before = _next_page(page), after
            if after is None or after == before:
                return


def _next_page(page: JsonObject) -> str | None:
    """Where the next page begins, in the OpenAI manner; None on the last one."""
    if page.get("has_more") is not True:
        return None
    items = page.get("data") or []
    last = page.get("last_id") or (items[-1].get("id") if items and isinstance(items[-1], dict) else None)
    return last if isinstance(last, str) else None
