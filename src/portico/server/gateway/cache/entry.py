"""What is kept of an answer, made from its documented members, and how it is told again: whole, or as chunks."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from portico.server.kit.ascii_json import ascii_encode
from portico.server.providers.base import Members, Tokens

_encode = msgspec.json.Encoder().encode
_KEPT_FINISHES = ("stop", "length")


class Entry(msgspec.Struct, array_like=True):
    """An answer. `body` is its JSON without `model` and `requestId`, its costs 0; or the numbers of a vector.

    `tokens` are what it once took. `stored_at` is Unix seconds, set when it is stored.
    """

    body: bytes
    tokens: Tokens
    model: str = ""
    finish_reason: str = ""
    stored_at: float = 0.0


class _Called(msgspec.Struct):
    tool_calls: list[Any] | None = None
    function_call: Any = None


class _Ended(msgspec.Struct):
    finish_reason: str | None = None
    message: _Called = msgspec.field(default_factory=_Called)


class _Choice(msgspec.Struct):
    index: int = 0
    message: dict[str, msgspec.Raw] = {}
    finish_reason: str | None = None
    logprobs: Any = None


class _Answer(msgspec.Struct):
    id: str | None = None
    created: int | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None
    choices: list[_Choice] = []
    usage: msgspec.Raw = msgspec.Raw(b"null")


_decode_ended = msgspec.json.Decoder(list[_Ended]).decode
_decode_answer = msgspec.json.Decoder(_Answer).decode


def make_entry(members: Members, tokens: Tokens) -> Entry | None:
    """The entry of a whole answer; None when it must not be kept: failed, cut short, filtered, or with tool calls."""
    finish = _finish_of(members)
    if finish is None:
        return None
    kept = {name: value for name, value in members.items() if name not in ("model", "requestId")}
    kept["usage"] = _without_costs(members.get("usage"))
    return Entry(_encode(kept), tokens, _text(members.get("model")), finish)


def as_whole(entry: Entry, request_id: str, model: str = "") -> bytes:
    """The answer as JSON with a request id of its own; it has cost nothing this time."""
    return b'%b,"model":%b,"requestId":%b}' % (entry.body[:-1], _encode(model or entry.model), _encode(request_id))


def as_chunks(entry: Entry, include_usage: bool, request_id: str, model: str = "") -> list[bytes]:
    """JSON texts of the chunks of a stream: for each choice the text in one and its end in another, then the usage."""
    answer = _decode_answer(entry.body)
    head: Members = {
        "id": answer.id or f"chatcmpl-{request_id}",
        "object": "chat.completion.chunk",
        "created": answer.created or int(time.time()),
        "model": model or entry.model,
    }
    if answer.system_fingerprint:
        head["system_fingerprint"] = answer.system_fingerprint
    if answer.service_tier:
        head["service_tier"] = answer.service_tier
    end: Members = {"usage": None} if include_usage else {}
    chunks = []
    for choice in answer.choices:
        text: Members = {"index": choice.index, "delta": _delta_of(choice), "finish_reason": None}
        if choice.logprobs is not None:
            text["logprobs"] = choice.logprobs
        last: Members = {"index": choice.index, "delta": {}, "finish_reason": choice.finish_reason}
        chunks += [ascii_encode({**head, "choices": [one], **end}) for one in (text, last)]
    if include_usage:
        chunks.append(_encode({**head, "choices": [], "usage": answer.usage}))
    return chunks


def _delta_of(choice: _Choice) -> Members:
    given = {name: value for name, value in choice.message.items() if bytes(value) != b"null"}
    return {"role": "assistant", "content": "", **given}


def _finish_of(members: Members) -> str | None:
    """How an answer ended that may be kept, None for all others."""
    choices = members.get("choices")
    if choices is None or "error" in members or "event" in members:
        return None
    try:
        ended = _decode_ended(choices if isinstance(choices, msgspec.Raw) else _encode(choices))
    except msgspec.DecodeError:
        return None
    for choice in ended:
        if choice.finish_reason not in _KEPT_FINISHES or choice.message.tool_calls or choice.message.function_call:
            return None
    return ended[0].finish_reason if ended else None


def _without_costs(usage: Any) -> Any:
    if isinstance(usage, msgspec.Raw):
        usage = msgspec.json.decode(usage)
    if not isinstance(usage, dict):
        return usage
    return {name: 0 if name.endswith("_cost") else value for name, value in usage.items()}


def _text(value: Any) -> str:
    if isinstance(value, msgspec.Raw):
        value = msgspec.json.decode(value)
    return value if isinstance(value, str) else ""
