"""The suite on the `openai` adapter for a model of the Responses API, and the fake checked with the official SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import openai
import pytest

from tests.providers.cases_requests import PDF, SCHEMA, data_url, png
from tests.providers.fakes.base import Call, Counts, ErrorKind, Say
from tests.providers.fakes.openai import OpenAIFake
from tests.providers.fakes.openai_responses import OpenAIResponsesFake
from tests.providers.stage import HELLO, OTHER_TOOL, TOOL
from tests.providers.suite import ProviderSuite
from tests.upstream import Upstream

NO_SAMPLING = "all models that are served by the Responses API alone think always and take no sampling parameters"
TWO_CALLS = (Call("look_up", ('{"wo', 'rd":"日本"}'), "call_a1"), Call("tell_time", (), "call_b2"))


class TestOpenAIResponses(ProviderSuite):
    fake = OpenAIResponsesFake()
    gaps: ClassVar[dict[str, str]] = {
        "hc05_thoughts_are_taken_back": "thoughts come back sealed and for what is stored only; nothing is stored",
        "hc20_stop_sequences_of_blanks_are_left_out": "the Responses API has no stop sequences",
        "hc22_sampling_passes": NO_SAMPLING,
        "hc22_temperature_is_clamped_and_said": NO_SAMPLING,
        "hc22_unknown_members_pass_in_the_same_dialect_only": "two of OpenAI's own members pass; see the case below",
    }

    def test_hc22_members_that_both_apis_have_pass(self) -> None:
        self.ask_well(prompt_cache_key="k-1", service_tier="flex", x_unknown_member={"a": [1]})
        assert (self.heard.raw["prompt_cache_key"], self.heard.raw["service_tier"]) == ("k-1", "flex")
        assert "x_unknown_member" not in self.heard.raw

    def test_hc21_a_limit_below_the_least_is_raised_and_said(self) -> None:
        answer = self.ask(max_tokens=5)
        assert answer.status == 200, answer.body
        assert self.heard.max_tokens == 16
        assert self.adjusted(answer) == "max_tokens 5->16"

    def test_hc08_tools_and_thinking_go_to_the_responses_api(self) -> None:
        """gpt-5.6 refuses them together elsewhere; without either it is asked as before."""
        self.says(Say(calls=TWO_CALLS, finish="tool_calls"))
        for model in ("openai/gpt-5.6", "openai/gpt-6.1-sol"):
            for effort in ({}, {"reasoning_effort": "high"}):
                message = self.message(True, model=model, tools=[TOOL, OTHER_TOOL], **effort)
                assert self.asked[-1].path == "/v1/responses", (model, effort)
                assert [call["function"]["arguments"] for call in message["tool_calls"]] == ['{"word":"日本"}', "{}"]
        self.ask_well(model="openai/gpt-5.4", tools=[TOOL], reasoning_effort="low")
        assert self.heard.effort == "low", "it thinks only when asked to, and then refuses tools elsewhere as well"

    def test_hc08_tools_without_thinking_stay_where_they_are(self) -> None:
        self.says(OpenAIFake().whole(HELLO))
        for asking in (
            {"model": "openai/gpt-5.6", "tools": [TOOL], "reasoning_effort": "none"},
            {"model": "openai/gpt-5.6", "reasoning_effort": "high"},
            {"model": "openai/gpt-5.4", "tools": [TOOL]},
        ):
            self.ask_well(**asking)
            assert self.asked[-1].path == "/v1/chat/completions", asking

    def test_hc13_a_failed_response_keeps_its_kind(self) -> None:
        for code, status in (("rate_limit_exceeded", 429), ("invalid_image_format", 400), ("server_error", 502)):
            reply = self.fake.error_in_stream("overloaded")
            reply.body = [self.fake.failed_frame(code, "It failed.")]
            self.says(reply)
            answer = self.ask(stream=True)
            assert (answer.status, answer.json()["error"]["message"]) == (status, "It failed.")

    def test_a_model_that_cannot_stream_is_asked_whole(self) -> None:
        """The caller gets his stream all the same."""
        streamed = self.stream_well(model="openai/o1-pro", stream_options={"include_usage": True})
        assert not self.heard.stream
        assert (streamed.text, streamed.finishes) == ("Hello there", ["stop"])
        assert streamed.usages[0]["prompt_tokens"] == HELLO.counts.prompt

    def test_nothing_is_stored_over_there(self) -> None:
        self.ask_well(store=True, metadata={"a": "b"})
        assert self.heard.raw["store"] is False


# the fake itself, asked by the official SDK ------------------------------------------------------------------

FAKE = OpenAIResponsesFake()
MODEL = "gpt-5.3-codex"
FULL = Say(("Hé", "llo 😀"), ("hm", "m"), calls=TWO_CALLS, finish="tool_calls", counts=Counts(6, 4, 3, 2))


@pytest.fixture
def provider() -> Iterator[Upstream]:
    with Upstream() as upstream:
        upstream.script = lambda asked: FAKE.speak(FULL, asked)
        yield upstream


@pytest.fixture
def sdk(provider: Upstream) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=FAKE.key, base_url=provider.url, max_retries=0) as client:
        yield client


def _check(answer: Any) -> None:
    assert answer.output_text == "Héllo 😀"
    calls = [item for item in answer.output if item.type == "function_call"]
    assert [(c.call_id, c.name, c.arguments) for c in calls] == [(c.id, c.name, c.text) for c in TWO_CALLS]
    thoughts = [item.summary[0].text for item in answer.output if item.type == "reasoning"]
    assert thoughts == ["hmm"]
    usage = answer.usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (10, 5, 15)
    assert (usage.input_tokens_details.cached_tokens, usage.output_tokens_details.reasoning_tokens) == (4, 2)


def test_fake_responses_speaks_openai(sdk: openai.OpenAI) -> None:
    answer = sdk.responses.create(model=MODEL, input="Hi", store=False)
    assert (answer.status, answer.error, answer.incomplete_details) == ("completed", None, None)
    _check(answer)


def test_fake_responses_speaks_openai_in_streams(sdk: openai.OpenAI) -> None:
    """The SDK's own accumulator follows every event and refuses those out of order."""
    with sdk.responses.stream(model=MODEL, input="Hi", store=False) as stream:
        kinds = [event.type for event in stream]
        _check(stream.get_final_response())
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed"


@pytest.mark.parametrize(("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_fake_responses_ends_early_like_openai(
    sdk: openai.OpenAI, provider: Upstream, finish: Any, reason: str
) -> None:
    provider.script = lambda asked: FAKE.speak(Say(("Well",), finish=finish), asked)
    answer = sdk.responses.create(model=MODEL, input="Hi", store=False)
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None and answer.incomplete_details.reason == reason
    events = list(sdk.responses.create(model=MODEL, input="Hi", store=False, stream=True))
    assert events[-1].type == "response.incomplete"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("wrong_key", openai.AuthenticationError),
        ("not_found", openai.NotFoundError),
        ("rate_limit", openai.RateLimitError),
        ("too_long", openai.BadRequestError),
        ("html", openai.InternalServerError),
    ],
)
def test_fake_responses_refuses_like_openai(
    sdk: openai.OpenAI, provider: Upstream, kind: ErrorKind, error: type[openai.APIStatusError]
) -> None:
    provider.replies(FAKE.error(kind))
    with pytest.raises(error):
        sdk.responses.create(model=MODEL, input="Hi", store=False)


def test_fake_responses_fails_in_streams_like_openai(sdk: openai.OpenAI, provider: Upstream) -> None:
    provider.replies(FAKE.error_in_stream("overloaded", Say(("Hel", "lo"))))
    *_, last = sdk.responses.create(model=MODEL, input="Hi", store=False, stream=True)
    assert last.type == "error" and "overloaded" in last.message, "an event as any other to the SDK"
    reply = FAKE.error_in_stream("overloaded")
    reply.body = [FAKE.failed_frame("server_error", "It failed.")]
    provider.replies(reply)
    (event,) = sdk.responses.create(model=MODEL, input="Hi", store=False, stream=True)
    assert event.type == "response.failed"
    assert event.response.error is not None and event.response.error.message == "It failed."


def test_fake_responses_hears_what_the_sdk_sends(sdk: openai.OpenAI, provider: Upstream) -> None:
    items: Any = [
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What?"},
                {"type": "input_image", "image_url": data_url("image/png", png())},
                {"type": "input_file", "filename": "menu.pdf", "file_data": data_url("application/pdf", PDF)},
            ],
        },
        {"type": "function_call", "call_id": "call_1", "name": "look_up", "arguments": '{"word":"a"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "found"},
    ]
    tool: Any = {"type": "function", **TOOL["function"], "strict": True}  # type: ignore[dict-item]
    sdk.responses.create(
        model=MODEL,
        instructions="Be brief.",
        input=items,
        tools=[tool],
        tool_choice={"type": "function", "name": "look_up"},
        parallel_tool_calls=False,
        max_output_tokens=99,
        text={"format": {"type": "json_schema", "name": "town", "schema": SCHEMA, "strict": True}},
        reasoning={"effort": "low"},
        store=False,
    )
    heard = FAKE.heard(provider.asked[0])
    assert (heard.model, heard.stream, heard.system) == (MODEL, False, "Be brief.")
    assert [part.kind for part in heard.parts()] == ["text", "image", "file", "call", "result"]
    assert heard.parts("image")[0].data == png() and heard.parts("file")[0].data == PDF
    assert heard.parts("call")[0].value == {"word": "a"} and heard.parts("result")[0].id == "call_1"
    assert (heard.tool_choice, heard.parallel, heard.max_tokens) == ("look_up", False, 99)
    assert (heard.effort, heard.schema) == ("low", SCHEMA)
    assert [(one.name, one.strict) for one in heard.tools] == [("look_up", True)]


def test_fake_responses_refuses_what_only_chat_completions_take(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="Unknown parameter: 'seed'"):
        sdk.responses.create(model=MODEL, input="Hi", store=False, extra_body={"seed": 7})
    with pytest.raises(openai.BadRequestError, match=">= 16"):
        sdk.responses.create(model=MODEL, input="Hi", store=False, max_output_tokens=5)
