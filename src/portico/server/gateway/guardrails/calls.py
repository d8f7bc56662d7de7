"""Tool calls of an answer through the output guard: the texts and numbers of their arguments, nothing else of them.

A call is held until its choice ends: only whole arguments can be read, and a piece of one runs nowhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

Mask = Callable[[str], str]
"""One text to what may go out of it. Raises GuardrailBlocked."""
_KINDS = (("function", "arguments"), ("custom", "input"))
"""Where a call has what the model wrote for it."""
_STRING = r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)'
"""One that is never closed reaches to the end, so that nothing is looked at twice."""
_STRINGS = re.compile(_STRING, re.S)
_VALUES = re.compile(_STRING + r"|-?\d[\d.eE+-]*", re.S)
_APART = "\0"
"""Between the values of one call: no pattern reaches over it."""


class Masked(NamedTuple):
    """`arguments` as they go out; `plain` are the values in them, one a line, as a moderation endpoint reads them."""

    arguments: str
    plain: str


def mask_arguments(arguments: str, mask: Mask) -> Masked:
    """JSON stays JSON: values are masked one by one, and all others stay as the model wrote them (HC-02). A number
    becomes a text when it is masked. What is no JSON is masked as the text it is, too."""
    is_json = _is_json(arguments)
    tokens = list((_VALUES if is_json else _STRINGS).finditer(arguments))
    values = [_value_of(token.group()) for token in tokens]
    masked = mask(_APART.join(values)).split(_APART)
    if len(masked) != len(values) and values:  # a value has such a character itself
        masked = [mask(value) for value in values]
    parts, place = [], 0
    for token, before, after in zip(tokens, values, masked, strict=False):
        if before != after:
            parts += [arguments[place : token.start()], json.dumps(after)]
            place = token.end()
    told = "".join((*parts, arguments[place:]))
    if is_json:
        return Masked(told, "\n".join(masked))
    told = mask(told)
    return Masked(told, told)


def mask_calls(message: dict[str, Any], mask: Mask) -> list[str]:
    """Masks the calls of a whole message in place; gives their plain texts."""
    plain = []
    for call in _calls_of(message):
        for kind, member in _KINDS:
            written = call.get(kind)
            if isinstance(written, dict) and isinstance(written.get(member), str):
                written[member], said = mask_arguments(written[member], mask)
                plain.append(said)
    return plain


class _Call:
    """One call as far as it has come: its head, without what is written for it, and that in pieces."""

    def __init__(self) -> None:
        self.head: dict[str, Any] = {}
        self.kind, self.member = _KINDS[0]
        self.pieces: list[str] = []

    def add(self, piece: dict[str, Any]) -> None:
        for name, value in piece.items():
            if name not in dict(_KINDS) or not isinstance(value, dict):
                self.head[name] = value
                continue
            self.kind, self.member = name, dict(_KINDS)[name]
            value = dict(value)
            written = value.pop(self.member, None)
            if isinstance(written, str):
                self.pieces.append(written)
            self.head[name] = {**self.head.get(name, {}), **value}

    def tell(self, index: int, mask: Mask) -> tuple[list[dict[str, Any]], str]:
        """The whole call as the pieces of a stream, and its plain text."""
        if not self.pieces:
            return [self.head], ""
        written, plain = mask_arguments("".join(self.pieces), mask)
        head = {**self.head, self.kind: {**self.head[self.kind], self.member: ""}}
        rest = {"index": index, self.kind: {self.member: written}}
        return [head, rest] if written else [head], plain


class HeldCalls:
    """The calls of a stream, each choice for itself. `take` them out of each delta, `flush` them at the end."""

    def __init__(self) -> None:
        self._calls: dict[int, dict[int, _Call]] = {}
        self._old: dict[int, _Call] = {}

    @property
    def choices(self) -> set[int]:
        return self._calls.keys() | self._old.keys()

    def take(self, choice: int, delta: dict[str, Any]) -> None:
        pieces = delta.pop("tool_calls", None)
        for place, piece in enumerate(pieces if isinstance(pieces, list) else ()):
            if isinstance(piece, dict):
                index = piece.get("index")
                calls = self._calls.setdefault(choice, {})
                calls.setdefault(index if isinstance(index, int) else place, _Call()).add(piece)
        old = delta.pop("function_call", None)
        if isinstance(old, dict):
            self._old.setdefault(choice, _Call()).add({"function": old})

    def flush(self, choice: int, mask: Mask) -> Iterator[tuple[dict[str, Any], str]]:
        """Deltas in order, the pieces of one call together, each call with its plain text."""
        for index, call in sorted(self._calls.pop(choice, {}).items()):
            pieces, plain = call.tell(index, mask)
            for piece in pieces:
                yield {"tool_calls": [piece]}, plain
                plain = ""
        if choice in self._old:
            pieces, plain = self._old.pop(choice).tell(0, mask)
            for piece in pieces:
                yield {"function_call": piece["function"]}, plain
                plain = ""


def _calls_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    calls = message.get("tool_calls")
    found = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    old = message.get("function_call")
    return [*found, {"function": old}] if isinstance(old, dict) else found


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True


def _value_of(token: str) -> str:
    if not token.startswith('"'):
        return token
    for whole in (token, f'{token}"'):
        try:
            value: str = json.loads(whole, strict=False)
        except ValueError:
            continue
        return value
    return token.strip('"')  # an escape that is none
