"""Organizations of the installation, for its system administrators: `/v2/admin/organizations`, also without `/v2`."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, delete, get, post
from litestar.params import FromPath, FromQuery

from portico.server.access import organizations
from portico.server.edge.routes.reading import caller_of, filters_of, json_response, read_object, services_of
from portico.server.edge.routes.users import url_of
from portico.wire.organizations import DeletedOrganization, Organization, OrganizationList

Req = Request[Any, Any, Any]
Query = FromQuery[str | None]
BASES = ("/v2/admin/organizations", "/admin/organizations")


@get(list(BASES), summary="List or search organizations")
async def list_organizations(
    request: Req,
    startPage: Query = None,
    pageSize: Query = None,
    orderKey: Query = None,
    orderDirection: Query = None,
    filterKey: Query = None,
    filterValue: Query = None,
) -> Response[OrganizationList]:
    """Page after page by name, descending by default; `filterValue` is looked for in names, in any case."""
    found = await organizations.search(services_of(request).tenancy, caller_of(request), filters_of(request))
    return json_response(found)


@post(list(BASES), status_code=201, summary="Create an organization")
async def create_organization(request: Req) -> Response[Organization]:
    """With a project `Default`, a token for each, shown in this answer and never again, and its administrator."""
    body = await read_object(request)
    made = await organizations.create_for(services_of(request).tenancy, caller_of(request), body, url_of(request))
    return json_response(made, status_code=201)


@delete([f"{base}/{{organization_id:str}}" for base in BASES], status_code=200, summary="Delete an organization")
async def delete_organization(request: Req, organization_id: FromPath[str]) -> Response[DeletedOrganization]:
    tenancy, caller = services_of(request).tenancy, caller_of(request)
    return json_response(await organizations.delete_with_contents(tenancy, caller, organization_id))


ROUTES = (list_organizations, create_organization, delete_organization)
