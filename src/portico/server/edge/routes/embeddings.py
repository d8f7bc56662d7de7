"""POST embeddings: the documented paths, and the body to an EmbeddingRequest."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import Any, Literal

import msgspec

from portico.server.access.caller import Caller
from portico.server.access.policy import require
from portico.server.edge.bodies import read_members, read_model
from portico.server.edge.exchange import Exchange
from portico.server.edge.labels import read_labels
from portico.server.errors import EmptyQuery, FieldRequired, OutOfRange, PatternMismatch
from portico.server.gateway.answers import Answer
from portico.server.services import Services
from portico.wire.requests import EmbeddingRequest, Members

_WHOLE = re.compile(r"[0-9]{1,20}")
PATHS = ("/v1/embeddings", "/embeddings", "/chat/embedding", "/v1/chat/embedding")


def embeddings(services: Services, caller: Caller, exchange: Exchange) -> Awaitable[Answer]:
    require(caller, "models")
    request = read_embedding_request(exchange.body)
    request.labels, request.cache = read_labels(exchange.headers)
    return services.embeddings.answer(caller, request, exchange.request_id)


def read_embedding_request(body: bytes | bytearray) -> EmbeddingRequest:
    """Raises BadRequest errors that name the field."""
    members = read_members(body)
    ref = read_model(members)
    return EmbeddingRequest(
        ref,
        _read_inputs(members),
        encoding_format=_read_encoding(members),
        dimensions=_read_whole(members, "dimensions"),
        input_type=_read_text(members, "input_type"),
        user=_read_text(members, "user"),
        timeout_s=_read_whole(members, "timeout"),
    )


def _read_encoding(members: Members) -> Literal["float", "base64"]:
    match _value(members, "encoding_format"):
        case None | "" | "float":
            return "float"
        case "base64":
            return "base64"
    raise OutOfRange("encoding_format", "send float or base64")


def _value(members: Members, name: str) -> Any:
    raw = members.get(name)
    try:
        return None if raw is None else msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise PatternMismatch(name, str(error)) from None
    except RecursionError:
        raise PatternMismatch(name, "the JSON is nested too deeply") from None


def _read_inputs(members: Members) -> list[str]:
    value = _value(members, "input")
    if value is None:
        raise FieldRequired("input")
    inputs = [value] if isinstance(value, str) else value
    if not isinstance(inputs, list):
        raise PatternMismatch("input", "send a string or an array of strings")
    if not inputs:
        raise EmptyQuery("Query Text Empty: input has no element", param="input")
    for index, item in enumerate(inputs):
        if isinstance(item, int | list):
            raise PatternMismatch("input", "token arrays are not supported, send the text itself")
        if not isinstance(item, str):
            raise PatternMismatch(f"input[{index}]", "send a string")
        if not item.strip():
            raise EmptyQuery(f"Query Text Empty: input[{index}] has no text", param="input")
    return inputs


def _read_whole(members: Members, name: str) -> int | None:
    """A whole number above zero; one in quotes counts (the vendor's command line sends those)."""
    value = _value(members, name)
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        value = int(value)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise PatternMismatch(name, "send a whole number")
    if not 0 < value < 2**31:
        raise OutOfRange(name, "send a number above 0")
    return value


def _read_text(members: Members, name: str) -> str | None:
    value = _value(members, name)
    if value is not None and not isinstance(value, str):
        raise PatternMismatch(name, "send a string")
    return value or None
