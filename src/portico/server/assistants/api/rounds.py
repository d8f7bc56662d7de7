"""The rounds of one answer: what a completion asks to be called, what all of them used, and the last one as a whole or
as a stream in one piece."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from portico.server.gateway.answers import Answer, ReadyStream, Stream
from portico.server.kit.ascii_json import ascii_encode

Json = dict[str, Any]
_NOT_SENT_BACK = ("refusal", "annotations", "audio")
"""Members of an answer's message that are none of a request's."""
_encode = msgspec.json.Encoder().encode


class Call(msgspec.Struct):
    """A function that the model wants called. `arguments` is None when they are no JSON object."""

    id: str
    function: str
    arguments: Json | None


class Round:
    """One completion of the model."""

    def __init__(self, answer: Answer) -> None:
        self.headers, self.cache = answer.headers, answer.cache
        self.body: Json = msgspec.json.decode(answer.body)
        choices = self.body.get("choices") or [{}]
        self._choice: Json = choices[0]
        self.message: Json = self._choice.get("message") or {}
        self.calls = [_read_call(one) for one in self.message.get("tool_calls") or () if isinstance(one, dict)]

    def message_sent_back(self) -> msgspec.Raw:
        """The model's own words, as the next request holds them."""
        kept = {name: value for name, value in self.message.items() if name not in _NOT_SENT_BACK}
        return msgspec.Raw(_encode({**kept, "role": "assistant"}))

    def whole(self, request_id: str, usage: Json) -> Answer:
        body = {**self.body, "usage": usage, "requestId": request_id}
        return Answer(_encode(body), self.headers, self.cache)

    def in_one_piece(self, request_id: str, usage: Json | None) -> Stream:
        """All of the text in one chunk; `usage` in a chunk of its own, where it was asked for."""
        head = {name: self.body.get(name) for name in ("id", "created", "model")}
        head |= {"object": "chat.completion.chunk", "requestId": request_id}
        delta = {name: value for name, value in self.message.items() if value is not None}
        finish = self._choice.get("finish_reason") or "stop"
        chunks: list[Json] = [
            {**head, "choices": [{"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": None}]},
            {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]},
        ]
        if usage is not None:
            chunks.append({**head, "choices": [], "usage": usage})
        return ReadyStream([ascii_encode(chunk) for chunk in chunks], self.headers, self.cache)


def add_usage(sum_: Json, usage: Mapping[str, Any]) -> Json:
    """Tokens and costs of another round on top; what is no number is as the newest round has it."""
    added = dict(sum_)
    for name, value in usage.items():
        before = added.get(name)
        if isinstance(value, dict):
            added[name] = add_usage(before if isinstance(before, dict) else {}, value)
        elif _is_number(value) and _is_number(before):
            added[name] = round(before + value, 12) if isinstance(before + value, float) else before + value
        else:
            added[name] = value if value is not None else before
    return added


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _read_call(call: Json) -> Call:
    function = call.get("function") or {}
    said = function.get("arguments") or "{}"
    try:
        arguments = msgspec.json.decode(said) if isinstance(said, str) else said
    except (msgspec.DecodeError, RecursionError):
        arguments = None
    return Call(
        str(call.get("id", "")), str(function.get("name", "")), arguments if isinstance(arguments, dict) else None
    )
