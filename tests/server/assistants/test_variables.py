"""Placeholders of a prompt: what is filled, what stays, and that a value is never looked at again."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from portico.server.assistants import variables
from portico.server.assistants.variables import fill
from portico.server.edge.assistant_options import MOST_VARIABLES, take_assistant_options
from portico.server.errors import PorticoError
from portico.wire.requests import NO_OPTIONS, AssistantOptions, Members


def members_of(**given: Any) -> Members:
    return {name: msgspec.Raw(json.dumps(value).encode()) for name, value in given.items()}


@pytest.mark.parametrize(
    ("prompt", "filled"),
    [
        ("Translate to {language}.", "Translate to French."),
        ("Translate to {LANGUAGE} and {Language}.", "Translate to French and French."),
        ("No placeholder", "No placeholder"),
        ("{tone} stays", "{tone} stays"),
        ("{{language}}", "{French}"),
        ("{file:report} and {file:*}", "{file:report} and {file:*}"),
        ('Answer as {"language": "x"}', 'Answer as {"language": "x"}'),
        ("{ language }", "{ language }"),
        ("{my-key_1}", "dash"),
        ("{braces}!", "{language}!"),
        ("Say: {inputText}", "Say: Good {evening}"),
        ("Say: {INPUTTEXT}", "Say: Good {evening}"),
        ("{question} {context} {chat_history}", "{question} {context} {chat_history}"),
        ("", ""),
    ],
)
def test_what_is_filled_and_what_stays(prompt: str, filled: str) -> None:
    values = {"language": "French", "my-key_1": "dash", "braces": "{language}", "unknown": "ignored"}
    assert fill(prompt, values, "Good {evening}") == filled


def test_the_reserved_name_is_not_for_variables() -> None:
    assert fill("{inputText}", {"inputtext": "forged"}, "mine") == "mine"


def test_a_prompt_may_not_grow_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variables, "LONGEST_PROMPT", 50)
    with pytest.raises(PorticoError, match="Field variables is out of range") as caught:
        fill("{a}{a}{a}", {"a": "x" * 20})
    assert caught.value.id == 8


def test_options_leave_the_members() -> None:
    members = members_of(variables=[{"key": " Language ", "value": "French"}], revision=3, revisionName="x", user="ana")
    assert take_assistant_options(members) == AssistantOptions({"language": "French"}, 3, "x")
    assert set(members) == {"user"}


def test_a_request_without_options_has_none() -> None:
    assert take_assistant_options(members_of(user="ana")) is NO_OPTIONS
    assert take_assistant_options(members_of(variables=None, revision=None, revisionName=None)) == NO_OPTIONS


@pytest.mark.parametrize(
    ("value", "text"), [("French", "French"), (3, "3"), (1.5, "1.5"), (True, "true"), ("", ""), ('{"a":1}', '{"a":1}')]
)
def test_scalar_values_become_texts(value: Any, text: str) -> None:
    options = take_assistant_options(members_of(variables=[{"key": "a", "value": value}]))
    assert options.variables == {"a": text}


def test_null_is_no_value() -> None:
    assert take_assistant_options(members_of(variables=[{"key": "a", "value": None}, {"key": "b"}])).variables == {}


@pytest.mark.parametrize(("given", "revision"), [(0, None), ("0", None), ("", None), (7, 7), ("7", 7), (" 7 ", 7)])
def test_revision_zero_is_the_active_one(given: Any, revision: int | None) -> None:
    assert take_assistant_options(members_of(revision=given)).revision == revision


@pytest.mark.parametrize(
    ("given", "field", "number"),
    [
        ({"variables": {"language": "French"}}, "variables", 11),
        ({"variables": "French"}, "variables", 11),
        ({"variables": ["French"]}, "variables[0]", 11),
        ({"variables": [{"value": "x"}]}, "variables[0].key", 9),
        ({"variables": [{"key": "a"}, {"key": "", "value": "x"}]}, "variables[1].key", 9),
        ({"variables": [{"key": 1, "value": "x"}]}, "variables[0].key", 11),
        ({"variables": [{"key": "a", "value": {"b": 1}}]}, "variables[0].value", 11),
        ({"variables": [{"key": "a", "value": ["b"]}]}, "variables[0].value", 11),
        ({"variables": [{"key": "a"}] * (MOST_VARIABLES + 1)}, "variables", 8),
        ({"revision": "two"}, "revision", 11),
        ({"revision": True}, "revision", 11),
        ({"revision": 1.5}, "revision", 11),
        ({"revision": -1}, "revision", 8),
        ({"revision": 2**31}, "revision", 8),
        ({"revision": "9" * 40}, "revision", 8),
        ({"revisionName": ["x"]}, "revisionName", 11),
    ],
)
def test_a_bad_shape_is_refused_with_its_field(given: dict[str, Any], field: str, number: int) -> None:
    with pytest.raises(PorticoError) as caught:
        take_assistant_options(members_of(**given))
    assert (caught.value.status, caught.value.id, caught.value.param) == (400, number, field)
    assert f"Field {field} " in caught.value.message
