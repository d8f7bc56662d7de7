"""Cases of the suite: answers whole and streamed, how they end, what they cost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.providers.fakes.base import Call, Counts, Finish, Say
from tests.providers.stage import HELLO, TOOL, Stage
from tests.upstream import Asked, Reply
from tests.usage import find_usage

SAID = 'Año nuevo: 日本語, 😀👩‍👩‍👧, e\u0301 \u2028 "quoted" \\ \ttab\nline <&> \u0000'.replace("\u0000", "end")
PIECES = tuple(SAID[i : i + 3] for i in range(0, len(SAID), 3))
THOUGHTS = ("First ", "think 思考, ", "then speak.")
both = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


class AnswerCases(Stage):
    def test_plain(self) -> None:
        answer = self.ask()
        assert answer.status == 200, answer.body
        body = answer.json()
        assert body["object"] == "chat.completion" and body["id"] and body["created"] > 1_700_000_000
        assert body["model"] and not body["model"].lower().startswith(f"{self.fake.provider.lower()}/")
        (choice,) = body["choices"]
        assert (choice["index"], choice["finish_reason"]) == (0, "stop")
        assert (choice["message"]["role"], choice["message"]["content"]) == ("assistant", "Hello there")
        assert not choice["message"].get("tool_calls")
        assert body["requestId"] == answer.headers["x-request-id"]
        assert self.heard.model and not self.heard.stream
        assert [turn.text for turn in self.heard.turns] == ["Say hello."]

    def test_plain_says_who_answered(self) -> None:
        headers = self.ask().headers
        assert headers["x-portico-provider"].lower() == self.fake.provider.lower()
        assert headers["x-portico-attempts"] == "1"
        assert headers.get("x-portico-provider-request-id", "") == self.fake.request_id

    def test_streamed(self) -> None:
        streamed = self.stream_well()
        assert self.heard.stream
        assert streamed.text == "Hello there"
        assert streamed.finishes == ["stop"]
        assert streamed.deltas[0]["role"] == "assistant"
        assert all(event["object"] == "chat.completion.chunk" for event in streamed.events)
        assert len({(event["id"], event["created"], event["model"]) for event in streamed.events}) == 1
        assert all(chunk["choices"][0]["index"] == 0 for chunk in streamed.chunks)
        headers = streamed.answer.headers
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-cache", "no")
        assert headers["x-portico-provider"].lower() == self.fake.provider.lower()
        assert headers["x-portico-attempts"] == "1"

    def test_streamed_piece_by_piece(self) -> None:
        """Every frame leaves as a chunk of its own: nothing is held back and joined."""
        self.says(Say(text=tuple(f"{i} " for i in range(20))))
        texts = [delta["content"] for delta in self.stream_well().deltas if delta.get("content")]
        assert texts == [f"{i} " for i in range(20)]

    @both
    def test_hc12_text_comes_out_as_it_went_in(self, streamed: bool) -> None:
        self.says(Say(text=PIECES))
        assert self.message(streamed)["content"] == SAID

    @both
    def test_hc12_a_question_goes_on_as_it_was_asked(self, streamed: bool) -> None:
        self.message(streamed, SAID)
        assert [turn.text for turn in self.heard.turns] == [SAID]

    @both
    def test_an_empty_answer_is_an_answer(self, streamed: bool) -> None:
        self.says(Say())
        message = self.message(streamed)
        assert (message["content"], message.get("tool_calls")) == ("", None)

    def test_streams_at_once_do_not_mix(self) -> None:
        """Each stream has a reader of its own, whatever state its dialect needs."""
        self.plays(self._echo)
        questions = [f"{i} " * 20 for i in range(12)]
        with ThreadPoolExecutor(len(questions)) as pool:
            messages = list(pool.map(lambda question: self.message(True, question, tools=[TOOL]), questions))
        assert [message["content"] for message in messages] == questions
        arguments = [[call["function"]["arguments"] for call in message["tool_calls"]] for message in messages]
        assert arguments == [[f'{{"word":"{question}"}}'] for question in questions]

    def _echo(self, asked: Asked) -> Reply:
        text = self.fake.heard(asked).turns[-1].text
        pieces = tuple(text[i : i + 4] for i in range(0, len(text), 4))
        call = Call("look_up", ('{"word":"', *pieces, '"}'), self.fake.call_ids[0])
        return self.fake.stream(Say(pieces, calls=(call,), finish="tool_calls"), gap_s=0.005)

    def test_hc11_hc12_a_stream_fed_byte_by_byte(self) -> None:
        say = Say(text=PIECES, reasoning=THOUGHTS if self.fake.reasoning_model else ())
        self.says(self.fake.stream(say, bytewise=True))
        streamed = self.stream_well(model=self.fake.reasoning_model or self.fake.model)
        assert streamed.text == SAID
        assert streamed.reasoning == say.whole_reasoning
        assert streamed.finishes == ["stop"]

    def test_hc11_hc12_calls_fed_byte_by_byte(self) -> None:
        call = Call("look_up", ('{"word": ', '"日本', '😀"}'), self.fake.call_ids[0])
        self.says(self.fake.stream(Say(calls=(call,), finish="tool_calls"), bytewise=True))
        message = self.stream_well(tools=[TOOL]).message()
        assert message["tool_calls"][0]["function"] == {"name": "look_up", "arguments": '{"word": "日本😀"}'}

    def test_hc11_a_whole_answer_to_a_streamed_request(self) -> None:
        self.says(self.fake.whole(HELLO))
        streamed = self.stream_well()
        assert (streamed.text, streamed.finishes) == ("Hello there", ["stop"])

    # usage ----------------------------------------------------------------------------------------------------

    def test_hc09_usage_chunk_only_when_asked_for(self) -> None:
        without = self.stream_well()
        assert without.usages == []
        asked = self.stream_well(stream_options={"include_usage": True})
        assert len(asked.usages) == 1
        assert asked.events[-1]["choices"] == [] and asked.events[-1]["usage"] == asked.usages[0]
        assert len(asked.events) == len(without.events) + 1
        assert asked.usages[0]["prompt_tokens"] == 8
        assert [event["usage"] for event in asked.events[:-1]] == [None] * len(without.events)
        assert not any("usage" in event for event in without.events)

    def test_hc09_an_unasked_usage_is_metered_all_the_same(self) -> None:
        line = find_usage(self.server, self.stream_well().answer.headers["x-request-id"])
        assert (line["input_uncached"], line["output_visible"], line["estimated"]) == (8, 5, False)

    @both
    def test_hc24_usage_is_added_up_once(self, streamed: bool) -> None:
        counts = Counts(input=800, cached=400, output=50, reasoning=20)
        told = self.fake.told(counts)
        self.says(Say(text=("Hi",), counts=counts))
        if streamed:
            read = self.stream_well(stream_options={"include_usage": True})
            usage, request_id = read.usages[0], read.answer.headers["x-request-id"]
        else:
            body = self.ask_well()
            usage, request_id = body["usage"], body["requestId"]
        assert usage["prompt_tokens"] == told.prompt
        assert usage["completion_tokens"] == told.completion
        assert usage["total_tokens"] == told.prompt + told.completion
        assert usage["prompt_tokens_details"]["cached_tokens"] == told.cached
        assert usage["completion_tokens_details"]["reasoning_tokens"] == told.reasoning
        line = find_usage(self.server, request_id)
        found = [line[name] for name in ("input_uncached", "cache_read", "output_visible", "reasoning")]
        assert found == [told.input, told.cached, told.output, told.reasoning]
        assert not line["estimated"]
        assert line["provider"].lower() == self.fake.provider.lower()
        assert (line["status"], line["finish_reason"], line["stream"]) == ("completed", "stop", streamed)

    @both
    def test_hc24_cost_members(self, streamed: bool) -> None:
        if streamed:
            read = self.stream_well(stream_options={"include_usage": True})
            usage, request_id = read.usages[0], read.answer.headers["x-request-id"]
        else:
            body = self.ask_well()
            usage, request_id = body["usage"], body["requestId"]
        assert usage["currency"] == "USD"
        assert usage["total_cost"] == pytest.approx(usage["prompt_cost"] + usage["completion_cost"])
        assert usage["total_cost"] == pytest.approx(find_usage(self.server, request_id)["cost_picousd"] / 1e12)

    # how it ends ----------------------------------------------------------------------------------------------

    @both
    @pytest.mark.parametrize("finish", ["stop", "length", "tool_calls", "content_filter"])
    def test_hc10_finish_reason(self, finish: Finish, streamed: bool) -> None:
        calls = (Call("look_up", ('{"word":"a"}',), self.fake.call_ids[0]),) if finish == "tool_calls" else ()
        self.says(Say(text=("Well",), calls=calls, finish=finish))
        tools = {"tools": [TOOL]} if calls else {}
        if streamed:
            read = self.stream_well(**tools)
            assert read.finishes == [finish]
            assert read.chunks[-1]["choices"][0]["finish_reason"] == finish, "in the last chunk, once"
        else:
            assert self.ask_well(**tools)["choices"][0]["finish_reason"] == finish

    @both
    def test_hc10_a_limit_wins_over_calls(self, streamed: bool) -> None:
        call = Call("look_up", ('{"word":"a"}',), self.fake.call_ids[0])
        self.says(Say(calls=(call,), finish="length"))
        if streamed:
            assert self.stream_well(tools=[TOOL]).finishes == ["length"]
        else:
            assert self.ask_well(tools=[TOOL])["choices"][0]["finish_reason"] == "length"

    # thinking -------------------------------------------------------------------------------------------------

    @both
    def test_hc05_thoughts_are_shown(self, streamed: bool) -> None:
        self.says(Say(text=("Four.",), reasoning=THOUGHTS, signature="c2lnbmF0dXJl"))
        message = self.message(streamed, model=self.fake.reasoning_model)
        assert message["reasoning_content"] == "".join(THOUGHTS)
        assert message["content"] == "Four."

    @both
    def test_hc05_thoughts_are_taken_back(self, streamed: bool) -> None:
        """Before the call of the same turn, word for word, with their signature."""
        model = self.fake.reasoning_model
        call = Call("look_up", ('{"word":"a"}',), id=self.fake.call_ids[0])
        self.says(Say(reasoning=THOUGHTS, signature="c2lnbmF0dXJl", calls=(call,), finish="tool_calls"), HELLO)
        effort = {"model": model, "tools": [TOOL], "reasoning_effort": "low"}
        message = self.message(streamed, "Think.", **effort)
        result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "found"}
        self.ask_well([user_said(), message, result], **effort)
        turn = next(turn for turn in self.heard.turns if turn.role == "assistant")
        parts = [part for part in turn.parts if part.text or part.kind == "call"]
        assert [part.kind for part in parts] == ["reasoning", "call"]
        assert parts[0].text == "".join(THOUGHTS)
        assert parts[0].signature == ("c2lnbmF0dXJl" if self.fake.signs_thoughts else "")

    def test_reasoning_effort_reaches_the_provider(self) -> None:
        assert self.fake.efforts, "the fake names the efforts of its reasoning model"
        for asked, heard in self.fake.efforts:
            answer = self.ask(model=self.fake.reasoning_model, reasoning_effort=asked)
            assert answer.status == 200, answer.body
            assert (asked, self.heard.thought) == (asked, heard)
            assert "reasoning_effort" not in self.adjusted(answer)

    def test_reasoning_effort_is_clamped_and_said(self) -> None:
        assert self.fake.clamped_efforts, "the fake names efforts that its reasoning model does not take"
        for asked, heard in self.fake.clamped_efforts:
            answer = self.ask(model=self.fake.reasoning_model, reasoning_effort=asked)
            assert answer.status == 200, answer.body
            assert (asked, self.heard.thought) == (asked, heard)
            assert "reasoning_effort" in self.adjusted(answer)


def user_said() -> dict[str, str]:
    return {"role": "user", "content": "Think."}
