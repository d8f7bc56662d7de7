"""Secrets of a project, low level: values go in and never come out. `project_id`: with an organization token.

Source: platform contract, /v1/secrets; the delete is Portico's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict, Unpack

from portico.sdk.call import Call, JsonObject, Repeat, get, given, path_segment, send_json
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient

ROOT = "/v1/secrets"
SecretStatus = Literal["active", "inactive", "revoked"]


class SecretMembers(TypedDict, total=False):
    """What is said of a secret; None is left out. A secret that is `revoked` has lost its value for good."""

    name: str | None
    secret_string: str | None
    description: str | None
    status: SecretStatus | None


def list_call(name: str | None, secret_id: str | None, start: int, count: int, project_id: str | None) -> Call:
    return get(ROOT, {"name": name, "id": secret_id, "start": start, "count": count}, _project(project_id))


def get_call(secret_id: str, tail: str, project_id: str | None) -> Call:
    return get(_path(secret_id) + tail, headers=_project(project_id))


def write_call(method: str, path: str, members: SecretMembers, project_id: str | None) -> Call:
    told = {
        "name": members.get("name"),
        "secretString": members.get("secret_string"),
        "description": members.get("description"),
        "status": members.get("status"),
    }
    repeat = Repeat.SAFE if method == "PUT" else Repeat.NEVER
    return send_json(method, path, {"secretDefinition": given(told)}, repeat=repeat, headers=_project(project_id))


def delete_call(secret_id: str, project_id: str | None) -> Call:
    return Call("DELETE", _path(secret_id), headers=given(_project(project_id)), repeat=Repeat.NEVER)


def accesses_call(secret_id: str, access_list: Sequence[Mapping[str, str]], project_id: str | None) -> Call:
    body = {"secretDefinition": {"accessList": list(access_list)}}
    path = f"{_path(secret_id)}/accesses"
    return send_json("POST", path, body, repeat=Repeat.SAFE, headers=_project(project_id))


def _path(secret_id: str) -> str:
    return f"{ROOT}/{path_segment(secret_id)}"


def _project(project_id: str | None) -> dict[str, str | None]:
    return {"project-id": project_id}


class SecretsClient(LowLevelClient):
    def list_secrets(
        self,
        *,
        name: str | None = None,
        secret_id: str | None = None,
        start: int = 0,
        count: int = 10,
        project_id: str | None = None,
    ) -> JsonObject:
        """GET /v1/secrets: `secrets` without values, and `count`, how many there are in all."""
        return self._json(list_call(name, secret_id, start, count, project_id))

    def get_secret(self, secret_id: str, *, project_id: str | None = None) -> JsonObject:
        """GET /v1/secrets/{secretId}: without its value."""
        return self._json(get_call(secret_id, "", project_id))

    def create_secret(self, *, project_id: str | None = None, **members: Unpack[SecretMembers]) -> JsonObject:
        """POST /v1/secrets."""
        return self._json(write_call("POST", ROOT, members, project_id))

    def update_secret(
        self, secret_id: str, *, project_id: str | None = None, **members: Unpack[SecretMembers]
    ) -> JsonObject:
        """PUT /v1/secrets/{secretId}: what is absent stays."""
        return self._json(write_call("PUT", _path(secret_id), members, project_id))

    def delete_secret(self, secret_id: str, *, project_id: str | None = None) -> JsonObject:
        """DELETE /v1/secrets/{secretId}: for good."""
        return self._json(delete_call(secret_id, project_id))

    def get_secret_accesses(self, secret_id: str, *, project_id: str | None = None) -> JsonObject:
        """GET /v1/secrets/{secretId}/accesses."""
        return self._json(get_call(secret_id, "/accesses", project_id))

    def set_secret_accesses(
        self, secret_id: str, access_list: Sequence[Mapping[str, str]], *, project_id: str | None = None
    ) -> JsonObject:
        """POST /v1/secrets/{secretId}/accesses: the whole list, of `accessLevel` and `principalType`."""
        return self._json(accesses_call(secret_id, access_list, project_id))


class AsyncSecretsClient(AsyncLowLevelClient):
    async def list_secrets(
        self,
        *,
        name: str | None = None,
        secret_id: str | None = None,
        start: int = 0,
        count: int = 10,
        project_id: str | None = None,
    ) -> JsonObject:
        """GET /v1/secrets: `secrets` without values, and `count`, how many there are in all."""
        return await self._json(list_call(name, secret_id, start, count, project_id))

    async def get_secret(self, secret_id: str, *, project_id: str | None = None) -> JsonObject:
        """GET /v1/secrets/{secretId}: without its value."""
        return await self._json(get_call(secret_id, "", project_id))

    async def create_secret(self, *, project_id: str | None = None, **members: Unpack[SecretMembers]) -> JsonObject:
        """POST /v1/secrets."""
        return await self._json(write_call("POST", ROOT, members, project_id))

    async def update_secret(
        self, secret_id: str, *, project_id: str | None = None, **members: Unpack[SecretMembers]
    ) -> JsonObject:
        """PUT /v1/secrets/{secretId}: what is absent stays."""
        return await self._json(write_call("PUT", _path(secret_id), members, project_id))

    async def delete_secret(self, secret_id: str, *, project_id: str | None = None) -> JsonObject:
        """DELETE /v1/secrets/{secretId}: for good."""
        return await self._json(delete_call(secret_id, project_id))

    async def get_secret_accesses(self, secret_id: str, *, project_id: str | None = None) -> JsonObject:
        """GET /v1/secrets/{secretId}/accesses."""
        return await self._json(get_call(secret_id, "/accesses", project_id))

    async def set_secret_accesses(
        self, secret_id: str, access_list: Sequence[Mapping[str, str]], *, project_id: str | None = None
    ) -> JsonObject:
        """POST /v1/secrets/{secretId}/accesses: the whole list, of `accessLevel` and `principalType`."""
        return await self._json(accesses_call(secret_id, access_list, project_id))
