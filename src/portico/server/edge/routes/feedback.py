"""What a user thinks of an answer: `POST /v1/feedback/request/{requestId}`."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, post
from litestar.params import FromPath

from portico.server.edge.routes.reading import caller_of, json_response, read_object, services_of
from portico.server.gateway.requests import feedback

Req = Request[Any, Any, Any]


@post("/v1/feedback/request/{request_id:str}", status_code=200, summary="Say whether an answer was good")
async def send_feedback(request: Req, request_id: FromPath[str]) -> Response[dict[str, Any]]:
    """Replaces what was said before about the same request."""
    body = await read_object(request)
    services = services_of(request)
    await feedback.put(services.tenancy, services.requests, caller_of(request), request_id, body)
    return json_response({})


ROUTES = (send_feedback,)
