"""Forgetting the cached answers of a project: `DELETE /v2/cache`. An API of our own."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, delete

from portico.server.edge.routes.reading import caller_of, json_response, services_of
from portico.server.gateway.cache import manage
from portico.wire.cache import ClearedCache

Req = Request[Any, Any, Any]


@delete("/v2/cache", status_code=200, summary="Forget the cached answers of the caller's project")
async def clear_cache(request: Req) -> Response[ClearedCache]:
    services = services_of(request)
    removed = await manage.clear(services.cache, services.tenancy, caller_of(request))
    return json_response(ClearedCache(removed=removed))


ROUTES = (clear_cache,)
