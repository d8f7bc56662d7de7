"""What a project checks of its requests and answers: `/v2/guardrails`. An API of our own."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, delete, get, put

from portico.server.edge.routes.reading import caller_of, json_response, read_object, services_of
from portico.server.errors import PatternMismatch
from portico.wire.guardrails import DenyWords, GuardrailSettings, Moderation, PiiRule, StreamMode

Req = Request[Any, Any, Any]
_PARTS: dict[str, type[msgspec.Struct]] = {"denyWords": DenyWords, "moderation": Moderation, "stream": StreamMode}


@get("/v2/guardrails", summary="Get the guardrails of the caller's project")
async def get_guardrails(request: Req) -> Response[GuardrailSettings]:
    return json_response(await services_of(request).guardrails.find(caller_of(request)))


@put("/v2/guardrails", summary="Set the guardrails of the caller's project")
async def put_guardrails(request: Req) -> Response[GuardrailSettings]:
    """Replaces all of them; what is absent is off, but for the key of an endpoint whose address stays."""
    settings = _read(await read_object(request))
    return json_response(await services_of(request).guardrails.replace(caller_of(request), settings))


@delete("/v2/guardrails", status_code=200, summary="Switch off the guardrails of the caller's project")
async def delete_guardrails(request: Req) -> Response[dict[str, Any]]:
    await services_of(request).guardrails.remove(caller_of(request))
    return json_response({})


def _read(members: dict[str, Any]) -> GuardrailSettings:
    """Raises PatternMismatch with the member's name; also for an unknown one: a misspelt guard would guard nothing."""
    _refuse_unknown(members, GuardrailSettings, "")
    for name, kind in _PARTS.items():
        _refuse_unknown(members.get(name), kind, f"{name}.")
    rules = members.get("pii")
    for rule in rules if isinstance(rules, list) else []:
        _refuse_unknown(rule, PiiRule, "pii.")
    try:
        return msgspec.convert(members, GuardrailSettings)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `")
        raise PatternMismatch(place.rstrip("`").removeprefix("$.") or "body", reason) from None


def _refuse_unknown(value: Any, kind: type[msgspec.Struct], prefix: str) -> None:
    known = kind.__struct_encode_fields__
    for name in value if isinstance(value, dict) else ():
        if name not in known:
            raise PatternMismatch(f"{prefix}{name}", f"there is no such member; there are {', '.join(known)}")


ROUTES = (get_guardrails, put_guardrails, delete_guardrails)
