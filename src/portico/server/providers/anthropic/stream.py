"""Events of the Messages API's stream to chunks of the documented shape; the state of one stream between them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from portico.server.errors import ProviderUnknown
from portico.server.providers import answer_tool
from portico.server.providers.anthropic.answer import (
    EMPTY,
    Block,
    Citation,
    Message,
    StopDetails,
    Usage,
    cite,
    end_members,
    finish_of,
    thinking_member,
)
from portico.server.providers.anthropic.errors import error_in_body
from portico.server.providers.base import Members, Tokens, Turn
from portico.server.providers.chunks import ChunkWriter
from portico.server.providers.counts import guess

_NOTHING: tuple[bytes, ...] = ()


class _Delta(msgspec.Struct):
    type: str = ""
    text: str = ""
    partial_json: str = ""
    thinking: str = ""
    signature: str = ""
    citation: Citation | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None


class _Event(msgspec.Struct):
    type: str = ""
    index: int = 0
    delta: _Delta | None = None
    content_block: Block | None = None
    message: Message | None = None
    usage: Usage | None = None
    error: msgspec.Raw = EMPTY


_EVENT = msgspec.json.Decoder(_Event)


class _Open:
    """A block that has begun. `call` is the index of its tool call, -1 for what is no call of the caller's tools."""

    __slots__ = ("block", "call", "citations", "pieces", "signature", "start")

    def __init__(self, block: Block, call: int, start: int) -> None:
        self.block = block
        self.call = call
        self.start = start
        self.pieces: list[str] = []
        self.signature = block.signature or ""
        self.citations: list[Citation] = list(block.citations or ())


class Reader:
    """One stream, or one whole answer. `unwrap`: calls of the answer tool are the content; texts beside them wait."""

    __slots__ = ("_blocks", "_held", "_length", "_tokens", "_unwrapped", "_usage", "_writer", "unwrap")

    def __init__(self, unwrap: bool = False) -> None:
        self.unwrap = unwrap
        self._writer = ChunkWriter("", "")
        self._blocks: dict[int, _Open] = {}
        self._usage = Usage()
        self._tokens = Tokens(estimated=True)
        self._length = 0
        self._held: list[str] = []
        self._unwrapped = False

    def read(self, data: bytes, turn: Turn) -> Sequence[bytes]:
        """One event. Raises ProviderError for an error among them."""
        try:
            event = _EVENT.decode(data)
        except (msgspec.DecodeError, RecursionError):
            raise ProviderUnknown("the provider's stream holds something that is no event of a message") from None
        delta = event.delta
        match event.type:
            case "content_block_delta" if delta is not None:
                return self._delta(event.index, delta, turn)
            case "content_block_start" if event.content_block is not None:
                return self._start(event.index, event.content_block)
            case "content_block_stop":
                return self._stop(event.index)
            case "message_start" if event.message is not None:
                return self._begin(event.message, turn)
            case "message_delta" if delta is not None:
                return self._end(delta, event.usage, turn)
            case "error":
                raise error_in_body(event.error)
        return _NOTHING  # pings, message_stop, and kinds of events that are still to come

    def _begin(self, message: Message, turn: Turn) -> Sequence[bytes]:
        self._writer = ChunkWriter(message.id, message.model)
        if message.usage is not None:
            self._usage.update(message.usage)
            turn.tokens = self._tokens = message.usage.tokens()
            self._tokens.output_visible = self._tokens.reasoning = 0
            self._tokens.estimated = True  # if the stream breaks off, the frames tell what came out
        return _NOTHING

    def _start(self, index: int, block: Block) -> Sequence[bytes]:
        call = -1
        made: list[bytes] = []
        if block.type == "tool_use" and not (self.unwrap and block.name == answer_tool.NAME):
            made.append(self._writer.begin_call(block.id, block.name))
            call = self._writer.calls - 1
        elif block.type == "tool_use":
            self._unwrapped = True
        self._blocks[index] = _Open(block, call, self._length)
        if block.type == "text" and block.text:
            made += self._text(block.text)
        return made

    def _delta(self, index: int, delta: _Delta, turn: Turn) -> Sequence[bytes]:
        match delta.type:
            case "text_delta" if text := delta.text:  # nearly every event: without a call for each step
                tokens = guess(text)
                turn.seen_tokens += tokens
                self._tokens.output_visible += tokens
                if self.unwrap:
                    return self._text(text)
                self._length += len(text)
                return (self._writer.text(text),)
            case "input_json_delta" if delta.partial_json:
                self._tokens.output_visible += self._see(delta.partial_json, turn)
                return self._arguments(index, delta.partial_json)
            case "thinking_delta" if delta.thinking:
                self._tokens.reasoning += self._see(delta.thinking, turn)
                self._find(index).pieces.append(delta.thinking)
                return (self._writer.reasoning(delta.thinking),)
            case "signature_delta":
                self._find(index).signature += delta.signature
            case "citations_delta" if delta.citation is not None:
                self._find(index).citations.append(delta.citation)
        return _NOTHING

    @staticmethod
    def _see(text: str, turn: Turn) -> int:
        tokens = guess(text)
        turn.seen_tokens += tokens
        return tokens

    def _text(self, text: str) -> Sequence[bytes]:
        if self.unwrap:
            self._held.append(text)
            return _NOTHING
        self._length += len(text)
        return (self._writer.text(text),)

    def _arguments(self, index: int, text: str) -> Sequence[bytes]:
        opened = self._find(index)
        opened.pieces.append(text)
        if opened.call >= 0:
            return (self._writer.arguments(text, opened.call),)
        if self.unwrap and opened.block.name == answer_tool.NAME:
            return (self._writer.text(text),)
        return _NOTHING  # of a tool that the provider runs itself

    def _find(self, index: int) -> _Open:
        opened = self._blocks.get(index)
        if opened is None:
            raise ProviderUnknown("the provider's stream goes on with a block that has not begun")
        return opened

    def _stop(self, index: int) -> Sequence[bytes]:
        opened = self._blocks.pop(index, None)
        if opened is None:
            return _NOTHING
        block = opened.block
        if block.type == "tool_use" and not opened.pieces:  # what came with the start, else an empty object (HC-02)
            self._blocks[index] = opened
            made = self._arguments(index, bytes(block.input).decode() or "{}")
            del self._blocks[index]
            return made
        if block.type in ("thinking", "redacted_thinking"):
            block.thinking = "".join(opened.pieces) or block.thinking
            block.signature = opened.signature
            return (self._writer.members({"thinking_blocks": [thinking_member(block)]}),)
        if opened.citations:
            found = cite(opened.citations, opened.start, self._length)
            return (self._writer.members({"annotations": found}),) if found else _NOTHING
        return _NOTHING

    def _end(self, delta: _Delta, usage: Usage | None, turn: Turn) -> Sequence[bytes]:
        if usage is not None:
            self._usage.update(usage)
            turn.tokens = tokens = self._usage.tokens()
            turn.usage_members = self._usage.members(tokens)
        if delta.stop_reason is None or turn.finish_reason:
            return _NOTHING
        turn.finish_reason = finish_of(delta.stop_reason, self._writer.calls > 0, self._unwrapped)
        made: list[bytes] = []
        if self._held and not self._unwrapped:
            made.append(self._writer.text("".join(self._held)))
        more: Members = end_members(delta.stop_reason, delta.stop_details, delta.stop_sequence)
        if more:
            made.append(self._writer.members(more))
        made.append(self._writer.finish(turn.finish_reason))
        return made
