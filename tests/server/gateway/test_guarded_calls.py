"""Arguments of tool calls through the output guard: what is masked in them, and what stays as the model wrote it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.server.gateway.guardrails import ChunkGuard
from portico.server.gateway.guardrails.calls import mask_arguments, mask_calls
from tests.server.gateway.test_guardrails import chunk, policy

EMAIL: dict[str, Any] = {"pii": [{"kind": "email"}]}
MAIL = "ann@mail.example"


def masked(arguments: str, **settings: Any) -> str:
    return mask_arguments(arguments, policy(**(settings or EMAIL)).mask_answer).arguments


@pytest.mark.parametrize(
    "arguments",
    [
        "{}",
        "",
        '{ "b" : 1.0e5,\n"a":[1E5,-0.0,12345678901234567890, null ,true], "\\u0041": "\\/" , "a":""}',
        "null",
        "7",
    ],
)
def test_hc02_arguments_in_which_nothing_is_found_stay_as_they_are(arguments: str) -> None:
    assert masked(arguments) == arguments


def test_only_the_value_with_the_finding_is_written_anew() -> None:
    given_ = f'{{"n":1.0e5, "to":["{MAIL}","bob"], "{MAIL}": {{"x": "say \\"hi\\" to {MAIL}\\n"}}}}'
    expected = '{"n":1.0e5, "to":["[EMAIL]","bob"], "[EMAIL]": {"x": "say \\"hi\\" to [EMAIL]\\n"}}'
    assert masked(given_) == expected


def test_a_number_that_is_masked_becomes_a_text() -> None:
    assert masked('{"card":4111111111111111}', pii=[{"kind": "credit_card"}]) == '{"card":"[CREDIT CARD]"}'


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (f"write to {MAIL}", "write to [EMAIL]"),
        (f'{{"to": "{MAIL}"', '{"to": "[EMAIL]"'),
        ('{"to": "\\u0061nn@mail.example", "rest": "not at its e', '{"to": "[EMAIL]", "rest": "not at its e'),
        (f'{{"to": "\\q{MAIL}"}}', '{"to": "\\\\[EMAIL]"}'),
    ],
)
def test_what_is_no_json_is_masked_all_the_same(arguments: str, expected: str) -> None:
    """Cut short at `max_tokens`, or the input of a custom tool."""
    assert masked(arguments) == expected


def test_a_value_with_the_character_that_parts_values_is_checked_too() -> None:
    assert masked(f'{{"a":"\\u0000{MAIL}","b":"{MAIL}"}}') == '{"a":"\\u0000[EMAIL]","b":"[EMAIL]"}'


@given(
    st.recursive(
        st.none() | st.integers() | st.text() | st.just(MAIL),
        lambda one: st.lists(one) | st.dictionaries(st.text(), one),
    )
)
def test_what_was_json_is_json_and_has_no_finding_left(value: Any) -> None:
    told = masked(json.dumps(value))
    json.loads(told)
    assert MAIL not in told


def test_a_long_text_of_quotes_that_never_ends_takes_time_in_proportion() -> None:
    assert masked('"' + '\\"' * 300_000) == '"' + '\\"' * 300_000


def test_calls_of_all_kinds_are_masked_and_told() -> None:
    message: dict[str, Any] = {
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": f'{{"to":"{MAIL}","n":1}}'}},
            {"id": "b", "type": "custom", "custom": {"name": "g", "input": f"to {MAIL}"}},
            {"id": "c", "function": {"arguments": None}},
            "odd",
        ],
        "function_call": {"name": "h", "arguments": f'"{MAIL}"'},
    }
    plain = mask_calls(message, policy(**EMAIL).mask_answer)
    assert plain == ["to\n[EMAIL]\nn\n1", "to [EMAIL]", "[EMAIL]"]
    assert message["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"to":"[EMAIL]","n":1}'}
    assert message["tool_calls"][1]["custom"] == {"name": "g", "input": "to [EMAIL]"}
    assert message["function_call"] == {"name": "h", "arguments": '"[EMAIL]"'}


@pytest.mark.parametrize("mode", ["window", "buffer"])
def test_hc01_calls_of_a_stream_come_whole_in_order_behind_the_text(mode: str) -> None:
    signature = {"extra_content": {"google": {"thought_signature": "s"}}}
    first = {
        "index": 0,
        "id": "a",
        "type": "function",
        "function": {"name": "f", "arguments": '{"to":"ann@'},
        **signature,
    }
    second = {"index": 1, "id": "b", "type": "custom", "custom": {"name": "g", "input": "to ann@mail"}}
    guarded = ChunkGuard(policy(**EMAIL, stream={"mode": mode}))
    chunks = [
        chunk({"role": "assistant", "content": "Wait. "}),
        chunk({"tool_calls": [first, second]}),
        chunk({"content": "Now."}),
        chunk({"tool_calls": [{"index": 1, "custom": {"input": ".example"}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": 'mail.example"}'}}]}),
        chunk({}, "tool_calls"),
    ]
    out = guarded.feed(chunks) + guarded.finish()
    choices = [json.loads(one)["choices"][0] for one in out]
    assert "".join(one["delta"].get("content", "") for one in choices) == "Wait. Now."
    assert [one["delta"]["tool_calls"] for one in choices if "tool_calls" in one["delta"]] == [
        [{**first, "function": {"name": "f", "arguments": ""}}],
        [{"index": 0, "function": {"arguments": '{"to":"[EMAIL]"}'}}],
        [{**second, "custom": {"name": "g", "input": ""}}],
        [{"index": 1, "custom": {"input": "to [EMAIL]"}}],
    ]
    assert [one["finish_reason"] for one in choices if one["finish_reason"]] == ["tool_calls"]
    assert "content" not in choices[-2]["delta"] and choices[-1]["finish_reason"]
    assert guarded.text == "Wait. Now.\nto\n[EMAIL]\nto [EMAIL]"


def test_an_old_function_call_of_a_stream_is_held_and_masked_too() -> None:
    guarded = ChunkGuard(policy(**EMAIL, stream={"mode": "window"}))
    pieces = [{"name": "f", "arguments": ""}, {"arguments": '{"to":"ann@'}, {"arguments": 'mail.example"}'}]
    out = guarded.feed([*(chunk({"function_call": one}) for one in pieces), chunk({}, "function_call")])
    deltas = [json.loads(one)["choices"][0]["delta"] for one in out]
    assert deltas == [
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": '{"to":"[EMAIL]"}'}},
        {},
    ]
