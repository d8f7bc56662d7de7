"""What a model writes for a self-query: a fenced JSON with a query, and a filter in a small language of its own.

In: its text. Out: the query, and the filter as alternatives of conditions that all have to hold. A filter that cannot
be read is none: the question is still worth a search.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import product
from typing import Literal

import msgspec

Value = str | float | bool
Operator = Literal["eq", "ne", "gt", "gte", "lt", "lte"]
OPERATORS: frozenset[str] = frozenset(("eq", "ne", "gt", "gte", "lt", "lte"))
NO_FILTER = "NO_FILTER"
LONGEST = 4_000
DEEPEST = 8
MOST_ALTERNATIVES = 8
MOST_CONDITIONS = 32
_TOKEN = re.compile(
    r"""\s*(?:(?P<name>[^\W\d][\w.\-]*)|(?P<number>[+-]?\d+(?:\.\d+)?)|(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
    r"""|(?P<mark>[(),]))""",
)
_FENCED = re.compile(r"```(?:json)?\s*(\{.*?\})\s*```", re.DOTALL | re.IGNORECASE)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_WORDS: dict[str, Value] = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Condition:
    """`operator(key, value)`."""

    operator: Operator
    key: str
    value: Value


Alternatives = tuple[tuple[Condition, ...], ...]
"""One of these has to hold; of one, all conditions. Empty: no filter."""


class FilterUnreadable(ValueError):
    """The text is no filter of the language, or one beyond its bounds."""


class _Written(msgspec.Struct):
    query: str = ""
    filter: str = NO_FILTER


def read_self_query(text: str, keys: Collection[str]) -> tuple[str, Alternatives]:
    """The query, "" when there is none, and the filter; none when it cannot be read or names a key beside `keys`."""
    fenced = _FENCED.search(text)
    begin, end = text.find("{"), text.rfind("}")
    try:
        written = msgspec.json.decode(fenced[1] if fenced else text[begin : end + 1], type=_Written)
    except (msgspec.DecodeError, RecursionError):
        return "", ()
    try:
        alternatives = read_filter(written.filter)
    except FilterUnreadable:
        alternatives = ()
    if any(condition.key not in keys for conditions in alternatives for condition in conditions):
        alternatives = ()
    return written.query.strip(), alternatives


def read_filter(text: str) -> Alternatives:
    """Raises FilterUnreadable."""
    if not text.strip() or text.strip().strip("\"'`").upper() == NO_FILTER:
        return ()
    if len(text) > LONGEST:
        raise FilterUnreadable("too long")
    reader = _Reader(_tokens(text))
    found = reader.expression(0)
    if reader.left:
        raise FilterUnreadable(f"behind its end stands {reader.left[0][1]}")
    return found


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, place = [], 0
    text = text.rstrip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise FilterUnreadable(f"at {place}: {text[place : place + 10]}")
        place = found.end()
        kind = found.lastgroup or ""
        tokens.append((kind, found[kind]))
    return tokens


class _Reader:
    """Reads by descent; `left` are the tokens that have not been read."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.left = tokens

    def expression(self, depth: int) -> Alternatives:
        kind, word = self._next()
        word = word.lower()
        if kind != "name" or depth > DEEPEST:
            raise FilterUnreadable(f"no operator: {word}")
        if word in ("and", "or"):
            return self._joined(word, depth)
        if word not in OPERATORS:
            raise FilterUnreadable(f"no operator: {word}")
        self._mark("(")
        key = self._key()
        self._mark(",")
        value = self._value()
        self._mark(")")
        return ((Condition(word, key, value),),)  # type: ignore[arg-type]  # it is one of OPERATORS

    def _joined(self, word: str, depth: int) -> Alternatives:
        self._mark("(")
        parts = [self.expression(depth + 1)]
        while self._mark(",", ")") == ",":
            parts.append(self.expression(depth + 1))
        if word == "or":
            return _bounded(tuple(one for part in parts for one in part))
        joined: Alternatives = ((),)
        for part in parts:  # one by one, so that what grows beyond the bounds is noticed before it is made
            joined = _bounded(tuple((*left, *right) for left, right in product(joined, part)))
        return joined

    def _key(self) -> str:
        kind, word = self._next()
        if kind == "name":
            return word
        if kind == "text":
            return _unquote(word)
        raise FilterUnreadable(f"no attribute: {word}")

    def _value(self) -> Value:
        kind, word = self._next()
        if kind == "number":
            return float(word)
        if kind == "text":
            return _unquote(word)
        if kind == "name" and word.lower() in _WORDS:
            return _WORDS[word.lower()]
        raise FilterUnreadable(f"no value: {word}")

    def _mark(self, *allowed: str) -> str:
        kind, word = self._next()
        if kind != "mark" or word not in allowed:
            raise FilterUnreadable(f"{' or '.join(allowed)} wanted, not {word}")
        return word

    def _next(self) -> tuple[str, str]:
        if not self.left:
            raise FilterUnreadable("it ends too early")
        return self.left.pop(0)


def _bounded(alternatives: Alternatives) -> Alternatives:
    if len(alternatives) > MOST_ALTERNATIVES or any(len(one) > MOST_CONDITIONS for one in alternatives):
        raise FilterUnreadable("too many alternatives or conditions")
    return alternatives


def _unquote(text: str) -> str:
    return _ESCAPED.sub(r"\1", text[1:-1])
