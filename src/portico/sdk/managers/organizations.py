"""Organizations, high level: typed objects, for the system administrators of an installation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from portico.sdk.call import JsonObject
from portico.sdk.clients.organizations import AsyncOrganizationsClient, OrganizationsClient
from portico.sdk.errors import NotFound
from portico.sdk.managers.base import read, read_list
from portico.sdk.paging import Page, Place, paged, paged_async
from portico.wire.organizations import DeletedOrganization, Organization


class Organizations:
    """`client.organizations`: who the tenants of the installation are."""

    def __init__(self, client: OrganizationsClient) -> None:
        self._client = client

    def list(self, *, name_contains: str | None = None) -> Iterator[Organization]:
        """All of them by name, page after page as it is read on."""
        return paged(lambda place: self._page(place, name_contains))

    def create(self, name: str, administrator_user_email: str) -> Organization:
        """A new one; its `tokens` hold the first tokens, shown this once. Raises RequestConflict, BadRequest."""
        return read(Organization, self._client.create_organization(name, administrator_user_email))

    def delete(self, organization_id: str) -> DeletedOrganization:
        """With all its projects; `removed` counts what went. Raises NotFound, RequestConflict for the last one."""
        return read(DeletedOrganization, self._client.delete_organization(organization_id))

    def _page(self, place: Place, name_contains: str | None) -> Page[Organization]:
        try:
            answer = self._client.list_organizations(
                start_page=place.number, page_size=place.size, name_contains=name_contains
            )
        except NotFound:  # how the server says that none fits
            return Page([], 0)
        return _read_page(answer)


class AsyncOrganizations:
    """The same for asyncio."""

    def __init__(self, client: AsyncOrganizationsClient) -> None:
        self._client = client

    def list(self, *, name_contains: str | None = None) -> AsyncIterator[Organization]:
        """All of them by name, page after page as it is read on."""
        return paged_async(lambda place: self._page(place, name_contains))

    async def create(self, name: str, administrator_user_email: str) -> Organization:
        """A new one; its `tokens` hold the first tokens, shown this once. Raises RequestConflict, BadRequest."""
        return read(Organization, await self._client.create_organization(name, administrator_user_email))

    async def delete(self, organization_id: str) -> DeletedOrganization:
        """With all its projects; `removed` counts what went. Raises NotFound, RequestConflict for the last one."""
        return read(DeletedOrganization, await self._client.delete_organization(organization_id))

    async def _page(self, place: Place, name_contains: str | None) -> Page[Organization]:
        try:
            answer = await self._client.list_organizations(
                start_page=place.number, page_size=place.size, name_contains=name_contains
            )
        except NotFound:  # how the server says that none fits
            return Page([], 0)
        return _read_page(answer)


def _read_page(answer: JsonObject) -> Page[Organization]:
    return Page(read_list(Organization, answer, "organizations"), int(answer.get("count") or 0))
