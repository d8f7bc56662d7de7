"""Figures about requests: `/v1/analytics/requests/<figure>` and `/v1/analytics/lab/<figure>`."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath, FromQuery

from portico.server.access.policy import require
from portico.server.edge.routes.reading import caller_of, filters_of, json_response, services_of
from portico.server.errors import BadEndpoint, NotImplementedYet
from portico.server.gateway.requests.analytics import FIGURES, LAB, compute, read_date
from portico.server.storage.analytics import Scope
from portico.wire.analytics import Figure

Req = Request[Any, Any, Any]
Query = FromQuery[str | None]


@get("/v1/analytics/requests/{figure:str}", summary="A figure about the requests of a period")
async def requests(
    request: Req, figure: FromPath[str], startDate: Query = None, endDate: Query = None, agentName: Query = None
) -> Response[Figure]:
    """`startDate` and `endDate` as YYYY-MM-DD, both included; `agentName` narrows total-requests-per-day."""
    caller = caller_of(request)
    require(caller, "organization_reads")
    if figure not in FIGURES:
        raise BadEndpoint
    query = filters_of(request)
    start, end = read_date("startDate", query.get("startdate")), read_date("endDate", query.get("enddate"))
    scope = Scope(caller.organization_id, caller.project_id, start, end)
    async with services_of(request).database.begin() as connection:
        return json_response(await compute(connection, figure, scope, query.get("agentname")))


@get("/v1/analytics/lab/{figure:str}", summary="A figure about agents, flows and processes")
async def lab(request: Req, figure: FromPath[str]) -> Response[Figure]:
    require(caller_of(request), "organization_reads")
    if figure not in LAB:
        raise BadEndpoint
    raise NotImplementedYet("Not Implemented: this version keeps no agents, flows and processes to count")


ROUTES = (requests, lab)
