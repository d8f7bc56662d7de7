"""Usage limits of an organization and of its projects, and rates per minute: `/v2/usageLimits`, also without `/v2`."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath

from portico.server.edge.routes.reading import caller_of, json_response, read_object, services_of
from portico.server.errors import BadEndpoint
from portico.server.gateway.limits import manage, rates
from portico.wire.usage_limits import UsageLimit, UsageLimitList, UsageRate, UsageRateList

Req = Request[Any, Any, Any]
ORGANIZATION = "/organizations/{organization:str}"
PROJECT = f"{ORGANIZATION}/projects/{{project:str}}"
FIELDS = ("hardLimit", "softLimit", "renewalStatus")


def _paths(owner: str, tail: str) -> list[str]:
    return [f"{base}{owner}/{tail}" for base in ("/v2/usageLimits", "/usageLimits")]


@post(_paths(ORGANIZATION, "limits"), status_code=201, summary="Set a usage limit of an organization")
async def create_of_organization(request: Req, organization: FromPath[str]) -> Response[UsageLimit]:
    return await _create(request, (organization, None))


@post(_paths(PROJECT, "limits"), status_code=201, summary="Set a usage limit of a project")
async def create_of_project(request: Req, organization: FromPath[str], project: FromPath[str]) -> Response[UsageLimit]:
    return await _create(request, (organization, project))


@get(_paths(ORGANIZATION, "limits"), summary="List the usage limits of an organization")
async def list_of_organization(request: Req, organization: FromPath[str]) -> Response[UsageLimitList]:
    return await _list(request, (organization, None))


@get(_paths(PROJECT, "limits"), summary="List the usage limits of a project")
async def list_of_project(
    request: Req, organization: FromPath[str], project: FromPath[str]
) -> Response[UsageLimitList]:
    return await _list(request, (organization, project))


@get(_paths(ORGANIZATION, "limits/{which:str}"), summary="Get the latest or active usage limit of an organization")
async def get_of_organization(request: Req, organization: FromPath[str], which: FromPath[str]) -> Response[UsageLimit]:
    return await _get(request, (organization, None), which)


@get(_paths(PROJECT, "limits/{which:str}"), summary="Get the latest or active usage limit of a project")
async def get_of_project(
    request: Req, organization: FromPath[str], project: FromPath[str], which: FromPath[str]
) -> Response[UsageLimit]:
    return await _get(request, (organization, project), which)


@delete(_paths(ORGANIZATION, "limits/{limit:str}"), status_code=200, summary="Cancel a usage limit of an organization")
async def cancel_of_organization(
    request: Req, organization: FromPath[str], limit: FromPath[str]
) -> Response[UsageLimit]:
    return await _cancel(request, (organization, None), limit)


@delete(_paths(PROJECT, "limits/{limit:str}"), status_code=200, summary="Cancel a usage limit of a project")
async def cancel_of_project(
    request: Req, organization: FromPath[str], project: FromPath[str], limit: FromPath[str]
) -> Response[UsageLimit]:
    return await _cancel(request, (organization, project), limit)


@put(_paths(ORGANIZATION, "limits/{limit:str}/{member:str}"), summary="Change a usage limit of an organization")
async def change_of_organization(
    request: Req, organization: FromPath[str], limit: FromPath[str], member: FromPath[str]
) -> Response[UsageLimit]:
    return await _change(request, (organization, None), limit, member)


@put(_paths(PROJECT, "limits/{limit:str}/{member:str}"), summary="Change a usage limit of a project")
async def change_of_project(
    request: Req, organization: FromPath[str], project: FromPath[str], limit: FromPath[str], member: FromPath[str]
) -> Response[UsageLimit]:
    return await _change(request, (organization, project), limit, member)


@get(_paths(PROJECT, "rates"), summary="List the rates per minute of a project and its tokens")
async def list_rates(request: Req, organization: FromPath[str], project: FromPath[str]) -> Response[UsageRateList]:
    return json_response(await rates.list_all(services_of(request).limits, caller_of(request), (organization, project)))


@put(_paths(PROJECT, "rates"), summary="Set the rate per minute of a project or of one of its tokens")
async def put_rate(request: Req, organization: FromPath[str], project: FromPath[str]) -> Response[UsageRate]:
    body = await read_object(request)
    changed = await rates.put(services_of(request).limits, caller_of(request), (organization, project), body)
    return json_response(changed)


Place = tuple[str, str | None]


async def _create(request: Req, place: Place) -> Response[UsageLimit]:
    body = await read_object(request)
    made = await manage.create(services_of(request).limits, caller_of(request), place, body)
    return json_response(made, status_code=201)


async def _list(request: Req, place: Place) -> Response[UsageLimitList]:
    return json_response(await manage.list_all(services_of(request).limits, caller_of(request), place))


async def _get(request: Req, place: Place, which: str) -> Response[UsageLimit]:
    if which not in ("latest", "active"):
        raise BadEndpoint
    limits, caller = services_of(request).limits, caller_of(request)
    return json_response(await manage.latest(limits, caller, place, active=which == "active"))


async def _cancel(request: Req, place: Place, limit: str) -> Response[UsageLimit]:
    return json_response(await manage.cancel(services_of(request).limits, caller_of(request), place, limit))


async def _change(request: Req, place: Place, limit: str, member: str) -> Response[UsageLimit]:
    if member not in FIELDS:
        raise BadEndpoint
    body = await read_object(request)
    changed = await manage.change(services_of(request).limits, caller_of(request), place, limit, member, body)
    return json_response(changed)


ROUTES = (
    create_of_organization,
    create_of_project,
    list_of_organization,
    list_of_project,
    get_of_organization,
    get_of_project,
    cancel_of_organization,
    cancel_of_project,
    change_of_organization,
    change_of_project,
    list_rates,
    put_rate,
)
