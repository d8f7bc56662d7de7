"""Writes answers in the documented shape, for adapters of another dialect: chunks of a stream, and whole answers.

One `ChunkWriter` per stream: it knows id, time and model, and which members a first delta must have.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from portico.server.kit.ascii_json import ascii_encode, ascii_json
from portico.server.providers.base import Members

_encode = msgspec.json.Encoder().encode


class ChunkWriter:
    """Chunks of one stream. Tool calls are counted here, so that each keeps its own index (HC-01)."""

    __slots__ = ("_before_text", "_head", "_role_sent", "calls")

    def __init__(self, answer_id: str, model: str, created: int = 0) -> None:
        head = {"id": answer_id, "object": "chat.completion.chunk", "created": created or int(time.time())}
        self._head = _encode({**head, "model": model})[:-1]
        self._before_text = self._head + b',"choices":[{"index":0,"delta":{"content":'
        self._role_sent = False
        self.calls = 0

    def text(self, text: str) -> bytes:
        """Nearly every chunk of most streams, hence without a call for each of its parts."""
        piece = _encode(text)
        if not piece.isascii():
            piece = ascii_json(piece)
        if not self._role_sent:
            return self._delta(b'"content":%b' % piece)
        return b'%b%b},"finish_reason":null}]}' % (self._before_text, piece)

    def reasoning(self, text: str) -> bytes:
        return self._delta(b'"reasoning_content":%b' % ascii_encode(text))

    def members(self, members: Members) -> bytes:
        """Any other members of a delta: `thinking_blocks`, `annotations`."""
        return self._delta(ascii_encode(members)[1:-1])

    def begin_call(self, call_id: str, name: str, extra: Members | None = None) -> bytes:
        """The first delta of the next tool call; its index is `calls - 1` from now on."""
        call: Members = {
            "index": self.calls,
            "id": call_id,
            "type": "function",
            "function": {"name": name, "arguments": ""},
        }
        if extra:
            call["extra_content"] = extra
        self.calls += 1
        return self._delta(b'"tool_calls":[%b]' % ascii_encode(call))

    def arguments(self, text: str, index: int | None = None) -> bytes:
        """A piece of the arguments, as the model wrote it, of the call last begun or of another."""
        position = self.calls - 1 if index is None else index
        piece = ascii_encode(text)
        return self._delta(b'"tool_calls":[{"index":%d,"function":{"arguments":%b}}]' % (position, piece))

    def finish(self, reason: str) -> bytes:
        """The last chunk with choices; once, and after everything else (HC-10)."""
        role = b"" if self._role_sent else b'"role":"assistant","content":""'
        self._role_sent = True
        return b'%b,"choices":[{"index":0,"delta":{%b},"finish_reason":"%b"}]}' % (self._head, role, reason.encode())

    def _delta(self, inner: bytes) -> bytes:
        if not self._role_sent:
            self._role_sent = True
            role = b'"role":"assistant",' if b'"content":' in inner[:12] else b'"role":"assistant","content":"",'
            inner = role + inner
        return b'%b,"choices":[{"index":0,"delta":{%b},"finish_reason":null}]}' % (self._head, inner)


def whole_answer(
    answer_id: str,
    model: str,
    *,
    content: str,
    finish_reason: str,
    calls: Sequence[Members] = (),
    reasoning: str = "",
    more: Members | None = None,
) -> Members:
    """A completion in the documented shape, without usage. `calls` are made by `call_member`; `more` goes into the
    message: `thinking_blocks`, `annotations`, `refusal`."""
    message: Members = {"role": "assistant", "content": content, "refusal": None}
    if calls:
        message["tool_calls"] = list(calls)
    if reasoning:
        message["reasoning_content"] = reasoning
    message.update(more or {})
    choices = [{"index": 0, "message": message, "finish_reason": finish_reason}]
    return {
        "id": answer_id,
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": msgspec.Raw(ascii_encode(choices)),
    }


def call_member(call_id: str, name: str, arguments: str, extra: Members | None = None) -> Members:
    """One entry of `tool_calls`; `arguments` stay as the model wrote them, `{}` when it wrote none (HC-02)."""
    call: Members = {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments or "{}"}}
    if extra:
        call["extra_content"] = extra
    return call
