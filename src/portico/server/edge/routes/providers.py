"""Provider keys, model aliases, own providers and models, set while the server runs: `/v3/llm/admin/...`."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath

from portico.server.access.tenancy import clean_text
from portico.server.edge.routes.reading import caller_of, json_response, query_of, read_object, services_of
from portico.server.errors import PatternMismatch
from portico.server.gateway.provider_management import Owner, aliases, entries, find_owner, keys
from portico.server.gateway.provider_settings import ProviderSettings
from portico.wire.providers import ModelAlias, ModelAliasList, ProviderKey, ProviderKeyList, ProviderStateList

Req = Request[Any, Any, Any]
ROOT = "/v3/llm/admin"
PROVIDERS = f"{ROOT}/providers"
PROVIDER = f"{PROVIDERS}/{{provider:str}}"
KEYS = f"{PROVIDER}/keys"
MODELS = f"{PROVIDER}/models"
ALIASES = f"{ROOT}/aliases"


# keys -------------------------------------------------------------------------------------------------------------


@post(KEYS, status_code=201, summary="Add a key of a provider")
async def add_key(request: Req, provider: FromPath[str]) -> Response[ProviderKey]:
    """The key itself is in no answer, this one included."""
    body = await read_object(request)
    settings, owner = await _place(request, body)
    return json_response(await keys.create(settings, owner, _name(provider), body), status_code=201)


@get(KEYS, summary="List the keys of a provider")
async def list_keys(request: Req, provider: FromPath[str]) -> Response[ProviderKeyList]:
    settings, owner = await _place(request)
    return json_response(await keys.list_all(settings, owner, _name(provider)))


@put(f"{KEYS}/{{key:str}}", summary="Weigh, name, rotate or block a key of a provider")
async def change_key(request: Req, provider: FromPath[str], key: FromPath[str]) -> Response[ProviderKey]:
    body = await read_object(request)
    settings, owner = await _place(request)
    return json_response(await keys.change(settings, owner, _name(provider), key, body))


@delete(f"{KEYS}/{{key:str}}", status_code=200, summary="Remove a key of a provider")
async def delete_key(request: Req, provider: FromPath[str], key: FromPath[str]) -> Response[dict[str, Any]]:
    settings, owner = await _place(request)
    await keys.delete(settings, owner, _name(provider), key)
    return json_response({})


# aliases ----------------------------------------------------------------------------------------------------------


@get(ALIASES, summary="List model aliases")
async def list_aliases(request: Req) -> Response[ModelAliasList]:
    settings, owner = await _place(request)
    return json_response(await aliases.list_all(settings, owner))


@put(f"{ALIASES}/{{name:path}}", summary="Set a model alias")
async def put_alias(request: Req, name: FromPath[str]) -> Response[ModelAlias]:
    body = await read_object(request)
    settings, owner = await _place(request, body)
    return json_response(await aliases.put(settings, owner, _name(name), body))


@delete(f"{ALIASES}/{{name:path}}", status_code=200, summary="Remove a model alias")
async def delete_alias(request: Req, name: FromPath[str]) -> Response[dict[str, Any]]:
    settings, owner = await _place(request)
    await aliases.delete(settings, owner, _name(name))
    return json_response({})


# own providers and models -----------------------------------------------------------------------------------------


@get(PROVIDERS, summary="List providers with whose keys they are called")
async def list_providers(request: Req) -> Response[ProviderStateList]:
    settings, owner = await _place(request)
    return json_response(entries.list_all(settings, owner))


@post(PROVIDERS, status_code=201, summary="Add a provider of one's own")
async def add_provider(request: Req) -> Response[dict[str, Any]]:
    settings, owner = await _organization(request)
    return json_response(await entries.create_provider(settings, owner, await read_object(request)), status_code=201)


@get(PROVIDER, summary="Get a provider of one's own")
async def get_provider(request: Req, provider: FromPath[str]) -> Response[dict[str, Any]]:
    settings, owner = await _organization(request)
    return json_response(await entries.find_provider(settings, owner, _name(provider)))


@put(PROVIDER, summary="Change a provider of one's own")
async def change_provider(request: Req, provider: FromPath[str]) -> Response[dict[str, Any]]:
    settings, owner = await _organization(request)
    return json_response(await entries.change_provider(settings, owner, _name(provider), await read_object(request)))


@delete(PROVIDER, status_code=200, summary="Remove a provider of one's own, with its models and keys")
async def delete_provider(request: Req, provider: FromPath[str]) -> Response[dict[str, Any]]:
    settings, owner = await _organization(request)
    await entries.delete_provider(settings, owner, _name(provider))
    return json_response({})


@get(MODELS, summary="List the models of one's own")
async def list_models(request: Req, provider: FromPath[str]) -> Response[dict[str, Any]]:
    settings, owner = await _organization(request)
    return json_response(await entries.list_models(settings, owner, _name(provider)))


@post(MODELS, status_code=201, summary="Add a model of one's own")
async def add_model(request: Req, provider: FromPath[str]) -> Response[dict[str, Any]]:
    settings, owner = await _organization(request)
    made = await entries.create_model(settings, owner, _name(provider), await read_object(request))
    return json_response(made, status_code=201)


@put(f"{MODELS}/{{model:path}}", summary="Change a model of one's own")
async def change_model(request: Req, provider: FromPath[str], model: FromPath[str]) -> Response[dict[str, Any]]:
    settings, owner = await _organization(request)
    body = await read_object(request)
    return json_response(await entries.change_model(settings, owner, _name(provider), _name(model), body))


@delete(f"{MODELS}/{{model:path}}", status_code=200, summary="Remove a model of one's own")
async def delete_model(request: Req, provider: FromPath[str], model: FromPath[str]) -> Response[dict[str, Any]]:
    settings, owner = await _organization(request)
    await entries.delete_model(settings, owner, _name(provider), _name(model))
    return json_response({})


async def _place(request: Req, body: dict[str, Any] | None = None) -> tuple[ProviderSettings, Owner]:
    """Whose keys or aliases: `projectId` of the body or the query, else of the header or the token."""
    named = (body or {}).get("projectId") or query_of(request).get("projectId")
    if named is not None and not isinstance(named, str):
        raise PatternMismatch("projectId", "write the GUID of a project")
    settings = services_of(request).provider_settings
    return settings, await find_owner(settings, caller_of(request), "provider_settings", named)


async def _organization(request: Req) -> tuple[ProviderSettings, Owner]:
    """Own providers and models belong to the organization, whatever project a header names."""
    settings = services_of(request).provider_settings
    found = await find_owner(settings, caller_of(request), "own_providers")
    return settings, Owner(found.organization_id)


def _name(path: object) -> str:
    """Names of models and aliases may have slashes in them; no name has what a database cannot look for."""
    return clean_text(str(path).removeprefix("/"))


ROUTES = (
    add_key,
    list_keys,
    change_key,
    delete_key,
    list_aliases,
    put_alias,
    delete_alias,
    list_providers,
    add_provider,
    get_provider,
    change_provider,
    delete_provider,
    list_models,
    add_model,
    change_model,
    delete_model,
)
