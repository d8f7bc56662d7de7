"""The catalogue of providers and models, low level.

Source: LLM API reference, GET /v3/llm/providers and below; the OpenAI-style GET /v1/models.
"""

from __future__ import annotations

from typing import Literal, TypedDict, Unpack

from portico.sdk.call import Call, JsonObject, get, path_segment
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient

ROOT = "/v3/llm/providers"

Detail = Literal["Summary", "Full"]
ModelKind = Literal["Chat", "Embedding", "Image", "Rerank", "Audio", "Video"]


class CatalogView(TypedDict, total=False):
    """How an entry is shown. `language`: `English`, `Spanish`, `Japanese` ..., or a tag such as `es-AR`."""

    detail: Detail | None
    language: str | None


class ModelFilters(CatalogView, total=False):
    """Which models are listed; filters narrow each other. None means "any"."""

    type: ModelKind | None
    streaming: bool | None
    multimodal: bool | None
    tool_calling: bool | None
    function_calling: bool | None


def providers_call(filters: ModelFilters, *, models: bool) -> Call:
    """The list of providers; the filters count only when models are asked for."""
    return _call(ROOT, filters, include="models" if models else None)


def provider_call(provider: str, view: CatalogView) -> Call:
    return _call(f"{ROOT}/{path_segment(provider)}", _as_filters(view))


def models_call(provider: str, filters: ModelFilters) -> Call:
    return _call(f"{ROOT}/{path_segment(provider)}/models", filters)


def model_call(provider: str, name_or_id: str, view: CatalogView) -> Call:
    return _call(f"{ROOT}/{path_segment(provider)}/models/{path_segment(name_or_id)}", _as_filters(view))


def openai_models_call(after: str | None) -> Call:
    return get("/v1/models", {"after": after})


def _as_filters(view: CatalogView) -> ModelFilters:
    return {"detail": view.get("detail"), "language": view.get("language")}


def _call(path: str, filters: ModelFilters, include: str | None = None) -> Call:
    query = {
        "include": include,
        "type": filters.get("type"),
        "streaming": filters.get("streaming"),
        "multimodal": filters.get("multimodal"),
        "toolCalling": filters.get("tool_calling"),
        "functionCalling": filters.get("function_calling"),
        "detail": filters.get("detail"),
    }
    return get(path, query, {"Accept-Language": filters.get("language")})


class LlmClient(LowLevelClient):
    def list_providers(self, *, models: bool = False, **filters: Unpack[ModelFilters]) -> JsonObject:
        """GET /v3/llm/providers: `providers`, each with its `models` when asked."""
        return self._json(providers_call(filters, models=models))

    def get_provider(self, provider: str, **view: Unpack[CatalogView]) -> JsonObject:
        """GET /v3/llm/providers/{provider}."""
        return self._json(provider_call(provider, view))

    def list_models(self, provider: str, **filters: Unpack[ModelFilters]) -> JsonObject:
        """GET /v3/llm/providers/{provider}/models: `models`."""
        return self._json(models_call(provider, filters))

    def get_model(self, provider: str, name_or_id: str, **view: Unpack[CatalogView]) -> JsonObject:
        """GET /v3/llm/providers/{provider}/models/{nameOrId}."""
        return self._json(model_call(provider, name_or_id, view))

    def list_openai_models(self, *, after: str | None = None) -> JsonObject:
        """GET /v1/models: `data`, in the shape of the OpenAI API."""
        return self._json(openai_models_call(after))


class AsyncLlmClient(AsyncLowLevelClient):
    async def list_providers(self, *, models: bool = False, **filters: Unpack[ModelFilters]) -> JsonObject:
        """GET /v3/llm/providers: `providers`, each with its `models` when asked."""
        return await self._json(providers_call(filters, models=models))

    async def get_provider(self, provider: str, **view: Unpack[CatalogView]) -> JsonObject:
        """GET /v3/llm/providers/{provider}."""
        return await self._json(provider_call(provider, view))

    async def list_models(self, provider: str, **filters: Unpack[ModelFilters]) -> JsonObject:
        """GET /v3/llm/providers/{provider}/models: `models`."""
        return await self._json(models_call(provider, filters))

    async def get_model(self, provider: str, name_or_id: str, **view: Unpack[CatalogView]) -> JsonObject:
        """GET /v3/llm/providers/{provider}/models/{nameOrId}."""
        return await self._json(model_call(provider, name_or_id, view))

    async def list_openai_models(self, *, after: str | None = None) -> JsonObject:
        """GET /v1/models: `data`, in the shape of the OpenAI API."""
        return await self._json(openai_models_call(after))
