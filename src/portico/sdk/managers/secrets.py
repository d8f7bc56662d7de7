"""Secrets of a project, high level: typed objects. Their values go in and never come out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from portico.sdk.clients.secrets import AsyncSecretsClient, SecretsClient
from portico.sdk.managers.base import read, read_list
from portico.sdk.paging import Page, Place, paged, paged_async
from portico.wire.secrets import ProjectSecret, SecretAccess

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.secrets import SecretStatus


class Secrets:
    """`client.secrets`: named values that tools of the project use. `project_id`: with an organization token."""

    def __init__(self, client: SecretsClient) -> None:
        self._client = client

    def list(self, *, limit: int | None = None, project_id: str | None = None) -> Iterator[ProjectSecret]:
        """All of them by name, or at most `limit`; without values."""
        return paged(
            lambda place: _page(self._client.list_secrets(start=place.skip, count=place.size, project_id=project_id)),
            limit=limit,
        )

    def get(self, secret_id: str, *, project_id: str | None = None) -> ProjectSecret:
        """Without its value. Raises NotFound."""
        return read(ProjectSecret, self._client.get_secret(secret_id, project_id=project_id))

    def create(
        self, name: str, value: str, *, description: str | None = None, project_id: str | None = None
    ) -> ProjectSecret:
        """Raises RequestConflict when the project has a secret of this name."""
        made = self._client.create_secret(
            name=name, secret_string=value, description=description, project_id=project_id
        )
        return read(ProjectSecret, made)

    def update(
        self,
        secret_id: str,
        *,
        name: str | None = None,
        value: str | None = None,
        description: str | None = None,
        status: SecretStatus | None = None,
        project_id: str | None = None,
    ) -> ProjectSecret:
        """What is None stays. A secret that is `revoked` loses its value for good. Raises NotFound, RequestConflict."""
        changed = self._client.update_secret(
            secret_id, name=name, secret_string=value, description=description, status=status, project_id=project_id
        )
        return read(ProjectSecret, changed)

    def delete(self, secret_id: str, *, project_id: str | None = None) -> None:
        """For good. Raises NotFound."""
        self._client.delete_secret(secret_id, project_id=project_id)

    def accesses(self, secret_id: str, *, project_id: str | None = None) -> Sequence[SecretAccess]:
        """Raises NotFound."""
        answer = self._client.get_secret_accesses(secret_id, project_id=project_id)
        return read_list(SecretAccess, answer, "accessList")

    def set_accesses(
        self, secret_id: str, accesses: Sequence[SecretAccess | Mapping[str, str]], *, project_id: str | None = None
    ) -> Sequence[SecretAccess]:
        """The whole list, of objects or of their JSON. Raises NotFound, BadRequest."""
        answer = self._client.set_secret_accesses(secret_id, _write(accesses), project_id=project_id)
        return read_list(SecretAccess, answer, "accessList")


class AsyncSecrets:
    """The same for asyncio."""

    def __init__(self, client: AsyncSecretsClient) -> None:
        self._client = client

    def list(self, *, limit: int | None = None, project_id: str | None = None) -> AsyncIterator[ProjectSecret]:
        """All of them by name, or at most `limit`; without values."""

        async def fetch(place: Place) -> Page[ProjectSecret]:
            answer = await self._client.list_secrets(start=place.skip, count=place.size, project_id=project_id)
            return _page(answer)

        return paged_async(fetch, limit=limit)

    async def get(self, secret_id: str, *, project_id: str | None = None) -> ProjectSecret:
        """Without its value. Raises NotFound."""
        return read(ProjectSecret, await self._client.get_secret(secret_id, project_id=project_id))

    async def create(
        self, name: str, value: str, *, description: str | None = None, project_id: str | None = None
    ) -> ProjectSecret:
        """Raises RequestConflict when the project has a secret of this name."""
        made = await self._client.create_secret(
            name=name, secret_string=value, description=description, project_id=project_id
        )
        return read(ProjectSecret, made)

    async def update(
        self,
        secret_id: str,
        *,
        name: str | None = None,
        value: str | None = None,
        description: str | None = None,
        status: SecretStatus | None = None,
        project_id: str | None = None,
    ) -> ProjectSecret:
        """What is None stays. A secret that is `revoked` loses its value for good. Raises NotFound, RequestConflict."""
        changed = await self._client.update_secret(
            secret_id, name=name, secret_string=value, description=description, status=status, project_id=project_id
        )
        return read(ProjectSecret, changed)

    async def delete(self, secret_id: str, *, project_id: str | None = None) -> None:
        """For good. Raises NotFound."""
        await self._client.delete_secret(secret_id, project_id=project_id)

    async def accesses(self, secret_id: str, *, project_id: str | None = None) -> Sequence[SecretAccess]:
        """Raises NotFound."""
        answer = await self._client.get_secret_accesses(secret_id, project_id=project_id)
        return read_list(SecretAccess, answer, "accessList")

    async def set_accesses(
        self, secret_id: str, accesses: Sequence[SecretAccess | Mapping[str, str]], *, project_id: str | None = None
    ) -> Sequence[SecretAccess]:
        """The whole list, of objects or of their JSON. Raises NotFound, BadRequest."""
        answer = await self._client.set_secret_accesses(secret_id, _write(accesses), project_id=project_id)
        return read_list(SecretAccess, answer, "accessList")


def _page(answer: JsonObject) -> Page[ProjectSecret]:
    return Page(read_list(ProjectSecret, answer, "secrets"), total=answer.get("count"))


def _write(accesses: Sequence[SecretAccess | Mapping[str, str]]) -> list[dict[str, str]]:
    from msgspec import to_builtins

    return [to_builtins(access) for access in accesses]
