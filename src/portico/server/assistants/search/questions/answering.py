"""Answers of RAG assistants on their way out: the model's own with the passages they come from, whole or streamed.

Source: Chat API reference, "RAG": the OpenAI envelope, and beside it the members of the search API.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from portico.server.assistants.api.rounds import add_usage
from portico.server.gateway.answers import ADJUSTED, READY, Answer, Headers, ReadyStream, Stream
from portico.server.kit.ascii_json import ascii_encode
from portico.server.kit.drive import Signal

Json = dict[str, Any]
EVENT = "saia.rag.documents"
NOT_MET = "Score threshold not met"
WORDS_ALONE = "The passages were found by their words alone"
WITHOUT_VECTORS = b"search vectors dropped"
"""What X-Portico-Adjusted says then."""
_NULL_USAGE = b',"usage":null}'
"""The end of the chunks of those who asked for usage (HC-09); we always do, for the event behind them."""
_encode = msgspec.json.Encoder().encode


class _Said(msgspec.Struct):
    """Models that think may give their answer in parts."""

    content: Any = None

    @property
    def text(self) -> str:
        if not isinstance(self.content, list):
            return self.content if isinstance(self.content, str) else ""
        texts = (part.get("text") for part in self.content if isinstance(part, dict))
        return "".join(one for one in texts if isinstance(one, str))


class _Choice(msgspec.Struct):
    message: _Said | None = None
    delta: _Said | None = None


class Completion(msgspec.Struct):
    """What is looked at of a completion, or of a chunk of one."""

    choices: list[_Choice] = []
    usage: Json | None = None

    @property
    def text(self) -> str:
        said = (self.choices[0].message or self.choices[0].delta) if self.choices else None
        return "" if said is None else said.text


read_completion = msgspec.json.Decoder(Completion).decode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Told(msgspec.Struct):
    """What is told beside the answer. `documents` None: they are not to be shown. `usage` is that of the helpers.
    `lost` says why the question was searched by its words alone, if it was."""

    thread_id: str
    request_id: str
    model: str
    documents: list[Json] | None = None
    usage: Json = {}
    failure: str = ""
    lost: str = ""

    @property
    def result(self) -> Json:
        lost = f"{WORDS_ALONE}: {self.lost}" if self.lost else ""
        return {"success": not self.failure, "messages": [one for one in (self.failure, lost) if one]}

    def headers(self, answered: Headers | None) -> Headers:
        """Those of the model's answer, with what was left out of the search. Dialects without `result` have this."""
        if not self.lost:
            return answered or []
        adjusted = [value for name, value in answered or [] if name == ADJUSTED]
        rest = [(name, value) for name, value in answered or [] if name != ADJUSTED]
        return [*rest, (ADJUSTED, b"; ".join([WITHOUT_VECTORS, *adjusted]))]

    def members(self, text: str, usage: Json) -> Json:
        """The members of the search API; `usage` is that of the answer alone."""
        shown = {} if self.documents is None else {"documents": self.documents}
        return {**shown, "text": text, "result": self.result, "usage": add_usage(self.usage, usage)}


def tell_whole(answer: Answer, told: Told) -> tuple[Answer, str]:
    """The model's answer with all members; and its text."""
    read = read_completion(answer.body)
    members: dict[str, Any] = dict(_members(answer.body))
    members |= {"threadId": told.thread_id, "requestId": told.request_id, **told.members(read.text, read.usage or {})}
    return msgspec.structs.replace(answer, body=_encode(members), headers=told.headers(answer.headers)), read.text


def tell_unanswered(told: Told, *, stream: bool, include_usage: bool) -> Answer | Stream:
    """No model was asked: the same shapes, without a text."""
    head: Json = {"id": f"chatcmpl-{told.request_id}", "created": int(time.time()), "model": told.model}
    usage = _NO_USAGE
    if not stream:
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ""}}
        named = {"threadId": told.thread_id, "requestId": told.request_id}
        body = {**head, "object": "chat.completion", "choices": [choice], **named, **told.members("", usage)}
        return Answer(_encode(body), told.headers(None))
    head["object"] = "chat.completion.chunk"
    deltas: tuple[tuple[Json, str | None], ...] = (({"role": "assistant", "content": ""}, None), ({}, "stop"))
    chunks: list[Json] = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]} for delta, finish in deltas
    ]
    if include_usage:
        chunks.append({**head, "choices": [], "usage": add_usage(told.usage, usage)})
    return ReadyStream([*map(ascii_encode, chunks), _event(told, usage)], told.headers(None))


Remember = Callable[[str, Callable[[], None]], None]
"""Given the text of an answer; calls back when it is written, or cannot be."""


class RagStream(Stream):
    """The model's stream, and behind it the event with the passages.

    The conversation is written before the event: who has read the whole answer may ask on. An answer that was cut off
    is not remembered.
    """

    def __init__(self, inner: Stream, told: Told, *, include_usage: bool, remember: Remember | None) -> None:
        self._inner = inner
        self._told = told
        self._include_usage = include_usage
        self._remember = remember
        self._texts: list[str] = []
        self._usage: Json = {}
        self._written: Signal | None = None
        self._over = False
        self.headers, self.cache = told.headers(inner.headers), inner.cache

    def take(self) -> Sequence[bytes] | None:
        if self._over:
            return None
        if self._written is None:
            chunks = self._inner.take()
            if chunks is not None:
                return [passed for passed in map(self._pass, chunks) if passed]
            self._written = Signal()
            if self._remember is None:
                self._written.set()
            else:
                self._remember("".join(self._texts), self._written.set)
        if not self._written.is_set:
            return ()
        self._over = True
        return (_event(self._told, self._usage),)

    def more(self) -> Signal:
        if self._over:
            return READY
        return self._inner.more() if self._written is None else self._written

    def close(self, error: BaseException | None = None) -> None:
        self._inner.close(error)

    def _pass(self, chunk: bytes) -> bytes:
        """The chunk; the one with the usage gets that of the helpers added, or is kept back."""
        read = read_completion(chunk)
        if read.usage is None or read.choices:
            if self._remember is not None:
                self._texts.append(read.text)
            return chunk if self._include_usage else _without_null_usage(chunk)
        self._usage = read.usage
        if not self._include_usage:
            return b""
        members: dict[str, Any] = dict(_members(chunk))
        return ascii_encode({**members, "usage": add_usage(self._told.usage, read.usage)})


def _without_null_usage(chunk: bytes) -> bytes:
    return chunk[: -len(_NULL_USAGE)] + b"}" if chunk.endswith(_NULL_USAGE) else chunk


def _event(told: Told, usage: Json) -> bytes:
    """With an empty `choices`, which clients look for in every event."""
    return ascii_encode({"event": EVENT, "data": told.members("", usage), "choices": []})


_NO_USAGE: Json = {
    "prompt_tokens": 0,
    "completion_tokens": 0,
    "total_tokens": 0,
    "prompt_cost": 0.0,
    "completion_cost": 0.0,
    "total_cost": 0.0,
    "currency": "USD",
    "prompt_tokens_details": {"cached_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0},
}
