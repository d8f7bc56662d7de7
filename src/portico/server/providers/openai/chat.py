"""The OpenAI protocol, as spoken by OpenAI and by every compatible server. Same dialect in and out: bytes are relayed.

Touched on the way in: `model`, `stream_options`. On the way out: what the contract or the vendor's client asks for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from portico.server.errors import ProviderError, ProviderUnknown
from portico.server.kit.ascii_json import ascii_encode, ascii_json
from portico.server.providers.base import Adapter, Members, Outgoing, Target, Turn
from portico.server.providers.counts import guess
from portico.server.providers.openai.counts import disjoint
from portico.server.providers.openai.members import fit_members
from portico.server.providers.openai_errors import error_of
from portico.wire.requests import NULL, ChatRequest

_encode = msgspec.json.Encoder().encode
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_CHOICES = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_FOREIGN = {"timings", "__verbose", "prompt_filter_results"}
_USAGE_WANTED = msgspec.Raw(b'{"include_usage":true}')
_TRUE = msgspec.Raw(b"true")
_NO_TEXT = (b"null", b"")
_EMPTY = msgspec.Raw(b'""')


_ABSENT = msgspec.Raw(b"")


class _Details(msgspec.Struct, gc=False):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _Choice(msgspec.Struct):
    finish_reason: str | None = None


class _Message(msgspec.Struct, gc=False):
    content: msgspec.Raw = _ABSENT


class _WholeChoice(msgspec.Struct, gc=False):
    finish_reason: str | None = None
    message: _Message | None = None


class _Whole(msgspec.Struct, gc=False):
    choices: list[_WholeChoice]
    usage: _Usage | None = None


class _Part(msgspec.Struct):
    text: str | None = None


class _Delta(msgspec.Struct, gc=False):
    content: str | list[_Part | str] | msgspec.UnsetType | None = msgspec.UNSET
    reasoning_content: str | None = None
    tool_calls: msgspec.Raw = _ABSENT


class _ChunkChoice(msgspec.Struct, gc=False):
    finish_reason: str | None = None
    delta: _Delta | None = None


class _Chunk(msgspec.Struct, gc=False):
    """What has to be known of a chunk. The decoder sees each member anyway: looking for their names in the bytes
    costs more, and finds them in texts."""

    choices: list[_ChunkChoice] | None = None
    usage: _Usage | msgspec.UnsetType | None = msgspec.UNSET
    error: msgspec.Raw = _ABSENT
    timings: msgspec.Raw = _ABSENT
    prompt_filter_results: msgspec.Raw = _ABSENT


_SHORT_CHUNK = 400
"""Bytes. One with a token or two is shorter: it is not looked at closely."""
_CALL_BYTES = 100
"""What a piece of a tool call has beside the arguments."""
_WHOLE = msgspec.json.Decoder(_Whole)
_CHUNK = msgspec.json.Decoder(_Chunk)
_PARTS = msgspec.json.Decoder(list[_Part | str])
_NULL_CONTENT = re.compile(rb'"content"\s*:\s*null')
_NO_DETAILS = _Details()
_NULL_USAGE = re.compile(rb',\s*"usage"\s*:\s*null')


class Chat(Adapter):
    """The chat verb, on the Chat Completions API."""

    def write_chat(self, request: ChatRequest, target: Target, turn: Turn) -> Outgoing:
        members: Members = {"model": target.upstream_model, **request.members}
        if request.stream and target.traits.streaming:  # else the whole answer becomes a stream here
            members["stream"] = _TRUE
            if target.quirks.stream_usage == "stream_options":
                members["stream_options"] = _USAGE_WANTED  # metering needs it; taken out again when not asked for
        fit_members(members, request, target, turn)
        return Outgoing("/chat/completions", _encode(members), request.stream)

    def read_chat(self, body: bytes, request: ChatRequest, turn: Turn) -> Members:
        if not body.isascii():
            body.decode()  # most of it is relayed unread
        members = self._members(body)
        error = members.get("error")
        if error is not None and error != NULL:  # some routers tell a failure with HTTP 200 (HC-13)
            raise error_of(502, {}, error)
        try:
            whole = _WHOLE.decode(body)
        except (msgspec.DecodeError, RecursionError):
            raise ProviderUnknown("the provider's answer is not a chat completion") from None
        textless = False
        for choice in whole.choices:
            turn.finish_reason = turn.finish_reason or choice.finish_reason or ""
            textless = textless or (choice.message is not None and not _is_text(choice.message.content))
        if textless:
            members["choices"] = _texts_in(members["choices"], "message")
        _drop_foreign(members)
        if whole.usage is not None:
            self._take_usage(whole.usage, members.get("usage"), turn)
        return members

    def read_frame(self, data: bytes, request: ChatRequest, turn: Turn) -> Sequence[bytes]:
        try:
            chunk = _CHUNK.decode(data)
        except (msgspec.DecodeError, RecursionError):
            raise ProviderUnknown("the provider's stream holds something that is not a chat chunk") from None
        if chunk.error is not _ABSENT and chunk.error != NULL:
            raise error_of(502, {}, chunk.error)
        silent = chunk.choices is not None and not chunk.usage
        for choice in chunk.choices or ():
            if choice.finish_reason:
                turn.finish_reason = choice.finish_reason
                silent = False
            delta = choice.delta
            if delta is None:
                continue
            silent = False
            content = delta.content
            if content or delta.reasoning_content or delta.tool_calls is not _ABSENT:
                turn.seen_tokens += 1 if len(data) < _SHORT_CHUNK else _guess(delta)
            if type(content) is list:
                data = _with_texts(data, "delta")
            elif content is None:  # in every chunk of thoughts, with some providers
                data = _NULL_CONTENT.sub(b'"content":""', data)
        if silent:  # Azure's filter tells its findings in chunks of their own, which clients take for broken ones
            return ()
        if chunk.usage is msgspec.UNSET and chunk.timings is _ABSENT and chunk.prompt_filter_results is _ABSENT:
            return (data,) if data.isascii() else (ascii_json(data),)
        return self._relay(data, chunk, turn)

    def _relay(self, data: bytes, chunk: _Chunk, turn: Turn) -> Sequence[bytes]:
        """The frame as it came, unless one of the few reasons to touch it applies."""
        if chunk.usage:
            return self._relay_usage(data, chunk, chunk.usage, turn)
        if chunk.usage is None and not turn.keep_usage:
            data = _NULL_USAGE.sub(b"", data)
        if chunk.timings is not _ABSENT or chunk.prompt_filter_results is not _ABSENT:
            data = self._without_foreign(data)
        return (data,) if data.isascii() else (ascii_json(data),)

    def _relay_usage(self, data: bytes, chunk: _Chunk, usage: _Usage, turn: Turn) -> Sequence[bytes]:
        """Usage is metered; it reaches the caller in a chunk of its own, made by the gateway when asked for."""
        members = self._members(data)
        self._take_usage(usage, members.pop("usage", None), turn)
        if not chunk.choices:
            return ()
        _drop_foreign(members)
        return (ascii_encode(members),)

    def _without_foreign(self, data: bytes) -> bytes:
        members = self._members(data)
        _drop_foreign(members)
        return _encode(members)

    def _members(self, body: bytes) -> Members:
        try:
            return _MEMBERS.decode(body)
        except (msgspec.DecodeError, RecursionError):
            raise ProviderUnknown("the provider's answer is not JSON") from None

    def _take_usage(self, usage: _Usage, raw: msgspec.Raw | None, turn: Turn) -> None:
        if usage.prompt_tokens is None:
            return
        inner, outer = usage.prompt_tokens_details or _NO_DETAILS, usage.completion_tokens_details or _NO_DETAILS
        completion, reasoning = usage.completion_tokens or 0, outer.reasoning_tokens or 0
        if reasoning and usage.total_tokens == usage.prompt_tokens + completion + reasoning:
            completion += reasoning  # xAI counts thoughts apart: docs.x.ai, "consumption and rate limits"
        turn.tokens = disjoint(
            usage.prompt_tokens,
            completion,
            cached=inner.cached_tokens or 0,
            written=inner.cache_write_tokens or 0,
            heard=inner.audio_tokens or 0,
            reasoning=reasoning,
            spoken=outer.audio_tokens or 0,
        )
        turn.usage_members = _MEMBERS.decode(raw) if raw is not None else {}

    def read_error(self, status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
        try:
            members = _MEMBERS.decode(body)
        except (msgspec.DecodeError, RecursionError):
            members = {}
        raw = members.get("error") or members.get("detail") or members.get("message")
        return error_of(status, headers, raw if raw is not None else msgspec.Raw(b"{}"))


def _guess(delta: _Delta) -> int:
    """Tokens of a delta that may hold many of them."""
    content = delta.content if isinstance(delta.content, str) else ""
    arguments = bytes(delta.tool_calls)[_CALL_BYTES:]
    return guess(content + (delta.reasoning_content or "")) + (guess(arguments) if arguments else 0)


def _is_text(content: msgspec.Raw) -> bool:
    text = bytes(content)
    return text[:1] != b"[" and text not in _NO_TEXT


def _with_texts(data: bytes, place: str) -> bytes:
    members = _MEMBERS.decode(data)
    members["choices"] = _texts_in(members["choices"], place)
    return _encode(members)


def _texts_in(choices: msgspec.Raw, place: str) -> msgspec.Raw:
    """Every message, or delta, with a text: the vendor's client cannot map a message whose content is null or absent,
    and no client joins lists of parts, which some compatible servers send."""
    decoded = _CHOICES.decode(choices)
    for choice in decoded:
        inner = choice.get(place, NULL)
        if inner != NULL:
            members = _MEMBERS.decode(inner)
            members["content"] = _joined(members.get("content", NULL))
            choice[place] = msgspec.Raw(_encode(members))
    return msgspec.Raw(_encode(decoded))


def _joined(content: msgspec.Raw) -> msgspec.Raw:
    if bytes(content) in _NO_TEXT:
        return _EMPTY
    if not bytes(content).startswith(b"["):
        return content
    try:
        parts = _PARTS.decode(content)
    except msgspec.DecodeError:
        raise ProviderUnknown("the provider's answer has a content of an unknown kind") from None
    return msgspec.Raw(_encode("".join(part if isinstance(part, str) else part.text or "" for part in parts)))


def _drop_foreign(members: Members) -> None:
    if not _FOREIGN.isdisjoint(members):
        for name in members.keys() & _FOREIGN:
            del members[name]
