"""Tool calls for local models: the schema that an answer must fit, and how calls and results look in a prompt."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from portico.server.errors import BadInputText, OutOfRange, PatternMismatch
from portico.server.providers.local.tools import constrain, has_functions, plain_messages

USER = {"role": "user", "content": "What is the weather?"}
WEATHER = {
    "name": "weather",
    "description": "Of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
CLOCK = {"name": "clock"}


def members(*tools: dict[str, Any], **more: Any) -> dict[str, msgspec.Raw]:
    given = {"messages": [USER], "tools": [{"type": "function", "function": tool} for tool in tools], **more}
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in given.items()}


def turned(*tools: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {name: msgspec.json.decode(raw) for name, raw in constrain(members(*tools, **more)).items()}


def schema_of(*tools: dict[str, Any], **more: Any) -> Any:
    return turned(*tools, **more)["response_format"]["json_schema"]["schema"]


def call_schema(tool: dict[str, Any]) -> dict[str, Any]:
    properties = {"name": {"const": tool["name"]}, "arguments": tool.get("parameters", {"type": "object"})}
    return {
        "type": "object",
        "properties": properties,
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def test_other_members_stay_the_bytes_they_were() -> None:
    given = members(WEATHER, temperature=0, x={"a": 1.10})
    given["x"] = msgspec.Raw(b'{"a": 1.10}')
    made = constrain(given)
    assert made["x"] is given["x"] and made["temperature"] is given["temperature"]
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & made.keys()


def test_auto_offers_calls_and_a_reply() -> None:
    calls, reply = schema_of(WEATHER)["anyOf"]
    assert calls["properties"]["tool_calls"] == {"type": "array", "minItems": 1, "items": call_schema(WEATHER)}
    assert reply["properties"] == {"reply": {"type": "string"}}


def test_hc03_a_call_in_the_older_form_of_openai_becomes_text_as_well() -> None:
    result = {"role": "function", "name": "clock", "content": "noon"}
    function = {"name": "clock", "arguments": "{}"}
    new = {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": function}]}
    old = {"role": "assistant", "content": None, "function_call": function}
    assert plain_messages([USER, old, result]) == plain_messages([USER, new, result])


def test_hc08_allowed_tools_are_the_tools_that_are_left() -> None:
    def choice(mode: str, *names: str) -> dict[str, Any]:
        listed = [{"type": "function", "function": {"name": name}} for name in names]
        return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": listed}}

    assert schema_of(WEATHER, CLOCK, tool_choice=choice("auto", "clock")) == schema_of(CLOCK)
    assert schema_of(WEATHER, CLOCK, tool_choice=choice("required", "weather")) == schema_of(
        WEATHER, tool_choice="required"
    )
    given = members(
        WEATHER, tool_choice={**choice("auto"), "allowed_tools": {"mode": "auto", "tools": [{"type": "x"}]}}
    )
    given["tools"] = msgspec.Raw(msgspec.json.encode([{"type": "function", "function": WEATHER}, {"type": "x"}]))
    with pytest.raises(OutOfRange, match="tool_choice"):
        constrain(given)


def test_required_offers_calls_only() -> None:
    schema = schema_of(WEATHER, CLOCK, tool_choice="required")
    assert schema["properties"]["tool_calls"]["items"] == {"anyOf": [call_schema(WEATHER), call_schema(CLOCK)]}


def test_hc08_a_named_tool_is_the_only_one_and_called_once() -> None:
    made = turned(WEATHER, CLOCK, tool_choice={"type": "function", "function": {"name": "clock"}})
    calls = made["response_format"]["json_schema"]["schema"]["properties"]["tool_calls"]
    assert (calls["items"], calls["maxItems"]) == (call_schema(CLOCK), 1)
    assert "weather" not in made["messages"][0]["content"]


@pytest.mark.parametrize(
    "choice", [{"function": {"name": "x"}}, {"function": {}}, {"function": 5}, {"type": "auto"}, {}]
)
def test_hc08_a_tool_that_is_not_there_cannot_be_chosen(choice: dict[str, Any]) -> None:
    with pytest.raises(OutOfRange, match="tool_choice"):
        constrain(members(WEATHER, tool_choice=choice))


def test_hc08_no_parallel_calls_means_one_call() -> None:
    calls, _ = schema_of(WEATHER, parallel_tool_calls=False)["anyOf"]
    assert calls["properties"]["tool_calls"]["maxItems"] == 1


@pytest.mark.parametrize(
    ("wanted", "reply"),
    [
        ({"type": "text"}, {"type": "string"}),
        ({"type": "json_object"}, {"type": "object"}),
        ({"type": "json_schema", "json_schema": {"schema": {"type": "integer"}}}, {"type": "integer"}),
    ],
)
def test_hc23_the_callers_format_becomes_the_reply(wanted: dict[str, Any], reply: dict[str, Any]) -> None:
    assert schema_of(WEATHER, response_format=wanted)["anyOf"][1]["properties"]["reply"] == reply


def test_tools_of_a_provider_are_no_functions() -> None:
    google = {"tools": msgspec.Raw(b'[{"googleSearch": {}}]')}
    assert not has_functions(google)
    assert not has_functions({})
    assert has_functions(members(WEATHER))


def test_the_instruction_stands_first_and_names_the_tools() -> None:
    system, user = turned(WEATHER)["messages"]
    assert system["role"] == "system" and '"weather"' in system["content"] and "Of a city" in system["content"]
    assert user == USER


# history -------------------------------------------------------------------------------------------------------


def call(number: str, name: str, arguments: Any) -> dict[str, Any]:
    return {"id": number, "type": "function", "function": {"name": name, "arguments": arguments}}


def test_hc03_calls_and_results_become_text_and_neighbours_one_turn() -> None:
    history: list[dict[str, Any]] = [
        USER,
        {"role": "assistant", "content": None, "tool_calls": [call("1", "f", '{"b": 1.10}'), call("2", "g", "")]},
        {"role": "tool", "tool_call_id": "1", "content": "sunny"},
        {
            "role": "tool",
            "tool_call_id": "2",
            "content": [{"type": "text", "text": "noon"}, {"type": "text", "text": "!"}],
        },
        {"role": "user", "content": "Thanks"},
    ]
    assert plain_messages(history) == [
        USER,
        {
            "role": "assistant",
            "content": '{"tool_calls": [{"name": "f", "arguments": {"b": 1.10}}, {"name": "g", "arguments": {}}]}',
        },
        {"role": "user", "content": "Result of f: sunny\nResult of g: noon\n!"},
        {"role": "user", "content": "Thanks"},
    ]


def test_results_of_two_rounds_are_two_turns() -> None:
    rounds = [
        message
        for number in ("1", "2")
        for message in (
            {"role": "assistant", "tool_calls": [call(number, "f", "{}")]},
            {"role": "tool", "tool_call_id": number, "content": number},
        )
    ]
    assert [m["content"] for m in plain_messages(rounds) if m["role"] == "user"] == ["Result of f: 1", "Result of f: 2"]


def test_arguments_that_are_no_string_are_written_as_json() -> None:
    [message] = plain_messages([{"role": "assistant", "tool_calls": [call("1", "f", {"a": True})]}])
    assert message["content"] == '{"tool_calls": [{"name": "f", "arguments": {"a": true}}]}'


@pytest.mark.parametrize(
    ("message", "content"),
    [
        ({"role": "tool", "content": "x"}, "Result of the tool: x"),
        ({"role": "tool", "tool_call_id": ["odd"], "content": "x"}, "Result of the tool: x"),
        ({"role": "function", "name": "f", "content": "x"}, "Result of f: x"),
        ({"role": "tool", "content": {"a": 1}}, 'Result of the tool: {"a": 1}'),
        ({"role": "tool", "content": [{"type": "text", "text": 5}, 6]}, "Result of the tool: 5"),
    ],
)
def test_odd_results_are_text_too(message: dict[str, Any], content: str) -> None:
    assert plain_messages([message]) == [{"role": "user", "content": content}]


def test_a_member_called_results_of_the_caller_is_not_ours() -> None:
    """A user turn with such a member is no tool result that the next one could be joined to."""
    history: list[dict[str, Any]] = [
        {"role": "user", "content": [{"type": "text", "text": "x"}], "results": True},
        {"role": "tool", "content": "y"},
    ]
    assert len(plain_messages(history)) == 2


@pytest.mark.parametrize("calls", [5, "x", {"a": 1}, [5], [None], [{}], [{"function": None}], [{"function": "f"}]])
def test_calls_that_are_none_are_refused_by_place(calls: Any) -> None:
    with pytest.raises(PatternMismatch, match=r"messages\[1\]\.tool_calls"):
        plain_messages([USER, {"role": "assistant", "tool_calls": calls}])


@pytest.mark.parametrize("raw", [rb'[{"role": "user", "content": "x", "name": "\ud800"}]', b'[{"x": ' + b"[" * 5000])
def test_what_nobody_had_looked_at_is_refused_here(raw: bytes) -> None:
    with pytest.raises(BadInputText, match="messages"):
        constrain({**members(WEATHER), "messages": msgspec.Raw(raw)})


def test_a_schema_too_deep_to_be_written_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(980):
        deep = {"items": deep}
    try:
        raw = msgspec.Raw(msgspec.json.encode([{"type": "function", "function": {"name": "f", "parameters": deep}}]))
    except RecursionError:
        return  # not even the caller could write it
    with pytest.raises(BadInputText):
        constrain({"messages": msgspec.Raw(b"[]"), "tools": raw})
