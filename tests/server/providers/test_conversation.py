"""The messages of a chat request as turns, for all protocols that are not OpenAI's."""

from __future__ import annotations

from typing import Any

import pytest
from tests.providers.translating import Translation, chat_request

from portico.server.errors import OutOfRange, PatternMismatch
from portico.server.providers.anthropic import Anthropic
from portico.server.providers.conversation import Call, Result, Text, Tool, read_conversation, read_tools

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
Said = list[tuple[str, str]]


def read(*said: tuple[str, str]) -> tuple[tuple[str, ...], Said]:
    """The system texts, and the turns with their texts."""
    conversation = read_conversation(chat_request([{"role": role, "content": text} for role, text in said]))
    turns = [(turn.role, "|".join(p.text for p in turn.parts if isinstance(p, Text))) for turn in conversation.turns]
    return conversation.system, turns


@pytest.mark.parametrize(
    ("said", "system", "turns"),
    [
        ([("system", "a"), ("system", "b"), ("user", "c")], ("a", "b"), [("user", "c")]),
        ([("system", "a"), ("user", "b"), ("system", "c")], ("a",), [("user", "b|c")]),
        (
            [("user", "a"), ("assistant", "b"), ("system", "c"), ("user", "d")],
            (),
            [("user", "a"), ("assistant", "b"), ("user", "c|d")],
        ),
        (
            [("user", "a"), ("assistant", "b"), ("system", "c")],
            (),
            [("user", "a"), ("assistant", "b"), ("user", "c")],
        ),
        ([("user", "a"), ("system", "")], (), [("user", "a")]),
        ([("system", "a")], ("a",), []),
    ],
)
def test_hc20_a_system_message_in_the_middle_keeps_its_place(said: Said, system: tuple[str, ...], turns: Said) -> None:
    assert read(*said) == (system, turns)


def test_hc03_results_stay_first_where_a_system_message_stands_before_them() -> None:
    said: list[Any] = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "", "tool_calls": [CALL]}]
    said += [{"role": "system", "content": "b"}, {"role": "tool", "tool_call_id": "c", "content": "d"}]
    *_, last = read_conversation(chat_request(said)).turns
    first, second = last.parts
    assert isinstance(first, Result) and second == Text("b")


def test_hc03_calls_in_the_older_form_of_openai_find_their_results() -> None:
    """They have no ids: a result belongs to the last call of its function."""

    def called(arguments: str) -> dict[str, Any]:
        return {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": arguments}}

    said: list[Any] = [
        {"role": "user", "content": "a"},
        called('{"n":1e5}'),
        {"role": "function", "name": "f", "content": "1"},
    ]
    said += [
        called(""),
        {"role": "function", "name": "f", "content": "2"},
        {"role": "function", "name": "g", "content": "3"},
    ]
    parts = [part for turn in read_conversation(chat_request(said)).turns for part in turn.parts]
    assert parts == [
        Text("a"),
        Call("call_1", "f", '{"n":1e5}'),
        Result("call_1", "f", (Text("1"),)),
        Call("call_3", "f", "{}"),
        Result("call_3", "f", (Text("2"),)),
        Result("g", "g", (Text("3"),)),
    ]


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_hc08_allowed_tools_are_the_tools_that_are_left(mode: str) -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in "fgh"] + [
        {"type": "web_search"},
        {"google": {}},
    ]
    for listed, names, native in (
        ([tools[0], tools[2]], ["f", "h"], ()),
        ([tools[1], {"type": "web_search"}], ["g"], ({"type": "web_search"},)),
    ):
        choice = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": listed}}
        found = read_tools(chat_request(tools=tools, tool_choice=choice))
        assert (found.choice, found.functions, found.native) == (mode, tuple(Tool(name) for name in names), native)


@pytest.mark.parametrize(
    "given", [None, {}, {"mode": "none", "tools": []}, {"mode": "auto"}, {"mode": "auto", "tools": {}}]
)
def test_allowed_tools_that_cannot_be_read_are_refused(given: Any) -> None:
    choice = {"type": "allowed_tools", "allowed_tools": given}
    with pytest.raises(PatternMismatch, match="allowed_tools"):
        read_tools(chat_request(tools=[{"type": "function", "function": {"name": "f"}}], tool_choice=choice))


def test_allowed_tools_that_are_not_offered_are_refused() -> None:
    offered = [{"type": "function", "function": {"name": "f"}}]
    listed = [{"type": "function", "function": {"name": "g"}}]
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": listed}}
    with pytest.raises(OutOfRange, match="allowed_tools"):
        read_tools(chat_request(tools=offered, tool_choice=choice))


def test_hc22_functions_in_the_older_form_are_dropped_with_a_note() -> None:
    told = Translation(Anthropic(), chat_request(functions=[{"name": "f"}], function_call={"name": "f"}))
    assert told.turn.adjusted == ["functions dropped", "function_call dropped"]
    assert Translation(Anthropic(), chat_request(functions=[], function_call="auto")).turn.adjusted == []
