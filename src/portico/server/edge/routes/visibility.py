"""What a user reaches: `/v1/accessControl/user`, with the alias `/v2/accessControl/user`."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.params import FromQuery

from portico.server.access.organizations import visibility
from portico.server.edge.routes.reading import caller_of, filters_of, json_response, services_of
from portico.wire.access_control import AuthorizedOrganizations, HandedToken
from portico.wire.projects import ProjectList

Req = Request[Any, Any, Any]
Query = FromQuery[str | None]


def _paths(tail: str) -> list[str]:
    return [f"{base}/user/{tail}" for base in ("/v1/accessControl", "/v2/accessControl")]


@get(_paths("organizations"), summary="List organizations that the caller reaches")
async def list_organizations(request: Req) -> Response[AuthorizedOrganizations]:
    return json_response(await visibility.list_organizations(services_of(request).tenancy, caller_of(request)))


@get(_paths("organization/projects"), summary="List projects that the caller reaches")
async def list_projects(request: Req, organization: Query = None) -> Response[ProjectList]:
    """`organization` by id or name."""
    tenancy, named = services_of(request).tenancy, filters_of(request).get("organization")
    return json_response(await visibility.list_authorized_projects(tenancy, caller_of(request), named))


@get(_paths("access/project"), summary="Check whether a user sees a project")
async def check_access(
    request: Req, organization: Query = None, project: Query = None, accessToken: Query = None
) -> Response[dict[str, Any]]:
    """An empty object when he does; 403 when not, 401 for his access token."""
    visibility.find_visitor(services_of(request).tenancy, filters_of(request))
    return json_response({})


@get(_paths("token/project"), summary="Hand out a token of a project to a user")
async def hand_out_token(
    request: Req, organization: Query = None, project: Query = None, accessToken: Query = None
) -> Response[HandedToken]:
    """A new one each time, which ends after 30 days: the text of a token that is there is known to nobody."""
    tenancy = services_of(request).tenancy
    visitor = visibility.find_visitor(tenancy, filters_of(request))
    return json_response(await visibility.hand_out_token(tenancy, visitor))


ROUTES = (list_organizations, list_projects, check_access, hand_out_token)
