"""What every route of the slow lane reads from its request, and how it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response

from portico.server.access.caller import Caller
from portico.server.errors import BadInputText
from portico.server.services import Services

T = TypeVar("T")
_encode = msgspec.json.Encoder().encode


def caller_of(request: Request[Any, Any, Any]) -> Caller:
    """Whom the guard let in."""
    caller: Caller = request.scope["state"]["caller"]
    return caller


def services_of(request: Request[Any, Any, Any]) -> Services:
    services: Services = request.app.state["services"]
    return services


def query_of(request: Request[Any, Any, Any]) -> Mapping[str, str]:
    """Query parameters; the last one counts when a name is repeated. Empty values are there, and mean absent."""
    return {name: value for name, value in request.query_params.multi_items() if isinstance(value, str)}


def filters_of(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Query parameters by their name in lower case, as a database can look for them; empty ones are absent."""
    read = ((name.lower(), value.replace("\0", "\ufffd").strip()) for name, value in query_of(request).items())
    return {name: value.encode("utf-8", "replace").decode() for name, value in read if value}


def header_of(request: Request[Any, Any, Any], name: bytes) -> str:
    """Its bytes are UTF-8 from most clients, Latin-1 from those that know no better."""
    value = next((value for key, value in request.scope["headers"] if key == name), b"")
    try:
        return value.decode("utf-8").strip()
    except UnicodeDecodeError:
        return value.decode("latin-1").strip()


def json_response(value: T, language: str | None = None, status_code: int | None = None) -> Response[T]:
    headers = {"content-language": language} if language else None
    encoded: Any = _encode(value)
    return Response(encoded, media_type="application/json", headers=headers, status_code=status_code)


async def read_object(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """The body as a JSON object, whatever content type was declared. An empty body is an empty object."""
    body = await request.body()
    if not body.strip():
        return {}
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadInputText("Bad Input Text: the body must be a JSON object") from None
