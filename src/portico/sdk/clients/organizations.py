"""Organizations, low level: for the system administrators of an installation.

Source: Organization API reference, /v2/admin/organizations.
"""

from __future__ import annotations

from portico.sdk.call import Call, JsonObject, QueryValue, Repeat, get, path_segment, send_json
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient
from portico.sdk.errors import PorticoError

ROOT = "/v2/admin/organizations"


def list_call(start_page: int, page_size: int, name_contains: str | None, descending: bool) -> Call:
    query: dict[str, QueryValue] = {
        "startPage": start_page,
        "pageSize": page_size,
        "orderKey": "name",
        "orderDirection": "desc" if descending else "asc",
        "filterKey": "name" if name_contains else None,
        "filterValue": name_contains,
    }
    return get(ROOT, query)


def create_call(name: str, administrator_user_email: str) -> Call:
    body = {"name": name, "administratorUserEmail": administrator_user_email}
    return send_json("POST", ROOT, body, repeat=Repeat.NEVER)


def delete_call(organization_id: str) -> Call:
    if not organization_id.strip():
        raise PorticoError("The organization's id is empty.", hint="`portico organizations list` shows the ids.")
    return Call("DELETE", f"{ROOT}/{path_segment(organization_id)}", repeat=Repeat.NEVER)


class OrganizationsClient(LowLevelClient):
    def list_organizations(
        self,
        *,
        start_page: int = 1,
        page_size: int = 20,
        name_contains: str | None = None,
        descending: bool = False,
    ) -> JsonObject:
        """GET /v2/admin/organizations: `count`, `pages`, `organizations` by name."""
        return self._json(list_call(start_page, page_size, name_contains, descending))

    def create_organization(self, name: str, administrator_user_email: str) -> JsonObject:
        """POST /v2/admin/organizations: `tokens` holds the secrets of its first tokens, shown this once."""
        return self._json(create_call(name, administrator_user_email))

    def delete_organization(self, organization_id: str) -> JsonObject:
        """DELETE /v2/admin/organizations/{id}: with all its projects; `removed` counts what went."""
        return self._json(delete_call(organization_id))


class AsyncOrganizationsClient(AsyncLowLevelClient):
    async def list_organizations(
        self,
        *,
        start_page: int = 1,
        page_size: int = 20,
        name_contains: str | None = None,
        descending: bool = False,
    ) -> JsonObject:
        """GET /v2/admin/organizations: `count`, `pages`, `organizations` by name."""
        return await self._json(list_call(start_page, page_size, name_contains, descending))

    async def create_organization(self, name: str, administrator_user_email: str) -> JsonObject:
        """POST /v2/admin/organizations: `tokens` holds the secrets of its first tokens, shown this once."""
        return await self._json(create_call(name, administrator_user_email))

    async def delete_organization(self, organization_id: str) -> JsonObject:
        """DELETE /v2/admin/organizations/{id}: with all its projects; `removed` counts what went."""
        return await self._json(delete_call(organization_id))
