"""Ollama's answers, whole or line by line, in the documented shape; and its errors."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

import msgspec

from portico.server.errors import ProviderError, ProviderOvercapacity, ProviderRefused, ProviderUnknown
from portico.server.providers.base import Members, Tokens, Turn
from portico.server.providers.chunks import ChunkWriter, call_member, whole_answer
from portico.server.providers.counts import guess, take_tokens
from portico.server.providers.openai_errors import error_of

_NOT_THERE = re.compile(r"model ['\"]?([^'\"\s]+)['\"]? not found")
_KEY = re.compile(r"\b[0-9a-f]{32}\.[\w-]{16,}")
_BUSY = re.compile(r"server busy|maximum pending requests", re.I)


class _Function(msgspec.Struct):
    name: str
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class _Call(msgspec.Struct):
    function: _Function
    id: str | None = None


class _Message(msgspec.Struct):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[_Call] | None = None


class _Answer(msgspec.Struct):
    """A whole answer, or one line of a stream."""

    message: _Message | None = None
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    error: str | None = None


_ANSWER = msgspec.json.Decoder(_Answer)


class Reader:
    """One answer as it comes. The provider's name of the model is no news: ours goes out."""

    __slots__ = ("_model", "_thoughts", "_writer")

    def __init__(self, model: str) -> None:
        self._model = model
        self._writer = ChunkWriter(_new_id(), model)
        self._thoughts: list[str] = []

    def read_line(self, data: bytes, turn: Turn) -> Sequence[bytes]:
        """Raises ProviderError for a line that tells an error, or is none of the API."""
        answer = _decode(data)
        writer = self._writer
        chunks: list[bytes] = []
        message = answer.message
        if message is not None:
            if message.thinking:
                turn.seen_tokens += guess(message.thinking)
                self._thoughts.append(message.thinking)
                chunks.append(writer.reasoning(message.thinking))
            if message.content:
                turn.seen_tokens += guess(message.content)
                if self._thoughts:
                    chunks += self._end_thoughts()
                chunks.append(writer.text(message.content))
            for call in message.tool_calls or ():
                turn.seen_tokens += guess(bytes(call.function.arguments))
                chunks += self._end_thoughts()
                chunks.append(writer.begin_call(call.id or _new_call_id(), call.function.name))
                chunks.append(writer.arguments(bytes(call.function.arguments).decode()))
        if answer.done:
            chunks += self._end_thoughts()
            turn.finish_reason = _finish(answer, writer.calls > 0)
            _take_usage(answer, turn)
            chunks.append(writer.finish(turn.finish_reason))
        return chunks

    def _end_thoughts(self) -> list[bytes]:
        """The thoughts so far as a block that can be sent back; once."""
        if not self._thoughts:
            return []
        block = _thinking_block("".join(self._thoughts))
        self._thoughts.clear()
        return [self._writer.members({"thinking_blocks": [block]})]

    def read_whole(self, body: bytes, turn: Turn) -> Members:
        answer = _decode(body)
        message = answer.message
        if message is None:
            raise ProviderUnknown("the provider's answer is not one of its API")
        calls = [
            call_member(call.id or _new_call_id(), call.function.name, bytes(call.function.arguments).decode())
            for call in message.tool_calls or ()
        ]
        turn.finish_reason = _finish(answer, bool(calls))
        _take_usage(answer, turn)
        thoughts = message.thinking or ""
        return whole_answer(
            _new_id(),
            self._model,
            content=message.content or "",
            finish_reason=turn.finish_reason,
            calls=calls,
            reasoning=thoughts,
            more={"thinking_blocks": [_thinking_block(thoughts)]} if thoughts else {},
        )


def _decode(data: bytes) -> _Answer:
    try:
        answer = _ANSWER.decode(data)
    except (msgspec.DecodeError, RecursionError):
        raise ProviderUnknown("the provider's answer is not one of its API") from None
    if answer.error is not None:
        raise error_in(502, {}, answer.error)
    return answer


def _finish(answer: _Answer, has_calls: bool) -> str:
    if answer.done_reason == "length":
        return "length"
    return "tool_calls" if has_calls else "stop"


def _take_usage(answer: _Answer, turn: Turn) -> None:
    """No counts: estimated. A prompt that is still in memory from the last request is not counted by Ollama."""
    if answer.prompt_eval_count is None and answer.eval_count is None:
        return
    tokens = Tokens(input_uncached=answer.prompt_eval_count or 0, output_visible=answer.eval_count or 0)
    take_tokens(tokens, turn)


def read_error(status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
    try:
        message = _ANSWER.decode(body).error or ""
    except (msgspec.DecodeError, RecursionError):
        message = ""
    return error_in(status, headers, message)


def error_in(status: int, headers: dict[bytes, bytes], message: str) -> ProviderError:
    """By the status; within a stream by what the sentence says. A model that is not there says how to get it."""
    message = _KEY.sub("***", message)
    missing = _NOT_THERE.search(message)
    if missing is not None:
        text = f"Ollama does not have the model '{missing[1]}' yet: run `ollama pull {missing[1]}` on its machine."
        refused = ProviderRefused(text, param="model", code="model_not_found")
        refused.status = 404
        return refused
    if _BUSY.search(message):
        return ProviderOvercapacity(message)
    return error_of(status, headers, msgspec.Raw(msgspec.json.encode(message)))


def _thinking_block(text: str) -> dict[str, str]:
    return {"type": "thinking", "thinking": text, "signature": ""}


def _new_id() -> str:
    return f"chatcmpl-{secrets.token_hex(12)}"


def _new_call_id() -> str:
    """Older servers give their calls no ids."""
    return f"call_{secrets.token_hex(8)}"
