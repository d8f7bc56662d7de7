"""Errors of our tree in the shape of the Messages API, with the documented ids of the platform beside it."""

from __future__ import annotations

import msgspec

from portico.server.edge.errors import Headers, error_headers
from portico.server.errors import PatternMismatch, PorticoError, SearchProfileNotFound
from portico.server.kit.ascii_json import ascii_encode

_encode = msgspec.json.Encoder().encode
_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    501: "invalid_request_error",
    503: "overloaded_error",
    504: "timeout_error",
}


class ThreadUnsupported(PatternMismatch):
    """A thread is a conversation that the server keeps. The SDKs know this refusal: they go on with whole requests."""

    def __init__(self) -> None:
        super().__init__("thread", "conversations are not kept here: send all messages, without `thread`")


def refuse(error: PorticoError, request_id: str) -> tuple[int, bytes, Headers]:
    """Status, body and headers. A refusal is never a 200 here: no client of this API would look for it there."""
    status = 404 if isinstance(error, SearchProfileNotFound) else error.status
    headers = [*error_headers(error), (b"request-id", request_id.encode())]
    return status, _encode(_body(error, status, request_id)), headers


def break_off(error: PorticoError, request_id: str) -> bytes:
    """The `error` event."""
    return b"event: error\ndata: %b\n\n" % ascii_encode(_body(error, error.status, request_id))


def _body(error: PorticoError, status: int, request_id: str) -> dict[str, object]:
    kind = _TYPES.get(status) or ("invalid_request_error" if status < 500 else "api_error")
    told: dict[str, object] = {"type": kind, "message": error.message}
    if isinstance(error, ThreadUnsupported):
        told["details"] = {"error_code": "thread_unsupported_request"}
    return {
        "type": "error",
        "error": told,
        "request_id": request_id,
        "errors": [{"id": error.id, "description": error.message}],
        "requestId": request_id,
    }
