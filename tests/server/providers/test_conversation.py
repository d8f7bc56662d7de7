"""The messages of a chat request as turns, for all protocols that are not OpenAI's."""

from __future__ import annotations

from typing import Any

import pytest
from tests.providers.translating import chat_request

from portico.server.providers.conversation import Result, Text, read_conversation

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
