"""Reads the constrained JSON of a local model as it is written: its text becomes content deltas or tool-call deltas.

The JSON is `{"reply": "..."}`, `{"reply": <JSON of the caller's schema>}` or `{"tool_calls": [{"name", "arguments"}]}`
(see `tools.py`). Argument text passes as it was written, never parsed and written again (HC-02).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "/": "/", "\\": "\\", '"': '"'}
_BLANK = " \t\r\n"
_HEX = frozenset("0123456789abcdefABCDEF")


@dataclass(frozen=True, slots=True)
class Content:
    """More text of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class CallStart:
    """A tool call begins; `index` counts the calls of this answer from 0."""

    index: int
    name: str


@dataclass(frozen=True, slots=True)
class CallArguments:
    """More text of the arguments of call `index`."""

    index: int
    text: str


Delta = Content | CallStart | CallArguments


class StringReader:
    """Characters of a JSON string, unescaped; an escape or a surrogate pair may be cut anywhere."""

    __slots__ = ("_escape", "_high", "done")

    def __init__(self) -> None:
        self._escape = ""
        self._high = ""
        self.done = False

    def feed(self, char: str) -> str:
        """The text that `char` completes, often itself. Sets `done` at the closing quote."""
        if self._escape:
            return self._feed_escape(char)
        if char == "\\":
            self._escape = char
            return ""
        if char == '"':
            self.done = True
            return self._lone()
        return self._lone() + char

    def _feed_escape(self, char: str) -> str:
        self._escape += char
        if self._escape[1] != "u":
            self._escape = ""
            return self._lone() + _ESCAPES.get(char, char)
        if len(self._escape) < 6:
            return ""
        digits, self._escape = self._escape[2:], ""
        code = int(digits, 16) if set(digits) <= _HEX else 0xFFFD
        if 0xD800 <= code < 0xDC00:
            lone, self._high = self._lone(), chr(code)
            return lone
        if 0xDC00 <= code < 0xE000:
            high, self._high = self._high, ""
            return chr(0x10000 + ((ord(high) - 0xD800) << 10) + (code - 0xDC00)) if high else "\ufffd"
        return self._lone() + chr(code)

    def _lone(self) -> str:
        """A high surrogate whose partner did not come."""
        high, self._high = self._high, ""
        return "\ufffd" if high else ""


class ValueReader:
    """Finds the end of one JSON value; its text is handed on as it is."""

    __slots__ = ("_depth", "_escaped", "_in_string", "_scalar", "done")

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._scalar = False
        self.done = False

    def feed(self, char: str) -> bool:
        """Whether `char` belongs to the value. Sets `done` behind its last character."""
        if self._in_string:
            self._feed_string(char)
            return True
        if char in ",}]" and self._depth == 0:
            self.done = True
            return False
        if char in _BLANK and self._depth == 0 and self._scalar:
            self.done = True
            return False
        if char == '"':
            self._in_string = True
        elif char in "{[":
            self._depth += 1
        elif char in "}]":
            self._depth -= 1
            self.done = self._depth == 0
        elif char not in _BLANK:
            self._scalar = True
        return True

    def _feed_string(self, char: str) -> None:
        if self._escaped:
            self._escaped = False
        elif char == "\\":
            self._escaped = True
        elif char == '"':
            self._in_string = False
            self.done = self._depth == 0


class ToolReader:
    """One answer. `feed` text as it comes; afterwards `calls` says how many tools were called."""

    def __init__(self) -> None:
        self.calls = 0
        self._out: list[Delta] = []
        self._machine = self._read_answer()
        next(self._machine)

    def feed(self, text: str) -> list[Delta]:
        """The deltas that these characters complete, neighbours of one kind joined."""
        for char in text:
            self._machine.send(char)
        out, self._out = self._out, []
        return out

    # The grammar as a coroutine: every `yield` takes the next character.

    def _read_answer(self) -> Machine[None]:
        yield from _skip_to('"')
        key = yield from _read_string()
        yield from _skip_to(":")
        if key == "tool_calls":
            yield from self._read_calls()
        else:
            yield from self._read_reply()
        while True:  # the closing brace and what may follow it
            yield

    def _read_reply(self) -> Machine[None]:
        char = yield from _skip_blanks()
        if char != '"':
            yield from self._read_value(char, self._add_content)
            return
        string = StringReader()
        while not string.done:
            self._add_content(string.feed((yield)))

    def _read_calls(self) -> Machine[None]:
        yield from _skip_to("[")
        while (yield from _skip_to("{]")) == "{":
            yield from self._read_call()

    def _read_call(self) -> Machine[None]:
        """The schema puts `name` first and demands both members."""
        index = self.calls
        char = yield from _skip_to('"}')
        while char == '"':
            key = yield from _read_string()
            yield from _skip_to(":")
            first = yield from _skip_blanks()
            if key == "name":
                name = yield from _read_string()
                self.calls += 1
                self._out.append(CallStart(index, name))
                ended = ""
            else:
                ended = yield from self._read_value(first, lambda text: self._add_arguments(index, text))
            char = ended if ended == "}" else (yield from _skip_to('"}'))

    def _read_value(self, char: str, add: Callable[[str], None]) -> Machine[str]:
        """One JSON value as it is written; gives back the character behind it when that had to be read."""
        value = ValueReader()
        while value.feed(char):
            add(char)
            if value.done:
                return ""
            char = yield
        return char

    def _add_content(self, text: str) -> None:
        if not text:
            return
        last = self._out[-1] if self._out else None
        if isinstance(last, Content):
            self._out[-1] = Content(last.text + text)
        else:
            self._out.append(Content(text))

    def _add_arguments(self, index: int, text: str) -> None:
        last = self._out[-1] if self._out else None
        if isinstance(last, CallArguments) and last.index == index:
            self._out[-1] = CallArguments(index, last.text + text)
        else:
            self._out.append(CallArguments(index, text))


T = TypeVar("T")
Machine = Generator[None, str, T]


def _skip_to(wanted: str) -> Machine[str]:
    """The next character that is one of `wanted`; blanks and commas lie between."""
    while (char := (yield)) not in wanted:
        pass
    return char


def _skip_blanks() -> Machine[str]:
    while (char := (yield)) in _BLANK:
        pass
    return char


def _read_string() -> Machine[str]:
    """The rest of a string whose opening quote has been read."""
    string, text = StringReader(), ""
    while not string.done:
        text += string.feed((yield))
    return text
