"""The reader of constrained JSON: whatever the answer, and wherever it is cut, the same deltas come out."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portico.server.providers.local.tool_reader import (
    CallArguments,
    CallStart,
    Content,
    Delta,
    StringReader,
    ToolReader,
)

Read = tuple[str, list[tuple[str, str]]]


def gather(deltas: list[Delta]) -> Read:
    """Text of the answer, and name and arguments of each call."""
    text, calls = "", list[tuple[str, str]]()
    for delta in deltas:
        match delta:
            case Content():
                text += delta.text
            case CallStart():
                assert delta.index == len(calls)
                calls.append((delta.name, ""))
            case CallArguments():
                assert delta.index == len(calls) - 1, "HC-01: arguments belong to the call that has begun"
                name, arguments = calls[-1]
                calls[-1] = (name, arguments + delta.text)
    return text, calls


def read(*pieces: str) -> Read:
    reader = ToolReader()
    deltas = [delta for piece in pieces for delta in reader.feed(piece)]
    got = gather(deltas)
    assert reader.calls == len(got[1])
    return got


# explicit cases ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ('{"reply": "hello"}', "hello"),
        ('{"reply":"hello"}', "hello"),
        (' {\n "reply" : "hello" } \n', "hello"),
        ('{"reply": ""}', ""),
        (r'{"reply": "a\"b\\c\/d\n\t\r\b\f"}', 'a"b\\c/d\n\t\r\b\f'),
        (r'{"reply": "\u00e9\u65e5"}', "é日"),
        (r'{"reply": "\ud83d\ude00"}', "😀"),
        (r'{"reply": "\uD83D\uDE00!"}', "😀!"),
        (r'{"reply": "\ud83d"}', "\ufffd"),
        (r'{"reply": "\ud83dx"}', "\ufffdx"),
        (r'{"reply": "\ude00"}', "\ufffd"),
        (r'{"reply": "\ud83d\ud83d\ude00"}', "\ufffd😀"),
        (r'{"reply": "\ud83d\n"}', "\ufffd\n"),
        (r'{"reply": "\u+123\u12g4"}', "\ufffd\ufffd"),
        ('{"reply": "{\\"tool_calls\\": []}"}', '{"tool_calls": []}'),
        ('{"reply": {"a": [1, 2.50, "}"]}}', '{"a": [1, 2.50, "}"]}'),
        ('{"reply": [1, [2]]}', "[1, [2]]"),
        ('{"reply": 12.50}', "12.50"),
        ('{"reply": -1e-7 }', "-1e-7"),
        ('{"reply": true}', "true"),
        ('{"reply": null}', "null"),
    ],
)
def test_a_reply_is_its_text_or_its_json_as_written(answer: str, text: str) -> None:
    assert read(answer) == (text, [])
    assert read(*answer) == (text, [])


@pytest.mark.parametrize(
    ("answer", "calls"),
    [
        ('{"tool_calls": [{"name": "f", "arguments": {}}]}', [("f", "{}")]),
        ('{"tool_calls":[{"name":"f","arguments":{"a":1}}]}', [("f", '{"a":1}')]),
        (
            '{"tool_calls": [{"name": "f", "arguments": {"b": 1.10, "a": 12345678901234567890}}]}',
            [("f", '{"b": 1.10, "a": 12345678901234567890}')],
        ),
        ('{"tool_calls": [{"name": "f", "arguments": {"a": {"b": [{}, "}]"]}}}]}', [("f", '{"a": {"b": [{}, "}]"]}}')]),
        (
            '{"tool_calls": [{"name": "f", "arguments": {}}, {"name": "g", "arguments": {"x": "\\"{"}}]}',
            [("f", "{}"), ("g", '{"x": "\\"{"}')],
        ),
        ('{"tool_calls": [ { "name" : "f" , "arguments" : { } } ] }', [("f", "{ }")]),
        (
            r'{"tool_calls": [{"name": "\u0066\"", "arguments": {"\u00e9": "\ud83d"}}]}',
            [('f"', r'{"\u00e9": "\ud83d"}')],
        ),
        (
            '{"tool_calls": [{"name": "f", "arguments": 5}, {"name": "g", "arguments": [1]}]}',
            [("f", "5"), ("g", "[1]")],
        ),
    ],
)
def test_hc02_arguments_pass_as_they_were_written(answer: str, calls: list[tuple[str, str]]) -> None:
    assert read(answer) == ("", calls)
    assert read(*answer) == ("", calls)


def test_hc01_a_call_is_announced_before_its_arguments() -> None:
    reader = ToolReader()
    assert reader.feed('{"tool_calls": [{"name": "f"') == [CallStart(0, "f")]
    assert reader.feed(', "arguments": {"a": ') == [CallArguments(0, '{"a": ')]
    assert reader.feed('1}}, {"name": "g') == [CallArguments(0, "1}")]
    assert reader.feed('", "arguments": {}}]}') == [CallStart(1, "g"), CallArguments(1, "{}")]
    assert reader.feed("\n") == []


def test_text_is_handed_on_as_it_comes() -> None:
    reader = ToolReader()
    assert reader.feed('{"reply": "He') == [Content("He")]
    assert reader.feed("llo") == [Content("llo")]
    assert reader.feed("\\") == [] and reader.feed("u00") == []
    assert reader.feed("e9") == [Content("é")]
    assert reader.feed('"}') == []


@pytest.mark.parametrize("cut", range(len('{"tool_calls": [{"name": "f", "arguments": {"a": "b"}}]}')))
def test_an_answer_that_ends_early_gives_what_was_written(cut: int) -> None:
    """max_tokens was reached: no error, and no more than what came."""
    whole = '{"tool_calls": [{"name": "f", "arguments": {"a": "b"}}]}'
    text, calls = read(whole[:cut])
    assert text == ""
    assert all(name == "f" and '{"a": "b"}'.startswith(arguments) for name, arguments in calls)


# any answer of the grammar -------------------------------------------------------------------------------------

texts = st.text(max_size=12)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)
styles = st.sampled_from([{"indent": 2}, {"separators": (",", ":")}, {}])
calls_made = st.lists(
    st.tuples(st.text(min_size=1, max_size=8), st.dictionaries(texts, json_values, max_size=3)), min_size=1, max_size=3
)


def cut(text: str, places: list[int]) -> list[str]:
    ends = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    return [text[a:b] for a, b in pairwise(ends)]


@settings(deadline=None, max_examples=300)
@given(made=calls_made, style=styles, ascii_only=st.booleans(), places=st.lists(st.integers(0, 10_000), max_size=6))
def test_any_calls_cut_anywhere_are_the_same_calls(
    made: list[tuple[str, Any]], style: dict[str, Any], ascii_only: bool, places: list[int]
) -> None:
    answer = {"tool_calls": [{"name": name, "arguments": arguments} for name, arguments in made]}
    written = json.dumps(answer, ensure_ascii=ascii_only, **style)
    text, calls = read(*cut(written, places))
    assert (text, calls) == read(written)
    assert text == ""
    assert [(name, json.loads(arguments)) for name, arguments in calls] == [
        (n, json.loads(json.dumps(a))) for n, a in made
    ]
    assert all(arguments in written for _, arguments in calls), "verbatim"


@settings(deadline=None, max_examples=300)
@given(reply=json_values, style=styles, ascii_only=st.booleans(), places=st.lists(st.integers(0, 10_000), max_size=6))
def test_any_reply_cut_anywhere_is_the_same_reply(
    reply: Any, style: dict[str, Any], ascii_only: bool, places: list[int]
) -> None:
    written = json.dumps({"reply": reply}, ensure_ascii=ascii_only, **style)
    text, calls = read(*cut(written, places))
    assert (text, calls) == read(written)
    assert not calls
    assert text == reply if isinstance(reply, str) else json.loads(text) == json.loads(json.dumps(reply))


@settings(deadline=None, max_examples=300)
@given(st.lists(st.integers(0xD7F0, 0xE010), max_size=8))
def test_escaped_surrogates_never_leave_half_a_character(points: list[int]) -> None:
    written = "".join(f"\\u{point:04x}" for point in points) + '"'
    reader = StringReader()
    text = "".join(reader.feed(char) for char in written)
    assert reader.done
    text.encode("utf-8")
    expected = b"".join(point.to_bytes(2, "little") for point in points).decode("utf-16-le", "replace")
    assert text.replace("\ufffd", "") == expected.replace("\ufffd", "")


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet='{}[]":,\\u0d8 nametool_callsreplyarguments', max_size=60))
def test_what_is_not_of_the_grammar_raises_nothing(written: str) -> None:
    """The grammar is enforced by the runtime; a model that escapes it must not take the request along."""
    read(written)
