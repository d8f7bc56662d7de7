"""Listens to a stream that passes and makes of its chunks, once it has ended well, the answer that is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from portico.server.gateway.cache.entry import Entry, make_entry
from portico.server.providers.base import Members, Tokens

_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")


class _Choice(msgspec.Struct):
    index: int = 0
    delta: dict[str, Any] = {}
    finish_reason: str | None = None
    logprobs: dict[str, Any] | None = None


class _Chunk(msgspec.Struct):
    id: str | None = None
    created: float | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None
    choices: list[_Choice] = []
    error: Any = None
    event: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode


class _Unkept(Exception):
    """The stream holds what is not to be kept."""


class Recorder:
    """`feed` the JSON text of every chunk, then `finish`: nothing is parsed before, or held beyond the limit."""

    __slots__ = ("_chunks", "_room")

    def __init__(self, limit_bytes: int) -> None:
        self._chunks: list[bytes] | None = []
        self._room = limit_bytes

    def feed(self, chunk: bytes) -> None:
        chunks = self._chunks
        if chunks is None:
            return
        self._room -= len(chunk)
        if self._room < 0:
            self._chunks = None
        else:
            chunks.append(chunk)

    def finish(self, tokens: Tokens, usage: Mapping[str, Any]) -> Entry | None:
        """The whole answer, `usage` being what the stream's usage chunk says; None when it is not to be kept.

        Only for a stream that has reached its end.
        """
        chunks, self._chunks = self._chunks, None
        if not chunks:
            return None
        try:
            members = _assemble([_decode(chunk) for chunk in chunks])
        except (msgspec.DecodeError, _Unkept):
            return None
        return make_entry({**members, "usage": dict(usage)}, tokens)


def _assemble(chunks: list[_Chunk]) -> Members:
    head: Members = {"id": None, "object": "chat.completion", "created": 0, "model": ""}
    choices: dict[int, Members] = {}
    for chunk in chunks:
        if chunk.error is not None or chunk.event is not None:
            raise _Unkept
        for name in ("id", "created", "model", "system_fingerprint", "service_tier"):
            value = getattr(chunk, name)
            if value and not head.get(name):
                head[name] = int(value) if name == "created" else value
        for choice in chunk.choices:
            _join(choices.setdefault(choice.index, _empty(choice.index)), choice)
    return {**head, "choices": [choices[index] for index in sorted(choices)]}


def _empty(index: int) -> Members:
    return {"index": index, "message": {"role": "assistant", "content": ""}, "finish_reason": None}


def _join(whole: Members, choice: _Choice) -> None:
    message = whole["message"]
    for name, value in choice.delta.items():
        if value is None or name == "role":
            continue
        if name in _TEXTS and isinstance(value, str):
            message[name] = (message.get(name) or "") + value
        elif name in ("tool_calls", "function_call"):
            if value:
                raise _Unkept
        elif isinstance(value, list):
            message.setdefault(name, []).extend(value)
        else:  # nobody has said how its pieces become a whole: audio, for one
            raise _Unkept
    if choice.logprobs and isinstance(choice.logprobs.get("content"), list):
        whole.setdefault("logprobs", {"content": []})["content"].extend(choice.logprobs["content"])
    whole["finish_reason"] = choice.finish_reason or whole["finish_reason"]
