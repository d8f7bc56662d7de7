"""The OpenAI protocol, as spoken by OpenAI and by every compatible server. Same dialect in and out: bytes are relayed.

Touched on the way in: `model`, `stream_options`. On the way out: what the contract or the vendor's client asks for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from portico.server.errors import ProviderError, ProviderUnknown
from portico.server.providers.base import Adapter, Members, Outgoing, Target, Tokens, Turn
from portico.server.providers.openai_errors import error_of
from portico.wire.requests import NULL, ChatRequest, EmbeddingRequest

_encode = msgspec.json.Encoder().encode
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_CHOICES = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_FOREIGN = {"timings", "__verbose", "prompt_filter_results"}
_USAGE_WANTED = msgspec.Raw(b'{"include_usage":true}')
_TRUE = msgspec.Raw(b"true")
_NO_CONTENT = (NULL, msgspec.Raw(b""))


class _Details(msgspec.Struct):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _Choice(msgspec.Struct):
    finish_reason: str | None = None


class _Message(msgspec.Struct):
    content: msgspec.Raw = msgspec.Raw(b"")


class _WholeChoice(msgspec.Struct):
    finish_reason: str | None = None
    message: _Message | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: msgspec.Raw = msgspec.Raw(b"")


class _ChunkChoice(msgspec.Struct):
    finish_reason: str | None = None
    delta: _Delta | None = None


class _Chunk(msgspec.Struct):
    choices: list[_ChunkChoice] | None = None
    usage: _Usage | None = None
    error: msgspec.Raw = msgspec.Raw(b"")


_USAGE = msgspec.json.Decoder(_Usage | None)
_WHOLE = msgspec.json.Decoder(list[_WholeChoice])
_CHUNK = msgspec.json.Decoder(_Chunk)
_NULL_CONTENT = re.compile(rb'"content"\s*:\s*null')
_NULL_USAGE = re.compile(rb',\s*"usage"\s*:\s*null')
_NOT_ASCII = re.compile("[^\x00-\x7f]")


class OpenAI(Adapter):
    name = "openai"

    def write_chat(self, request: ChatRequest, target: Target, turn: Turn) -> Outgoing:
        members: Members = {"model": target.upstream_model, **request.members}
        if request.stream:
            members["stream"] = _TRUE
            members["stream_options"] = _USAGE_WANTED  # metering needs it; taken out again when not asked for
        return Outgoing("/chat/completions", _encode(members), request.stream)

    def read_chat(self, body: bytes, request: ChatRequest, turn: Turn) -> Members:
        members = self._members(body)
        error = members.get("error")
        if error is not None and error != NULL:  # some routers tell a failure with HTTP 200 (HC-13)
            raise error_of(502, {}, error)
        try:
            choices = _WHOLE.decode(members.get("choices", b"null"))
            usage = _USAGE.decode(members.get("usage", NULL))
        except (msgspec.DecodeError, RecursionError):
            raise ProviderUnknown("the provider's answer is not a chat completion") from None
        for choice in choices:
            turn.finish_reason = turn.finish_reason or choice.finish_reason or ""
        if any(choice.message is not None and choice.message.content in _NO_CONTENT for choice in choices):
            members["choices"] = _with_content(members["choices"])
        _drop_foreign(members)
        self._take_usage(usage, members.get("usage"), turn)
        return members

    def read_frame(self, data: bytes, request: ChatRequest, turn: Turn) -> Sequence[bytes]:
        try:
            chunk = _CHUNK.decode(data)
        except (msgspec.DecodeError, RecursionError):
            raise ProviderUnknown("the provider's stream holds something that is not a chat chunk") from None
        if len(chunk.error) and chunk.error != NULL:
            raise error_of(502, {}, chunk.error)
        for choice in chunk.choices or ():
            if choice.finish_reason:
                turn.finish_reason = choice.finish_reason
            delta = choice.delta
            if delta is None:
                continue
            if delta.content or delta.reasoning_content or len(delta.tool_calls):
                turn.content_frames += 1
            if delta.content is None and b'"content"' in data:  # in every chunk of thoughts, with some providers
                data = _NULL_CONTENT.sub(b'"content":""', data)
        return self._relay(data, chunk, turn)

    def _relay(self, data: bytes, chunk: _Chunk, turn: Turn) -> Sequence[bytes]:
        """The frame as it came, unless one of the few reasons to touch it applies."""
        if chunk.usage is not None:
            return self._relay_usage(data, chunk, turn)
        if not turn.keep_usage and b'"usage"' in data:
            data = _NULL_USAGE.sub(b"", data)
        if b'"timings"' in data or b'"prompt_filter_results"' in data:
            data = self._without_foreign(data)
        if not data.isascii():
            data = ascii_json(data)
        return (data,)

    def _relay_usage(self, data: bytes, chunk: _Chunk, turn: Turn) -> Sequence[bytes]:
        """Usage is metered; it reaches the caller in a chunk of its own, made by the gateway when asked for."""
        members = self._members(data)
        self._take_usage(chunk.usage, members.pop("usage", None), turn)
        if not chunk.choices:
            return ()
        _drop_foreign(members)
        return (ascii_json(_encode(members)),)

    def _without_foreign(self, data: bytes) -> bytes:
        members = self._members(data)
        _drop_foreign(members)
        return _encode(members)

    def _members(self, body: bytes) -> Members:
        try:
            return _MEMBERS.decode(body)
        except (msgspec.DecodeError, RecursionError):
            raise ProviderUnknown("the provider's answer is not JSON") from None

    def _take_usage(self, usage: _Usage | None, raw: msgspec.Raw | None, turn: Turn) -> None:
        if usage is None or usage.prompt_tokens is None:
            return
        prompt = usage.prompt_tokens
        completion = usage.completion_tokens or 0
        cached = min((usage.prompt_tokens_details and usage.prompt_tokens_details.cached_tokens) or 0, prompt)
        details = usage.completion_tokens_details
        reasoning = min((details and details.reasoning_tokens) or 0, completion)
        turn.tokens = Tokens(
            input_uncached=prompt - cached,
            cache_read=cached,
            output_visible=completion - reasoning,
            reasoning=reasoning,
        )
        turn.usage_members = _MEMBERS.decode(raw) if raw is not None else {}

    # embeddings ---------------------------------------------------------------------------------------------

    def write_embeddings(self, request: EmbeddingRequest, inputs: Sequence[str], target: Target) -> Outgoing:
        members: Members = {"model": target.upstream_model, "input": inputs, "encoding_format": "float"}
        if request.dimensions is not None:
            members["dimensions"] = request.dimensions
        if request.user is not None:
            members["user"] = request.user
        if request.input_type is not None:
            members["input_type"] = request.input_type
        return Outgoing("/embeddings", _encode(members), timeout_s=request.timeout_s)

    def read_embeddings(self, body: bytes, count: int) -> tuple[list[Any], int]:
        try:
            answer = _EMBEDDINGS.decode(body)
        except (msgspec.DecodeError, RecursionError):
            raise ProviderUnknown("the provider's answer is not a list of embeddings") from None
        vectors: list[Any] = [None] * count
        for position, item in enumerate(answer.data):
            index = position if item.index is None else item.index
            if 0 <= index < count:
                vectors[index] = item.embedding
        if any(vector is None for vector in vectors):
            raise ProviderUnknown("the provider left out an embedding")
        usage = answer.usage
        return vectors, (usage.prompt_tokens or usage.total_tokens or 0) if usage else 0

    def read_error(self, status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
        try:
            members = _MEMBERS.decode(body)
        except (msgspec.DecodeError, RecursionError):
            members = {}
        raw = members.get("error") or members.get("detail") or members.get("message")
        return error_of(status, headers, raw if raw is not None else msgspec.Raw(b"{}"))


class _EmbeddingItem(msgspec.Struct):
    embedding: list[float] | str
    index: int | None = None


class _EmbeddingUsage(msgspec.Struct):
    prompt_tokens: int | None = None
    total_tokens: int | None = None


class _Embeddings(msgspec.Struct):
    data: list[_EmbeddingItem]
    usage: _EmbeddingUsage | None = None


_EMBEDDINGS = msgspec.json.Decoder(_Embeddings)


def _with_content(choices: msgspec.Raw) -> msgspec.Raw:
    """Every message with a text: the vendor's client cannot map a message whose content is null or absent."""
    decoded = _CHOICES.decode(choices)
    for choice in decoded:
        message = choice.get("message")
        if message is not None:
            members = _MEMBERS.decode(message)
            if members.get("content", NULL) == NULL:
                members["content"] = msgspec.Raw(b'""')
            choice["message"] = msgspec.Raw(_encode(members))
    return msgspec.Raw(_encode(decoded))


def _drop_foreign(members: Members) -> None:
    for name in members.keys() & _FOREIGN:
        del members[name]


def ascii_json(data: bytes) -> bytes:
    """The same JSON with every other character escaped: the vendor's reader splits lines at U+2028 and its like.

    Outside strings JSON is ASCII, so each such character stands in a string and may be written as `\\uXXXX`.
    """
    if data.isascii():
        return data
    return _NOT_ASCII.sub(_escape, data.decode("utf-8", "replace")).encode("ascii")


def _escape(match: re.Match[str]) -> str:
    point = ord(match[0])
    if point < 0x10000:
        return f"\\u{point:04x}"
    point -= 0x10000
    return f"\\u{0xD800 + (point >> 10):04x}\\u{0xDC00 + (point & 0x3FF):04x}"
