"""Provider keys, model aliases, own providers and own models, low level: `/v3/llm/admin/...`, Portico's own.

They ask for the organization's token; keys and aliases of a project can be managed with that project's token, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from portico.sdk.call import Call, JsonObject, Repeat, get, given, path_segment, send_json
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient
from portico.sdk.errors import PorticoError

ROOT = "/v3/llm/admin"
Members = Mapping[str, Any]


def providers_call(project_id: str | None) -> Call:
    return get(f"{ROOT}/providers", {"projectId": project_id})


def create_provider_call(members: Members) -> Call:
    return send_json("POST", f"{ROOT}/providers", members, repeat=Repeat.NEVER)


def provider_call(method: str, provider: str, members: Members | None = None) -> Call:
    """GET, PUT or DELETE of an own provider."""
    return _call(method, _provider(provider), members)


def models_call(provider: str) -> Call:
    return get(f"{_provider(provider)}/models")


def create_model_call(provider: str, members: Members) -> Call:
    return send_json("POST", f"{_provider(provider)}/models", members, repeat=Repeat.NEVER)


def model_call(method: str, provider: str, model: str, members: Members | None = None) -> Call:
    """PUT or DELETE of an own model."""
    return _call(method, f"{_provider(provider)}/models/{_name(model, 'model')}", members)


def keys_call(provider: str, project_id: str | None) -> Call:
    return get(f"{_provider(provider)}/keys", {"projectId": project_id})


def create_key_call(provider: str, members: Members) -> Call:
    return send_json("POST", f"{_provider(provider)}/keys", given(members), repeat=Repeat.NEVER)


def key_call(method: str, provider: str, key_id: str, members: Members | None = None) -> Call:
    """PUT or DELETE of a key."""
    return _call(method, f"{_provider(provider)}/keys/{_segment(key_id, 'key')}", members)


def aliases_call(project_id: str | None) -> Call:
    return get(f"{ROOT}/aliases", {"projectId": project_id})


def put_alias_call(name: str, targets: Sequence[str | Members], strategy: str | None, project_id: str | None) -> Call:
    body = given({"targets": list(targets), "strategy": strategy, "projectId": project_id})
    return _call("PUT", f"{ROOT}/aliases/{_name(name, 'alias')}", body)


def delete_alias_call(name: str, project_id: str | None) -> Call:
    query = [("projectId", project_id)] if project_id else []
    return Call("DELETE", f"{ROOT}/aliases/{_name(name, 'alias')}", query, repeat=Repeat.NEVER)


def _call(method: str, path: str, members: Members | None) -> Call:
    """A change that can be said twice, or an end that cannot."""
    if method == "GET":
        return get(path)
    if members is None:
        return Call(method, path, repeat=Repeat.NEVER)
    return send_json(method, path, given(members), repeat=Repeat.SAFE)


def _provider(name: str) -> str:
    return f"{ROOT}/providers/{_segment(name, 'provider')}"


def _segment(text: str, what: str) -> str:
    return path_segment(_checked(text, what))


def _name(text: str, what: str) -> str:
    """Names of models and aliases keep their slashes."""
    return quote(_checked(text, what), safe="/:")


def _checked(text: str, what: str) -> str:
    if not text.strip():
        raise PorticoError(f"The name of the {what} is empty.", hint="`portico providers list` shows the providers.")
    return text


class ProvidersClient(LowLevelClient):
    def list_providers(self, *, project_id: str | None = None) -> JsonObject:
        """GET /providers: `providers`, each with whose keys it is called with and what it still needs."""
        return self._json(providers_call(project_id))

    def create_provider(self, members: Members) -> JsonObject:
        """POST /providers: a provider of one's own; `name`, `baseUrl` and what else its entry says."""
        return self._json(create_provider_call(members))

    def get_provider(self, provider: str) -> JsonObject:
        """GET /providers/{provider}: an own provider, as it was written."""
        return self._json(provider_call("GET", provider))

    def update_provider(self, provider: str, members: Members) -> JsonObject:
        """PUT /providers/{provider}: all of its entry anew; its models stay when none are listed."""
        return self._json(provider_call("PUT", provider, members))

    def delete_provider(self, provider: str) -> JsonObject:
        """DELETE /providers/{provider}: with its models and keys."""
        return self._json(provider_call("DELETE", provider))

    def list_models(self, provider: str) -> JsonObject:
        """GET /providers/{provider}/models: `models`, the own ones."""
        return self._json(models_call(provider))

    def create_model(self, provider: str, members: Members) -> JsonObject:
        """POST /providers/{provider}/models: `name`, `type` and what else its entry says."""
        return self._json(create_model_call(provider, members))

    def update_model(self, provider: str, model: str, members: Members) -> JsonObject:
        """PUT /providers/{provider}/models/{model}: all of its entry anew."""
        return self._json(model_call("PUT", provider, model, members))

    def delete_model(self, provider: str, model: str) -> JsonObject:
        """DELETE /providers/{provider}/models/{model}."""
        return self._json(model_call("DELETE", provider, model))

    def list_keys(self, provider: str, *, project_id: str | None = None) -> JsonObject:
        """GET /providers/{provider}/keys: `keys`, without the keys themselves."""
        return self._json(keys_call(provider, project_id))

    def create_key(self, provider: str, members: Members) -> JsonObject:
        """POST /providers/{provider}/keys: `key`, and `name`, `weight`, `baseUrl`, `options`, `projectId`."""
        return self._json(create_key_call(provider, members))

    def update_key(self, provider: str, key_id: str, members: Members) -> JsonObject:
        """PUT /providers/{provider}/keys/{id}: `weight`, `name`, `blocked`, or another `key` in its place."""
        return self._json(key_call("PUT", provider, key_id, members))

    def delete_key(self, provider: str, key_id: str) -> JsonObject:
        """DELETE /providers/{provider}/keys/{id}."""
        return self._json(key_call("DELETE", provider, key_id))

    def list_aliases(self, *, project_id: str | None = None) -> JsonObject:
        """GET /aliases: `aliases`, of the organization and its projects, or of one project."""
        return self._json(aliases_call(project_id))

    def put_alias(
        self, name: str, targets: Sequence[str | Members], *, strategy: str | None = None, project_id: str | None = None
    ) -> JsonObject:
        """PUT /aliases/{name}: targets are models, or objects with `model`, `weight` and `tier`."""
        return self._json(put_alias_call(name, targets, strategy, project_id))

    def delete_alias(self, name: str, *, project_id: str | None = None) -> JsonObject:
        """DELETE /aliases/{name}."""
        return self._json(delete_alias_call(name, project_id))


class AsyncProvidersClient(AsyncLowLevelClient):
    async def list_providers(self, *, project_id: str | None = None) -> JsonObject:
        """GET /providers: `providers`, each with whose keys it is called with and what it still needs."""
        return await self._json(providers_call(project_id))

    async def create_provider(self, members: Members) -> JsonObject:
        """POST /providers: a provider of one's own; `name`, `baseUrl` and what else its entry says."""
        return await self._json(create_provider_call(members))

    async def get_provider(self, provider: str) -> JsonObject:
        """GET /providers/{provider}: an own provider, as it was written."""
        return await self._json(provider_call("GET", provider))

    async def update_provider(self, provider: str, members: Members) -> JsonObject:
        """PUT /providers/{provider}: all of its entry anew; its models stay when none are listed."""
        return await self._json(provider_call("PUT", provider, members))

    async def delete_provider(self, provider: str) -> JsonObject:
        """DELETE /providers/{provider}: with its models and keys."""
        return await self._json(provider_call("DELETE", provider))

    async def list_models(self, provider: str) -> JsonObject:
        """GET /providers/{provider}/models: `models`, the own ones."""
        return await self._json(models_call(provider))

    async def create_model(self, provider: str, members: Members) -> JsonObject:
        """POST /providers/{provider}/models: `name`, `type` and what else its entry says."""
        return await self._json(create_model_call(provider, members))

    async def update_model(self, provider: str, model: str, members: Members) -> JsonObject:
        """PUT /providers/{provider}/models/{model}: all of its entry anew."""
        return await self._json(model_call("PUT", provider, model, members))

    async def delete_model(self, provider: str, model: str) -> JsonObject:
        """DELETE /providers/{provider}/models/{model}."""
        return await self._json(model_call("DELETE", provider, model))

    async def list_keys(self, provider: str, *, project_id: str | None = None) -> JsonObject:
        """GET /providers/{provider}/keys: `keys`, without the keys themselves."""
        return await self._json(keys_call(provider, project_id))

    async def create_key(self, provider: str, members: Members) -> JsonObject:
        """POST /providers/{provider}/keys: `key`, and `name`, `weight`, `baseUrl`, `options`, `projectId`."""
        return await self._json(create_key_call(provider, members))

    async def update_key(self, provider: str, key_id: str, members: Members) -> JsonObject:
        """PUT /providers/{provider}/keys/{id}: `weight`, `name`, `blocked`, or another `key` in its place."""
        return await self._json(key_call("PUT", provider, key_id, members))

    async def delete_key(self, provider: str, key_id: str) -> JsonObject:
        """DELETE /providers/{provider}/keys/{id}."""
        return await self._json(key_call("DELETE", provider, key_id))

    async def list_aliases(self, *, project_id: str | None = None) -> JsonObject:
        """GET /aliases: `aliases`, of the organization and its projects, or of one project."""
        return await self._json(aliases_call(project_id))

    async def put_alias(
        self, name: str, targets: Sequence[str | Members], *, strategy: str | None = None, project_id: str | None = None
    ) -> JsonObject:
        """PUT /aliases/{name}: targets are models, or objects with `model`, `weight` and `tier`."""
        return await self._json(put_alias_call(name, targets, strategy, project_id))

    async def delete_alias(self, name: str, *, project_id: str | None = None) -> JsonObject:
        """DELETE /aliases/{name}."""
        return await self._json(delete_alias_call(name, project_id))
