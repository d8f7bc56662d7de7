"""Mistral's answers where they differ from OpenAI's: content in chunks, whole calls, errors without a wrapping."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Any

import msgspec

from portico.server.errors import ProviderError, ProviderRefused, ProviderUnknown
from portico.server.providers.base import Members, Tokens, Turn
from portico.server.providers.chunks import ChunkWriter, call_member, whole_answer
from portico.server.providers.counts import guess, take_tokens
from portico.server.providers.openai_errors import error_of

_FINISH = {"model_length": "length"}
_UNKNOWN_MODEL = ("invalid_model", "model_not_found")

_KEY = re.compile(r"\b[A-Za-z0-9]{32}\b")

OWN_SHAPE = re.compile(
    rb'"(?:content|tool_calls)"\s*:\s*\[|"finish_reason"\s*:\s*"(?:model_length|error)"|"object"\s*:\s*"error"'
    rb'|"usage"\s*:\s*\{'
)
"""Chunks that cannot be relayed. Within a text of the answer each quote has a backslash before it: none matches."""


class _Inner(msgspec.Struct):
    text: str = ""


class _Piece(msgspec.Struct):
    """A chunk of content: text, thinking, reference, image and what may come."""

    type: str = "text"
    text: str = ""
    thinking: list[_Inner] | str | None = None
    signature: str | None = None


class _Function(msgspec.Struct):
    name: str = ""
    arguments: msgspec.Raw = msgspec.Raw(b'""')


class _Call(msgspec.Struct):
    function: _Function
    id: str | None = None
    index: int | None = None


class _Message(msgspec.Struct):
    content: str | list[_Piece] | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct):
    finish_reason: str | None = None
    delta: _Message | None = None
    message: _Message | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    num_cached_tokens: int | None = None
    prompt_tokens_details: _Details | None = None


class _Answer(msgspec.Struct):
    """A whole answer or a chunk."""

    id: str = ""
    model: str = ""
    created: int = 0
    object: str = ""
    choices: list[_Choice] = []
    usage: _Usage | None = None


_ANSWER = msgspec.json.Decoder(_Answer)
_TEXT = msgspec.json.Decoder(str)


class Reader:
    """One answer: whether a chunk needs writing anew, and the thoughts that are still to be told whole."""

    __slots__ = ("_calls", "_signature", "_thoughts", "_writer", "relayed")

    def __init__(self) -> None:
        self.relayed = False
        """Whether a chunk has gone out as it came; the first one names the role."""
        self._writer: ChunkWriter | None = None
        self._calls: dict[int, int] = {}
        self._thoughts: list[str] = []
        self._signature = ""

    def read_chunk(self, data: bytes, turn: Turn) -> Sequence[bytes]:
        """A chunk in Mistral's own shape to chunks of ours. Raises ProviderError for an error event."""
        answer = _decode(data)
        if answer.object == "error":
            raise read_error(502, {}, data)
        writer = self._writer
        if writer is None:
            writer = self._writer = ChunkWriter(answer.id, answer.model, answer.created)
            if self.relayed:
                writer.text("")  # not sent: the writer takes the role as told
        take_usage(answer.usage, turn)
        chunks: list[bytes] = []
        for choice in answer.choices[:1]:
            delta = choice.delta or _Message()
            for piece in _pieces(delta.content):
                chunks += self._read_piece(piece, writer, turn)
            for call in delta.tool_calls or ():
                chunks += self._read_call(call, writer, turn)
            if choice.finish_reason:
                chunks += self.end_thoughts(writer)
                turn.finish_reason = finish_of(choice.finish_reason)
                chunks.append(writer.finish(turn.finish_reason))
        return chunks

    def _read_piece(self, piece: _Piece, writer: ChunkWriter, turn: Turn) -> list[bytes]:
        thought = _thought_of(piece)
        if thought or piece.signature:
            self._thoughts.append(thought)
            self._signature = piece.signature or self._signature
            turn.seen_tokens += guess(thought)
            return [writer.reasoning(thought)] if thought else []
        if not piece.text or piece.type == "thinking":
            return []
        turn.seen_tokens += guess(piece.text)
        return [*self.end_thoughts(writer), writer.text(piece.text)]

    def _read_call(self, call: _Call, writer: ChunkWriter, turn: Turn) -> list[bytes]:
        """Calls come whole; should one come in pieces, the later ones have no name."""
        arguments = _arguments(call.function.arguments)
        turn.seen_tokens += guess(arguments)
        position = -1 if call.index is None else call.index
        if not call.function.name and position in self._calls:
            return [writer.arguments(arguments, self._calls[position])]
        chunks = self.end_thoughts(writer)
        chunks.append(writer.begin_call(call.id or new_call_id(), call.function.name))
        self._calls[position] = writer.calls - 1
        chunks.append(writer.arguments(arguments or "{}"))
        return chunks

    def end_thoughts(self, writer: ChunkWriter | None = None) -> list[bytes]:
        """The thoughts so far as a block that can be sent back; once."""
        writer = writer or self._writer
        if not self._thoughts or writer is None:
            return []
        block = thinking_block("".join(self._thoughts), self._signature)
        self._thoughts.clear()
        self._signature = ""
        return [writer.members({"thinking_blocks": [block]})]


def read_whole(body: bytes, turn: Turn) -> Members:
    """A whole answer. Raises ProviderUnknown for one that is none."""
    answer = _decode(body)
    if answer.object == "error":
        raise read_error(502, {}, body)
    if not answer.choices or answer.choices[0].message is None:
        raise ProviderUnknown("the provider's answer is not a chat completion")
    choice = answer.choices[0]
    message = choice.message or _Message()
    pieces = _pieces(message.content)
    thoughts = [(thought, piece.signature or "") for piece in pieces if (thought := _thought_of(piece))]
    calls = [
        call_member(call.id or new_call_id(), call.function.name, _arguments(call.function.arguments))
        for call in message.tool_calls or ()
    ]
    turn.finish_reason = finish_of(choice.finish_reason or "stop")
    take_usage(answer.usage, turn)
    return whole_answer(
        answer.id,
        answer.model,
        content="".join(piece.text for piece in pieces if piece.type == "text"),
        finish_reason=turn.finish_reason,
        calls=calls,
        reasoning="".join(text for text, _ in thoughts),
        more={"thinking_blocks": [thinking_block(text, signature) for text, signature in thoughts]} if thoughts else {},
    )


def read_error(status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
    """`{"object":"error","message","type","param","code"}`, a gateway's `{"message"}`, or FastAPI's `detail`."""
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        given = {}
    error: Any = given.get("error", given) if isinstance(given, dict) else {}
    message = error.get("message") if isinstance(error, dict) else error
    if isinstance(message, dict):  # the validator's findings, one level deeper
        message = message.get("detail")
    detail = message if isinstance(message, list) else given.get("detail") if isinstance(given, dict) else None
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        where = ".".join(str(step) for step in detail[0].get("loc") or () if step != "body")
        error = {"message": f"{where}: {detail[0].get('msg')}", "type": detail[0].get("type"), "param": where}
    elif isinstance(detail, str):
        error = {"message": detail}
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        error = {**error, "message": _KEY.sub("***", error["message"])}
        status = error.get("raw_status_code", status) if status == 502 else status  # of an error inside a stream
    found = error_of(status, headers, msgspec.Raw(msgspec.json.encode(error)))
    if isinstance(found, ProviderRefused) and isinstance(error, dict) and error.get("type") in _UNKNOWN_MODEL:
        found.status, found.code = 404, "model_not_found"
    return found


def finish_of(reason: str) -> str:
    """Raises ProviderUnknown for the reason `error`: the answer is none."""
    if reason == "error":
        raise ProviderUnknown("the provider gave the answer up")
    return _FINISH.get(reason, reason)


def take_usage(usage: _Usage | None, turn: Turn) -> None:
    """The prompt's count has the cached tokens in it; thoughts are part of the completion's."""
    if usage is None:
        return
    details = usage.prompt_tokens_details
    cached = min(usage.num_cached_tokens or (details and details.cached_tokens) or 0, usage.prompt_tokens)
    uncached = usage.prompt_tokens - cached
    take_tokens(Tokens(input_uncached=uncached, cache_read=cached, output_visible=usage.completion_tokens), turn)


def thinking_block(text: str, signature: str) -> dict[str, str]:
    return {"type": "thinking", "thinking": text, "signature": signature}


def new_call_id() -> str:
    """Nine letters and digits, as Mistral's own."""
    return secrets.token_hex(5)[:9]


def _decode(body: bytes) -> _Answer:
    try:
        return _ANSWER.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise ProviderUnknown("the provider's answer is not one of its API") from None


def _pieces(content: str | list[_Piece] | None) -> list[_Piece]:
    if isinstance(content, str):
        return [_Piece(text=content)] if content else []
    return content or []


def _thought_of(piece: _Piece) -> str:
    if isinstance(piece.thinking, list):
        return "".join(inner.text for inner in piece.thinking)
    return piece.thinking or ""


def _arguments(raw: msgspec.Raw) -> str:
    """As the model wrote them: the text of a string, or an object as it stands (HC-02)."""
    text = bytes(raw)
    return _TEXT.decode(text) if text.startswith(b'"') else text.decode()
