"""Anthropic's SDK in front, Anthropic behind: through the chat shape in between nothing that matters gets lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.providers.fakes.anthropic import AnthropicFake
from tests.providers.fakes.base import Call, Counts, Say
from tests.providers.stage import Stage
from tests.upstream import Reply

CALLS = (Call("look_up", ('{"wo', 'rd":"日本"}'), "toolu_01A"), Call("tell_time", (), "toolu_01B"))
FULL = Say(("Hé", "llo 😀"), ("hm", "m"), "c2ln", CALLS, "tool_calls", Counts(6, 4, 3, 2))
MARK = {"type": "ephemeral", "ttl": "1h"}
TOOL: Any = {
    "name": "look_up",
    "description": "Looks a word up.",
    "input_schema": {"type": "object", "properties": {"word": {"type": "string"}}},
    "cache_control": MARK,
}
OTHER: Any = {"name": "tell_time", "input_schema": {"type": "object", "properties": {}}}
THINK: Any = {"type": "enabled", "budget_tokens": 2048}


class TestMessages(Stage):
    fake = AnthropicFake()

    @pytest.fixture
    def sdk(self) -> Iterator[anthropic.Anthropic]:
        with anthropic.Anthropic(
            api_key=self.server.token(), base_url=self.server.url, max_retries=0, timeout=60
        ) as client:
            yield client

    @pytest.mark.parametrize("streamed", [False, True])
    def test_thoughts_texts_and_calls_arrive_as_they_were_sent(self, sdk: anthropic.Anthropic, streamed: bool) -> None:
        self.says(FULL)
        answer = self._ask(sdk, streamed, messages=[{"role": "user", "content": "Hi"}], tools=[TOOL, OTHER])
        thinking, text, *calls = answer.content
        assert thinking.to_dict() == {"type": "thinking", "thinking": "hmm", "signature": "c2ln"}
        assert text.to_dict() == {"type": "text", "text": "Héllo 😀"}
        assert [(c.id, c.name, c.input) for c in calls] == [
            ("toolu_01A", "look_up", {"word": "日本"}),
            ("toolu_01B", "tell_time", {}),
        ]
        assert (answer.id, answer.stop_reason) == ("msg_fake", "tool_use")
        usage = answer.usage
        assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (6, 4, 5)

    @pytest.mark.parametrize("streamed", [False, True])
    def test_a_turn_goes_back_with_signatures_marks_and_failures(
        self, sdk: anthropic.Anthropic, streamed: bool
    ) -> None:
        self.says(FULL, Say(("Done",)))
        said: Any = [{"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": MARK}]}]
        system: Any = [{"type": "text", "text": "One."}, {"type": "text", "text": "Two.", "cache_control": MARK}]
        first = self._ask(sdk, streamed, messages=said, tools=[TOOL, OTHER], system=system, thinking=THINK)
        results = [
            {"type": "tool_result", "tool_use_id": "toolu_01A", "content": "Japan", "is_error": True},
            {"type": "tool_result", "tool_use_id": "toolu_01B", "content": [{"type": "text", "text": "8"}],
             "cache_control": MARK},
        ]  # fmt: skip
        said += [
            {"role": "assistant", "content": [block.to_dict() for block in first.content]},
            {"role": "user", "content": results},
        ]
        self._ask(sdk, streamed, messages=said, tools=[TOOL, OTHER], system=system, thinking=THINK)
        sent = self.asked[-1].body
        assert sent["thinking"] == THINK
        assert sent["system"] == system
        assert sent["tools"][0]["cache_control"] == MARK
        assert sent["messages"][0] == said[0]
        thinking, text, *calls = sent["messages"][1]["content"]
        assert thinking == {"type": "thinking", "thinking": "hmm", "signature": "c2ln"}
        assert text == {"type": "text", "text": "Héllo 😀"}
        assert [call["id"] for call in calls] == ["toolu_01A", "toolu_01B"]
        one, two = sent["messages"][2]["content"]
        assert one == {"type": "tool_result", "tool_use_id": "toolu_01A", "content": "Japan", "is_error": True}
        assert two["cache_control"] == MARK

    @pytest.mark.parametrize("streamed", [False, True])
    def test_hc02_numbers_in_the_input_of_a_tool_stay_as_they_were_written(self, streamed: bool) -> None:
        written = '{"n":1e5,"m":1.50,"big":123456789012345678901234567890}'
        self.says(Say((), (), "", (Call("look_up", (written[:9], written[9:]), "toolu_01A"),), "tool_calls"))
        call = b'{"type":"tool_use","id":"toolu_01A","name":"look_up","input":%b}' % written.encode()
        result = b'{"type":"tool_result","tool_use_id":"toolu_01A","content":"x"}'
        body = (
            b'{"model":"%b","max_tokens":100,"stream":%b,"tools":[{"name":"look_up","input_schema":{}}],"messages":'
            b'[{"role":"user","content":"Hi"},{"role":"assistant","content":[%b]},{"role":"user","content":[%b]}]}'
        ) % (self.fake.model.encode(), b"true" if streamed else b"false", call, result)
        answer = self.server.post("/v1/messages", body, {"Content-Type": "application/json"})
        assert written.encode() in self.asked[-1].raw_body
        if streamed:
            deltas = [json.loads(one).get("delta", {}) for one in answer.events()]
            assert "".join(one.get("partial_json", "") for one in deltas) == written
        else:
            assert b'"input":' + written.encode() in answer.body

    def test_thoughts_between_texts_keep_their_place(self, sdk: anthropic.Anthropic) -> None:
        blocks: Any = [
            {"type": "thinking", "thinking": "a", "signature": "c2lnMQ=="},
            {"type": "text", "text": "First."},
            {"type": "redacted_thinking", "data": "cmVk"},
            {"type": "text", "text": "Second."},
        ]
        said: Any = [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": blocks},
            {"role": "user", "content": "Go on."},
        ]
        self._ask(sdk, False, messages=said)
        assert self.asked[-1].body["messages"][1]["content"] == blocks

    def test_tools_that_anthropic_runs_pass(self, sdk: anthropic.Anthropic) -> None:
        search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}
        self._ask(sdk, False, messages=[{"role": "user", "content": "Hi"}], tools=[search])
        assert self.asked[-1].body["tools"] == [search]

    def test_beta_features_go_with_the_request(self, sdk: anthropic.Anthropic) -> None:
        sdk.beta.messages.create(
            model=self.fake.model,
            max_tokens=50,
            messages=[{"role": "user", "content": "Hi"}],
            betas=["interleaved-thinking-2025-05-14", "oauth-2025-04-20", "files-api-2025-04-14"],
        )
        asked = self.asked[-1]
        assert asked.headers["anthropic-beta"] == "interleaved-thinking-2025-05-14"
        assert "anthropic_beta" not in asked.body

    def test_more_than_four_stop_sequences_pass(self, sdk: anthropic.Anthropic) -> None:
        stops = list("abcdef")
        self._ask(
            sdk, False, messages=[{"role": "user", "content": "Hi"}], stop_sequences=stops, extra_body={"top_k": 7}
        )
        assert self.asked[-1].body["stop_sequences"] == stops
        assert self.asked[-1].body["top_k"] == 7

    @pytest.mark.parametrize("streamed", [False, True])
    def test_the_sequence_that_ended_the_answer_is_told(self, sdk: anthropic.Anthropic, streamed: bool) -> None:
        reply = self.fake.stream(Say(("Hi",))) if streamed else self.fake.whole(Say(("Hi",)))
        assert not isinstance(reply.body, bytes) or not streamed
        pieces = [reply.body] if isinstance(reply.body, bytes) else list(reply.body)
        ended = (
            b"".join(pieces)
            .replace(b'"end_turn"', b'"stop_sequence"')
            .replace(b'"stop_sequence":null', b'"stop_sequence":"END"')
        )
        self.says(Reply(200, ended, reply.headers))
        answer = self._ask(sdk, streamed, messages=[{"role": "user", "content": "Hi"}], stop_sequences=["END"])
        assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", "END")

    def test_an_overload_is_told_as_one(self, sdk: anthropic.Anthropic) -> None:
        self.says(self._error())
        with pytest.raises(anthropic.InternalServerError) as refused:
            self._ask(sdk, False, messages=[{"role": "user", "content": "Hi"}])
        body: Any = refused.value.body
        assert body["error"]["type"] == "overloaded_error"
        assert body["errors"][0]["id"] == 153

    def test_responses_carry_the_thoughts_of_claude_sealed(self) -> None:
        """The other front before the same provider: reasoning items with signatures that go back to it."""
        self.says(FULL, Say(("Done",)))
        said: list[Any] = [{"role": "user", "content": "Hi"}]
        tool = {"type": "function", "name": "look_up", "parameters": TOOL["input_schema"]}
        body = {
            "model": self.fake.reasoning_model,
            "tools": [tool],
            "include": ["reasoning.encrypted_content"],
            "reasoning": {"effort": "low"},
            "max_output_tokens": 9000,
        }
        first = self.server.post("/v1/responses", {**body, "input": said}).json()
        assert [item["type"] for item in first["output"]] == [
            "reasoning", "message", "function_call", "function_call",
        ]  # fmt: skip
        assert first["output"][0]["summary"] == [{"type": "summary_text", "text": "hmm"}]
        said += first["output"]
        said += [{"type": "function_call_output", "call_id": call.id, "output": "x"} for call in CALLS]
        second = self.server.post("/v1/responses", {**body, "input": said})
        assert second.status == 200, second.body
        blocks = self.asked[-1].body["messages"][1]["content"]
        assert blocks[0] == {"type": "thinking", "thinking": "hmm", "signature": "c2ln"}
        assert [block["type"] for block in blocks] == ["thinking", "text", "tool_use", "tool_use"]

    def _error(self) -> Reply:
        return self.fake.error("overloaded")

    def _ask(self, sdk: anthropic.Anthropic, streamed: bool, **members: Any) -> Any:
        given = {"model": self.fake.reasoning_model if "thinking" in members else self.fake.model, "max_tokens": 9000}
        if not streamed:
            return sdk.messages.create(**given, **members)
        with sdk.messages.stream(**given, **members) as stream:
            return stream.get_final_message()
