"""Cases of the suite: tools offered, called, and their results sent back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.providers.fakes.base import Call, Say
from tests.providers.stage import HELLO, OTHER_TOOL, TOOL, Stage, user

VERBATIM = '{"b": 1.0, "a": 12345678901234567890, "é": [1e3, "日本 😀"], "B": {"z": null, "y": 2.50}}'
both = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


def calling(*calls: Call) -> Say:
    return Say(calls=calls, finish="tool_calls")


def call_member(call_id: str, name: str = "look_up", arguments: str = '{"word":"sun"}') -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def result(call_id: str, content: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def assistant(*calls: dict[str, Any], content: str | None = None) -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


class ToolCases(Stage):
    tools = (TOOL, OTHER_TOOL)

    def two(self) -> tuple[Call, Call]:
        """Two calls at once, their arguments in pieces."""
        first, second = self.fake.call_ids
        return (
            Call("look_up", ('{"wo', 'rd":', '"sun"}'), first),
            Call("tell_time", ('{"zone"', ':"UTC"}'), second),
        )

    def test_tools_whole(self) -> None:
        self.says(calling(*self.two()))
        body = self.ask_well(tools=self.tools)
        (choice,) = body["choices"]
        assert choice["finish_reason"] == "tool_calls"
        assert choice["message"]["content"] == "", "the vendor's client breaks on null"
        calls = choice["message"]["tool_calls"]
        assert [call["type"] for call in calls] == ["function", "function"]
        assert [call["function"] for call in calls] == [{"name": c.name, "arguments": c.text} for c in self.two()]
        assert len({call["id"] for call in calls}) == 2 and all(call["id"] for call in calls)

    def test_tools_are_told_to_the_provider(self) -> None:
        self.ask_well(tools=self.tools)
        assert [(t.name, t.description) for t in self.heard.tools] == [
            ("look_up", "Looks a word up."),
            ("tell_time", "Tells the time."),
        ]
        assert self.heard.tools[0].schema == TOOL["function"]["parameters"]  # type: ignore[index]

    def test_text_and_calls_in_one_answer(self) -> None:
        self.says(Say(text=("Let me see.",), calls=self.two()[:1], finish="tool_calls"))
        for streamed in (False, True):
            message = self.message(streamed, tools=self.tools)
            assert message["content"] == "Let me see."
            assert message["tool_calls"][0]["function"]["arguments"] == '{"word":"sun"}'

    def test_hc01_parallel_calls_while_streaming(self) -> None:
        self.says(Say(text=("Let me see.",), calls=self.two(), finish="tool_calls"))
        streamed = self.stream_well(tools=self.tools)
        pieces = streamed.call_deltas
        for index, call in enumerate(self.two()):
            first, *rest = [piece for piece in pieces if piece["index"] == index]
            assert first["id"] and first["type"] == "function"
            assert first["function"] == {"name": call.name, "arguments": ""}
            assert all(set(piece) == {"index", "function"} for piece in rest)
            assert all(set(piece["function"]) == {"arguments"} for piece in rest)
            assert "".join(piece["function"]["arguments"] for piece in rest) == call.text
        assert {piece["index"] for piece in pieces} == {0, 1}, "counted over calls only"
        assert streamed.finishes == ["tool_calls"]

    @both
    def test_hc02_empty_arguments(self, streamed: bool) -> None:
        first, second = self.fake.call_ids
        self.says(calling(Call("tell_time", (), first), Call("look_up", ('{"word":"a"}',), second)))
        calls = self.message(streamed, tools=self.tools)["tool_calls"]
        assert [call["function"]["arguments"] for call in calls] == ["{}", '{"word":"a"}']

    @both
    def test_hc02_argument_text_is_kept_verbatim(self, streamed: bool) -> None:
        pieces = tuple(VERBATIM[i : i + 5] for i in range(0, len(VERBATIM), 5))
        self.says(calling(Call("look_up", pieces, self.fake.call_ids[0])))
        (call,) = self.message(streamed, tools=self.tools)["tool_calls"]
        assert call["function"]["arguments"] == VERBATIM

    def test_hc02_arguments_in_the_history_keep_order_and_numbers(self) -> None:
        history = [user("Look."), assistant(call_member("call_a1", arguments=VERBATIM)), result("call_a1", "found")]
        self.ask_well(history, tools=self.tools)
        (call,) = self.heard.parts("call")
        assert json.dumps(call.value) == json.dumps(json.loads(VERBATIM))

    def test_hc03_results_go_back_together_and_in_order(self) -> None:
        history = [
            user("Look both up."),
            assistant(call_member("call_a1"), call_member("call_b2", "tell_time", "{}"), content="Looking."),
            result("call_a1", "a star"),
            result("call_b2", [{"type": "text", "text": "noon"}]),
            user("And now?"),
        ]
        self.ask_well(history, tools=self.tools)
        heard = self.heard
        assert [call.name for call in heard.parts("call")] == ["look_up", "tell_time"]
        results = heard.parts("result")
        assert [part.text for part in results] == ["a star", "noon"]
        if self.fake.has_call_ids:
            assert [part.id for part in results] == [part.id for part in heard.parts("call")]
        kinds = [part.kind for part in heard.parts()]
        assert kinds == ["text", "text", "call", "call", "result", "result", "text"], "text behind the results"
        if self.fake.alternates:
            assert len([turn for turn in heard.turns if any(p.kind == "result" for p in turn.parts)]) == 1

    @both
    def test_hc04_an_id_comes_back_as_the_provider_gave_it(self, streamed: bool) -> None:
        self.says(calling(*self.two()), HELLO)
        message = self.message(streamed, tools=self.tools)
        ids = [call["id"] for call in message["tool_calls"]]
        self.ask_well([user("Look."), message, *(result(i, "found") for i in ids)], tools=self.tools)
        if self.fake.has_call_ids:
            assert [part.id for part in self.heard.parts("call")] == [call.id for call in self.two()]
            assert [part.id for part in self.heard.parts("result")] == [call.id for call in self.two()]
        else:
            assert [part.name for part in self.heard.parts("call")] == [call.name for call in self.two()]

    def test_hc04_foreign_ids_are_mapped_one_to_one_and_the_same_each_time(self) -> None:
        ids = ["call:über/" + "x" * 70, "call:über/" + "x" * 70 + "y", "functions.look_up:0", "a"]
        if not self.fake.has_call_ids:
            return self._check_order(ids)
        history = [user("Look."), assistant(*map(call_member, ids)), *(result(i, f"r{n}") for n, i in enumerate(ids))]
        sent = []
        for _ in range(2):
            self.ask_well(history, tools=self.tools)
            sent.append([part.id for part in self.heard.parts("call")])
            assert [part.id for part in self.heard.parts("result")] == sent[-1]
        assert sent[0] == sent[1]
        assert len(set(sent[0])) == len(ids)
        assert all(self.fake.call_id.fullmatch(i) for i in sent[0]), sent[0]
        return None

    def _check_order(self, ids: list[str]) -> None:
        """Without ids on the wire the order of calls and results is all there is."""
        history = [user("Look."), assistant(*map(call_member, ids)), *(result(i, f"r{n}") for n, i in enumerate(ids))]
        self.ask_well(history, tools=self.tools)
        assert [part.text for part in self.heard.parts("result")] == ["r0", "r1", "r2", "r3"]

    @pytest.mark.parametrize("choice", ["auto", "none", "required"])
    def test_hc08_tool_choice(self, choice: str) -> None:
        answer = self.ask(tools=self.tools, tool_choice=choice)
        assert answer.status == 200, answer.body
        if choice == "none" and not self.heard.tools:
            return
        said = self.heard.tool_choice or "auto"
        assert said == choice or "tool_choice" in self.adjusted(answer)

    def test_hc08_a_named_tool(self) -> None:
        named = {"type": "function", "function": {"name": "tell_time"}}
        answer = self.ask(tools=self.tools, tool_choice=named)
        assert answer.status == 200, answer.body
        only = [tool.name for tool in self.heard.tools] == ["tell_time"] and self.heard.tool_choice == "required"
        assert self.heard.tool_choice == "tell_time" or only or "tool_choice" in self.adjusted(answer)

    def test_hc08_no_parallel_calls(self) -> None:
        answer = self.ask(tools=self.tools, parallel_tool_calls=False)
        assert answer.status == 200, answer.body
        assert self.heard.parallel is False or "parallel_tool_calls" in self.adjusted(answer)
