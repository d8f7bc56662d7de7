"""Cases for the suites of the two Gemini providers only: signatures on calls (HC-06) and tool schemas (HC-07)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.providers.cases_tools import assistant, call_member, calling, result
from tests.providers.fakes.base import Call
from tests.providers.stage import HELLO, OTHER_TOOL, TOOL, Stage, user

SIGNATURE = "c2lnbmF0dXJlIG9mIGEgdGhvdWdodA=="
SKIPPED = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
"""The values that stand for a signature which cannot be had: ai.google.dev, thought signatures, read 2026-11-20."""
ODD_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "kind": {"const": "leaf"}}}},
    "properties": {
        "root": {"$ref": "#/$defs/node"},
        "note": {"type": ["string", "null"]},
        "level": {"type": "integer", "enum": [1, 2]},
        "rows": {"type": "array"},
    },
    "additionalProperties": False,
}
PLAIN_FIELD = "parametersJsonSchema"
both = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


class GeminiCases(Stage):
    """Mixed into a suite whose fake refuses unknown keywords in the old `parameters` field, as Google does."""

    def _calls(self) -> tuple[Call, Call]:
        first, second = self.fake.call_ids
        return Call("look_up", ('{"word":"sun"}',), first, SIGNATURE), Call("tell_time", (), second)

    @both
    def test_hc06_signatures_are_shown_and_come_back_on_their_call(self, streamed: bool) -> None:
        self.says(calling(*self._calls()), HELLO)
        message = self.message(streamed, tools=[TOOL, OTHER_TOOL], model=self.fake.reasoning_model)
        first, second = message["tool_calls"]
        assert first["extra_content"]["google"]["thought_signature"] == SIGNATURE
        assert "extra_content" not in second
        self._send_back(message)
        assert [part.signature for part in self.heard.parts("call")] == [SIGNATURE, ""]

    @both
    def test_hc06_signatures_are_remembered_for_clients_that_drop_them(self, streamed: bool) -> None:
        self.says(calling(*self._calls()), HELLO)
        message = self.message(streamed, tools=[TOOL, OTHER_TOOL], model=self.fake.reasoning_model)
        message["tool_calls"][0].pop("extra_content")
        self._send_back(message)
        assert [part.signature for part in self.heard.parts("call")] == [SIGNATURE, ""]

    def test_hc06_a_call_nobody_signed_gets_the_documented_stand_in(self) -> None:
        self._send_back(assistant(call_member("call_of_another_model"), call_member("call_too", "tell_time", "{}")))
        first, second = self.heard.parts("call")
        assert first.signature in SKIPPED
        assert second.signature == ""

    def _send_back(self, message: dict[str, Any]) -> None:
        results = [result(call["id"], "found") for call in message["tool_calls"]]
        history = [user("Look both up."), message, *results]
        self.ask_well(history, tools=[TOOL, OTHER_TOOL], model=self.fake.reasoning_model)

    def test_hc07_a_schema_arrives_in_a_form_that_gemini_takes(self) -> None:
        tool = {"type": "function", "function": {"name": "grow", "description": "Grows.", "parameters": ODD_SCHEMA}}
        self.ask_well(tools=[tool])
        (heard,) = self.heard.tools
        assert set(heard.schema["properties"]) == {"root", "note", "level", "rows"}
        sent = json.dumps(self.heard.raw)
        if PLAIN_FIELD in sent:
            return
        for keyword in ("$ref", "$defs", "$schema", "additionalProperties", '"const"'):
            assert keyword not in sent
        assert heard.schema["properties"]["note"]["nullable"] is True
        assert heard.schema["properties"]["rows"]["items"]
