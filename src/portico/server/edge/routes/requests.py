"""Requests seen from outside: their export, the status of one, and its end.

`/v1/organization/request/export`, `/v1/assistant/request/{id}/status`, `/v1/assistant/request/{id}/cancel`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from portico.server.access.policy import require
from portico.server.edge.routes.reading import caller_of, filters_of, json_response, services_of
from portico.server.errors import OutOfRange
from portico.wire.requests_log import RequestExport, RequestItem, RequestStatus

Req = Request[Any, Any, Any]
Query = FromQuery[str | None]
ANSWERS = {200: ResponseSpec(RequestExport, generate_examples=False, description="Page after page, as it is read")}
COUNT = 100
MOST = 2**31 - 1
_encode = msgspec.json.Encoder().encode


@get("/v1/organization/request/export", summary="Export requests, newest first", responses=ANSWERS)
async def export(
    request: Req, assistantName: Query = None, status: Query = None, skip: Query = None, count: Query = None
) -> Stream:
    """A project token: of its project; an organization token: of all projects, or of the one a header names.

    Names of the query are read in any case; `count` 0 is everything.
    """
    caller = caller_of(request)
    require(caller, "organization_reads")
    query = filters_of(request)
    pages = await services_of(request).requests.export(
        caller,
        assistant=query.get("assistantname"),
        status=query.get("status"),
        skip=_read_number(query, "skip", 0),
        count=_read_number(query, "count", COUNT),
    )
    return Stream(_write(pages), media_type="application/json")


@get("/v1/assistant/request/{request_id:str}/status", summary="What became of a request")
async def status(request: Req, request_id: FromPath[str]) -> Response[RequestStatus]:
    caller = caller_of(request)
    require(caller, "assistants")
    return json_response(await services_of(request).assistant_requests.find_status(caller, request_id))


@post("/v1/assistant/request/{request_id:str}/cancel", status_code=200, summary="End a request that runs")
async def cancel(request: Req, request_id: FromPath[str]) -> Response[RequestStatus]:
    caller = caller_of(request)
    require(caller, "assistants")
    return json_response(await services_of(request).assistant_requests.cancel(caller, request_id))


async def _write(pages: AsyncIterator[list[RequestItem]]) -> AsyncIterator[bytes]:
    """`{"items":[...]}`, page after page, so that an export of any length needs the memory of one."""
    before = b'{"items":['
    async for page in pages:
        yield before + b",".join(map(_encode, page))
        before = b","
    yield (b"" if before == b"," else before) + b"]}"


def _read_number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MOST):
        raise OutOfRange(name, "send a whole number from 0 on")
    return int(text)


ROUTES = (export, status, cancel)
