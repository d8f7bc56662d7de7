"""GET llm: the catalogue, as v3, v2 and unversioned (= v3) paths, and the OpenAI-style list of models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from litestar import Request, Response, get
from litestar.params import FromPath, FromQuery

from portico.server.access.policy import require
from portico.server.catalog import render
from portico.server.catalog.find import Catalog
from portico.server.catalog.language import Language
from portico.server.edge.routes.reading import caller_of, json_response, query_of, services_of
from portico.wire import llm as wire

Req = Request[Any, Any, Any]
Query = FromQuery[str | None]
V3 = ("/v3/llm/providers", "/llm/providers")
V2 = ("/v2/llm/providers",)


class _Asked(NamedTuple):
    """What every catalogue route reads from its request, after the scope was found good."""

    catalog: Catalog
    missing: Mapping[str, str]
    query: Mapping[str, str]
    language: Language
    version: render.Version


def _read(request: Req) -> _Asked:
    caller = caller_of(request)
    require(caller, "catalog")
    targets = services_of(request).targets
    language = render.read_language(request.headers.get("accept-language"))
    version: render.Version = 2 if request.scope["path"].startswith("/v2/") else 3
    return _Asked(targets.catalog_of(caller), targets.missing_of(caller), query_of(request), language, version)


def _paths(tail: str = "") -> list[str]:
    return [base + tail for base in (*V3, *V2)]


@get(_paths(), summary="List providers")
async def list_providers(
    request: Req,
    include: Query = None,
    type: Query = None,
    streaming: Query = None,
    multimodal: Query = None,
    toolCalling: Query = None,
    functionCalling: Query = None,
    detail: Query = None,
) -> Response[wire.ProviderList]:
    """All providers; with `include=models` each with its active models, filtered."""
    catalog, missing, query, language, version = _read(request)
    found = render.list_providers(catalog, query, language, version, missing)
    return json_response(found, language)


@get(_paths("/{provider:str}"), summary="Get a provider")
async def get_provider(request: Req, provider: FromPath[str], detail: Query = None) -> Response[wire.Provider]:
    catalog, _, query, language, version = _read(request)
    found = render.get_provider(catalog, provider, query, language, version)
    return json_response(found, language)


@get(_paths("/{provider:str}/models"), summary="List the models of a provider")
async def list_models(
    request: Req,
    provider: FromPath[str],
    type: Query = None,
    streaming: Query = None,
    multimodal: Query = None,
    toolCalling: Query = None,
    functionCalling: Query = None,
    detail: Query = None,
) -> Response[wire.ModelList]:
    catalog, missing, query, language, version = _read(request)
    found = render.list_models(catalog, provider, query, language, version, missing)
    return json_response(found, language)


@get(_paths("/{provider:str}/models/{model:path}"), summary="Get a model by name or id")
async def get_model(
    request: Req, provider: FromPath[str], model: FromPath[str], detail: Query = None
) -> Response[wire.Model]:
    catalog, missing, query, language, version = _read(request)
    name = str(model).removeprefix("/")
    found = render.get_model(catalog, provider, name, query, language, version, missing)
    return json_response(found, language)


@get(["/v1/models", "/models"], summary="List models, OpenAI style")
async def list_openai_models(request: Req) -> Response[wire.OpenAIModelList]:
    """The caller's aliases first, then the models."""
    caller, targets = caller_of(request), services_of(request).targets
    require(caller, "catalog")
    return json_response(render.list_openai_models(targets.catalog_of(caller), targets.aliases_of(caller)))


@get(["/v1/models/{model:path}", "/models/{model:path}"], summary="Get a model, OpenAI style")
async def get_openai_model(request: Req, model: FromPath[str]) -> Response[wire.OpenAIModel]:
    caller, targets = caller_of(request), services_of(request).targets
    require(caller, "catalog")
    name = str(model).removeprefix("/")
    return json_response(render.get_openai_model(targets.catalog_of(caller), name, targets.aliases_of(caller)))


ROUTES = (list_providers, get_provider, list_models, get_model, list_openai_models, get_openai_model)
