"""POST /v1/omni-parser/process: a file as a form to its parts."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, post

from portico.server.assistants.search.documents.manage import Description
from portico.server.edge.document_uploads import open_upload
from portico.server.edge.routes.reading import caller_of, header_of, json_response, services_of
from portico.wire.omni_parser import ParsedFile

PATH = "/v1/omni-parser/process"
Req = Request[Any, Any, Any]


@post(PATH, status_code=200, summary="Read a file: its parts in order", request_max_body_size=None)
async def process(request: Req) -> Response[ParsedFile]:
    """As a form with `file` and the parameters of the reading. Nothing of it is kept."""
    sent = await open_upload(request.receive, request.headers.get("content-type", ""))
    services, request_id = services_of(request), request.scope["state"]["request_id"]

    def describe() -> Description:
        return Description(header_of(request, b"filename"), sent.sent_name, sent.content_type, sent.fields)

    found = await services.omni_parser.process(caller_of(request), sent.content(), describe, request_id)
    return json_response(found)


ROUTES = (process,)
