"""OpenAI's Responses API in its own words: requests and events pass as they came, but for what storing would mean.

Nothing is stored over there (`store: false`): what is stored belongs to the operator's account, that is to all tenants
together. So that a conversation can go on without it, thoughts come sealed (`reasoning.encrypted_content`).
"""

from __future__ import annotations

from typing import Any

import msgspec

from portico.server.errors import PatternMismatch, ProviderUnknown
from portico.server.kit.ascii_json import ascii_encode, ascii_json
from portico.server.providers.base import Adapter, Members, Outgoing, ResponsesEvent, Target, Turn
from portico.server.providers.counts import guess
from portico.server.providers.openai.responses import PATH, RESPONSE, failure_of, finish_turn, raise_failure
from portico.wire.requests import NULL, ResponsesRequest

_encode = msgspec.json.Encoder().encode
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SEALED = "reasoning.encrypted_content"
_ENDS = ("response.completed", "response.incomplete")
_NOT_IDS = frozenset({"item_reference", "mcp_approval_response", "mcp_approval_request"})
"""Items that mean nothing without their id."""
_FALSE = msgspec.Raw(b"false")
_HOME = "openai"


class _Typed(msgspec.Struct):
    type: str = ""
    delta: Any = None
    error: msgspec.Raw = msgspec.Raw(b"")
    message: str | None = None
    code: str | None = None
    param: str | None = None
    response: msgspec.Raw = msgspec.Raw(b"")


_TYPED = msgspec.json.Decoder(_Typed)


class NativeResponses(Adapter):
    """The verb `responses`. Many servers speak OpenAI's chat protocol; of this one only OpenAI is sure to speak all."""

    def relays_responses(self, target: Target) -> bool:
        return target.provider == _HOME

    def write_responses(self, request: ResponsesRequest, target: Target, turn: Turn) -> Outgoing:
        body: Members = {"model": target.upstream_model, **request.members, "store": _FALSE}
        body["input"] = _without_ids(body["input"], turn)
        if target.traits.thinking_mode != "none":
            body["include"] = _with_sealed(body.get("include", NULL))
        if request.stream:
            body["stream"] = True
        return Outgoing(PATH, _encode(body), request.stream)

    def read_responses(self, body: bytes, turn: Turn) -> Members:
        try:
            members = _MEMBERS.decode(body)
        except (msgspec.DecodeError, RecursionError):
            raise ProviderUnknown("the provider's answer is not JSON") from None
        self._learn(body, members, turn)
        return dict(members)

    def read_responses_event(self, data: bytes, turn: Turn) -> ResponsesEvent:
        try:
            event = _TYPED.decode(data)
        except (msgspec.DecodeError, RecursionError):
            raise ProviderUnknown("the provider's stream holds something that is not an event") from None
        if event.type == "error":
            told = {"message": event.message, "code": event.code, "param": event.param}
            raise failure_of(event.error if len(event.error) else msgspec.Raw(_encode(told)))
        if event.type in _ENDS or event.type == "response.failed":
            members = dict(_MEMBERS.decode(data))
            response = _MEMBERS.decode(event.response)
            self._learn(bytes(event.response), response, turn)
            return ResponsesEvent(event.type, data, members, dict(response))
        data = ascii_json(data.strip())
        if event.type.endswith(".delta") and isinstance(event.delta, str):
            turn.seen_tokens += guess(event.delta)
        if event.type == "response.output_text.delta" and isinstance(event.delta, str):
            choices = ascii_encode([{"index": 0, "delta": {"content": event.delta}}])
            data = b'%b,"choices":%b}' % (data[:-1].rstrip(), choices)
        return ResponsesEvent(event.type, data)

    @staticmethod
    def _learn(body: bytes, members: dict[str, msgspec.Raw], turn: Turn) -> None:
        """Raises ProviderError for a response that failed; fills in how it ended and what it took."""
        try:
            response = RESPONSE.decode(body)
        except (msgspec.DecodeError, RecursionError):
            raise ProviderUnknown("the provider's answer is not a response") from None
        raise_failure(response)
        finish_turn(response, turn, any(item.type == "function_call" for item in response.output))
        if turn.tokens is not None:
            turn.usage_members = {**_MEMBERS.decode(members["usage"]), **(turn.usage_members or {})}


def _without_ids(raw: Any, turn: Turn) -> Any:
    """Items without the ids under which nothing is stored, and without thoughts that only those ids would name."""
    if bytes(raw).lstrip()[:1] != b"[":
        return raw
    kept: list[dict[str, msgspec.Raw]] = []
    try:
        items = msgspec.json.decode(raw, type=list[dict[str, msgspec.Raw]])
    except (msgspec.DecodeError, RecursionError):
        raise PatternMismatch("input", "send a string or an array of items") from None
    for item in items:
        kind = bytes(item.get("type", NULL)).strip(b'" ').decode("utf-8", "replace")
        if kind == "reasoning" and item.get("encrypted_content", NULL) == NULL:
            turn.adjusted.append("reasoning item without encrypted_content dropped")
            continue
        if kind not in _NOT_IDS:
            item.pop("id", None)
        if kind == "reasoning":
            item.pop("status", None)
        kept.append(item)
    return kept


def _with_sealed(raw: Any) -> list[str]:
    try:
        wanted = msgspec.json.decode(raw, type=list[str] | None) or []
    except (msgspec.DecodeError, RecursionError):
        raise PatternMismatch("include", "send an array of strings") from None
    return [*wanted, *([] if _SEALED in wanted else [_SEALED])]
