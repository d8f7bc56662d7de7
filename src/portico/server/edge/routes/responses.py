"""POST responses: relayed to the providers that speak this API, for all other models a chat in its words.

Source: Responses API reference.
"""

from __future__ import annotations

import msgspec

from portico.server.access.caller import Caller
from portico.server.access.policy import require
from portico.server.edge.bodies import read_flag, read_member, read_members, read_model
from portico.server.edge.dialects.responses.checks import refuse_stored
from portico.server.edge.dialects.responses.echo import read_echo, wants_sealed
from portico.server.edge.dialects.responses.form import read_form_members
from portico.server.edge.dialects.responses.read import read_responses_request
from portico.server.edge.dialects.responses.write import ResponseWriter
from portico.server.edge.dialects.translated import translate
from portico.server.edge.exchange import Exchange
from portico.server.edge.forms import is_form, read_form
from portico.server.edge.labels import read_labels
from portico.server.edge.routes.chat import check_members, read_chat_members, read_conversation
from portico.server.errors import FieldRequired, OutOfRange, PatternMismatch
from portico.server.gateway.answers import Answer, Stream
from portico.server.services import Services
from portico.wire.requests import NULL, ChatRequest, Members, ResponsesRequest

_METADATA_PAIRS = 16
_CHECKED = ("temperature", "top_p", "top_logprobs", "max_output_tokens", "parallel_tool_calls", "user")
_PLATFORM = ("variables", "threadId", "filters", "revision", "revisionName")


async def create_response(services: Services, caller: Caller, exchange: Exchange) -> Answer | Stream:
    require(caller, "models")
    members = _read(exchange)
    ref = read_model({"model": members.get("model", NULL)})
    if members.get("input", NULL) == NULL:
        raise FieldRequired("input")
    refuse_stored(members)
    if not services.responses.relays(caller, ref):
        return await _translated(services, caller, exchange, members)
    request = read_native(members, len(exchange.body))
    exchange.stream = request.stream
    request.labels, _ = read_labels(exchange.headers)
    return await services.responses.answer(caller, request, exchange.request_id)


def _read(exchange: Exchange) -> Members:
    content_type = exchange.header(b"content-type")
    if content_type is not None and is_form(content_type):
        return read_form_members(read_form(exchange.body, content_type))
    return read_members(exchange.body)


def read_native(members: Members, body_bytes: int) -> ResponsesRequest:
    """The request as it came."""
    request = ResponsesRequest(read_model(members), members, body_bytes=body_bytes)
    request.stream = read_flag(members, "stream")
    for name in _PLATFORM:
        members.pop(name, None)
    _check(members)
    metadata = read_member(members, "metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise PatternMismatch("metadata", "send an object")
    if metadata and len(metadata) > _METADATA_PAIRS:
        raise OutOfRange("metadata", f"at most {_METADATA_PAIRS} pairs")
    request.metadata = msgspec.json.encode(metadata).decode() if metadata else ""
    user = read_member(members, "user")
    request.user = user[:256] if isinstance(user, str) else ""
    return request


def read_translated(members: Members, body_bytes: int) -> ChatRequest:
    """The chat that the request asks for."""
    _check(members)
    request = read_chat_members(read_responses_request(members), body_bytes)
    request.dialect = "responses"
    request.include_usage = True
    return request


def _check(members: Members) -> None:
    """`max_tokens` is another name of `max_output_tokens` (Responses API reference). What is wrong is told by the names
    that the caller knows, so before the members get those of a chat."""
    alias = members.pop("max_tokens", NULL)
    if members.get("max_output_tokens", NULL) == NULL and alias != NULL:
        members["max_output_tokens"] = alias
    check_members(members, [name for name in _CHECKED if name in members])


async def _translated(services: Services, caller: Caller, exchange: Exchange, members: Members) -> Answer | Stream:
    request = read_translated(members, len(exchange.body))
    read_conversation(request, exchange)
    exchange.stream = request.stream
    request.labels, request.cache = read_labels(exchange.headers)
    writer = ResponseWriter(exchange.request_id, read_echo(members), sealed=wants_sealed(members))
    return translate(await services.desk.answer(caller, request, exchange.request_id), writer)
