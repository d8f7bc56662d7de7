"""Chat answers as steps: what a writer of another API has to tell, one thing after the other, whole or streamed.

In: the JSON of documented chat chunks, or of a completion. Out: steps in an order that APIs with one open block at a
time can follow: a tool call ends before the next one begins, however the fragments of several calls were mixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from portico.server.errors import ProviderUnknown


class Text(msgspec.Struct, frozen=True):
    text: str


class Refusal(msgspec.Struct, frozen=True):
    text: str


class Thought(msgspec.Struct, frozen=True):
    """A piece of reasoning."""

    text: str


class ThoughtBlock(msgspec.Struct, frozen=True):
    """A block of reasoning is complete: the block with its signature, as it has to come back (HC-05)."""

    block: dict[str, Any]


class Cited(msgspec.Struct, frozen=True):
    """Annotations of the text so far, in the chat API's form."""

    annotations: list[dict[str, Any]]


class CallBegin(msgspec.Struct, frozen=True):
    id: str
    name: str


class CallPiece(msgspec.Struct, frozen=True):
    """A piece of the arguments of the call that began last, as the model wrote it."""

    text: str


class CallEnd(msgspec.Struct, frozen=True):
    pass


class End(msgspec.Struct, frozen=True):
    """Why the answer ended, in the chat API's words; `native` where the provider's own word says more.

    `stop_sequence` is the one that ended it, where the provider tells.
    """

    reason: str
    native: str = ""
    stop_sequence: str | None = None


Step = Text | Refusal | Thought | ThoughtBlock | Cited | CallBegin | CallPiece | CallEnd | End


class Head(msgspec.Struct):
    """Who answers. `model` is the provider's name of it."""

    id: str = ""
    model: str = ""
    created: int = 0


class _Function(msgspec.Struct):
    """Members that some providers send in other types than documented are read as they are; see `_text`."""

    name: Any = None
    arguments: Any = None


class _Call(msgspec.Struct):
    index: int | None = None
    id: Any = None
    function: _Function | None = None


class _Said(msgspec.Struct):
    """A delta, or a whole message."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: Any = None
    refusal: str | None = None
    thinking_blocks: list[dict[str, Any]] | None = None
    tool_calls: list[_Call] | None = None
    annotations: Any = None
    native_finish_reason: Any = None
    stop_sequence: str | None = None


class _Choice(msgspec.Struct):
    delta: _Said | None = None
    message: _Said | None = None
    finish_reason: str | None = None


class _Answer(msgspec.Struct):
    id: Any = None
    model: Any = None
    created: Any = None
    choices: list[_Choice] | None = None
    usage: dict[str, Any] | None = None


_ANSWER = msgspec.json.Decoder(_Answer)
_VALID = msgspec.json.Decoder()


class ChunkReader:
    """The chunks of one stream in, steps out; `head` and `usage` are known once they have passed."""

    def __init__(self) -> None:
        self.head: Head | None = None
        self.usage: dict[str, Any] | None = None
        self._calls = _Calls()
        self._native = ""
        self._stop_sequence: str | None = None

    def read(self, chunk: bytes) -> list[Step]:
        """Chunks without a choice, such as events of the platform, give nothing. Raises ProviderUnknown."""
        answer = _decode(chunk)
        if answer.usage is not None:
            self.usage = answer.usage
        if self.head is None and answer.choices:
            self.head = _head(answer)
        steps: list[Step] = []
        for choice in (answer.choices or ())[:1]:
            if choice.delta is not None:
                steps += self._said(choice.delta)
            if choice.finish_reason:
                steps += self._calls.end()
                steps.append(End(choice.finish_reason, self._native, self._stop_sequence))
        return steps

    def _said(self, said: _Said) -> Iterator[Step]:
        self._native = _text(said.native_finish_reason) or self._native
        self._stop_sequence = said.stop_sequence or self._stop_sequence
        for step in _plain_steps(said):
            yield from self._calls.beside(step)
        for position, call in enumerate(said.tool_calls or ()):
            yield from self._calls.piece(position if call.index is None else call.index, call)


def read_whole(body: bytes) -> tuple[Head, list[Step], dict[str, Any]]:
    """A completion: who answered, the steps of its first choice, and its usage. Raises ProviderUnknown."""
    answer = _decode(body)
    if not answer.choices:
        raise ProviderUnknown("the answer has no choice")
    choice = answer.choices[0]
    said = choice.message or _Said()
    steps = [step for step in _plain_steps(said) if not isinstance(step, Thought) or not said.thinking_blocks]
    if said.thinking_blocks:
        steps = [*_thoughts(said.thinking_blocks), *(step for step in steps if not isinstance(step, ThoughtBlock))]
    for call in said.tool_calls or ():
        function = call.function or _Function()
        begun = CallBegin(_text(call.id), _text(function.name))
        steps += (begun, CallPiece(_text(function.arguments) or "{}"), CallEnd())
    steps.append(End(choice.finish_reason or "stop", _text(said.native_finish_reason), said.stop_sequence))
    return _head(answer), steps, answer.usage or {}


def _thoughts(blocks: Sequence[dict[str, Any]]) -> Iterator[Step]:
    for block in blocks:
        if block.get("thinking"):
            yield Thought(str(block["thinking"]))
        yield ThoughtBlock(block)


def _plain_steps(said: _Said) -> list[Step]:
    steps: list[Step] = []
    thought = said.reasoning_content or said.reasoning
    if thought and isinstance(thought, str):
        steps.append(Thought(thought))
    steps += [ThoughtBlock(block) for block in said.thinking_blocks or ()]
    if said.content:
        steps.append(Text(said.content))
    if said.refusal:
        steps.append(Refusal(said.refusal))
    if isinstance(said.annotations, list) and said.annotations:
        steps.append(Cited([one for one in said.annotations if isinstance(one, dict)]))
    return steps


def _decode(data: bytes) -> _Answer:
    try:
        return _ANSWER.decode(data)
    except (msgspec.DecodeError, RecursionError):
        raise ProviderUnknown("the answer cannot be told in another API's words: it is no chat completion") from None


def _head(answer: _Answer) -> Head:
    created = answer.created
    return Head(_text(answer.id), _text(answer.model), int(created) if isinstance(created, int | float) else 0)


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return msgspec.json.encode(value).decode()


class _Pending:
    """A call of which something is known. What came while another one was being told waits in `waiting`."""

    __slots__ = ("id", "name", "told", "waiting")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.told: list[str] = []
        self.waiting: list[str] = []


class _Calls:
    """Brings the fragments of tool calls into sequence. A call is complete when its arguments are."""

    def __init__(self) -> None:
        self._open: int | None = None
        self._known: dict[int, _Pending] = {}
        self._ended: set[int] = set()
        self._late: list[Step] = []

    def piece(self, index: int, call: _Call) -> Iterator[Step]:
        """One fragment."""
        if index in self._ended:
            return
        pending = self._known.setdefault(index, _Pending())
        pending.id = _text(call.id) or pending.id
        if call.function is not None:
            pending.name = _text(call.function.name) or pending.name
            if call.function.arguments:
                pending.waiting.append(_text(call.function.arguments))
        if self._open is not None and self._open != index and self._is_complete():
            yield from self._close()
        if self._open == index:
            yield from _tell(pending)
        while self._open is None:
            first = min(self._known.keys() - self._ended)
            yield from self._begin(first)
            if first != index and self._is_complete():
                yield from self._close()

    def beside(self, step: Step) -> Iterator[Step]:
        """What is no call; it waits for the end of one that is not complete."""
        if self._open is not None and not self._is_complete():
            self._late.append(step)
            return
        if self._open is not None:
            yield from self._close()
        yield step

    def end(self) -> Iterator[Step]:
        """Everything that is still owed."""
        if self._open is not None:
            yield from self._close()
        for index in sorted(self._known.keys() - self._ended):
            yield from self._begin(index)
            yield from self._close()
        late, self._late = self._late, []
        yield from late

    def _begin(self, index: int) -> Iterator[Step]:
        self._open = index
        pending = self._known[index]
        yield CallBegin(pending.id, pending.name)
        yield from _tell(pending)

    def _is_complete(self) -> bool:
        assert self._open is not None
        try:
            _VALID.decode("".join(self._known[self._open].told))
        except (msgspec.DecodeError, RecursionError):
            return False
        return True

    def _close(self) -> Iterator[Step]:
        assert self._open is not None
        if not self._known[self._open].told:  # a call without input gives an empty object (HC-02)
            yield CallPiece("{}")
        yield CallEnd()
        self._ended.add(self._open)
        self._open = None


def _tell(pending: _Pending) -> Iterator[Step]:
    for text in pending.waiting:
        yield CallPiece(text)
    pending.told += pending.waiting
    pending.waiting = []
