"""The suite on the `anthropic` adapter, and its fake checked with the official SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import pytest

from tests.providers.cases_requests import PDF, data_url, png
from tests.providers.fakes.anthropic import AnthropicFake
from tests.providers.fakes.base import RETRY_AFTER_S, Call, Counts, ErrorKind, Say
from tests.providers.suite import ProviderSuite
from tests.upstream import Upstream


class TestAnthropic(ProviderSuite):
    fake = AnthropicFake()


# the fake itself, asked by the official SDK ------------------------------------------------------------------

FAKE = AnthropicFake()
MODEL = "claude-fake-20260101"
CALLS = (Call("look_up", ('{"wo', 'rd":"日本"}'), "toolu_01A"), Call("tell_time", (), "toolu_01B"))
FULL = Say(("Hé", "llo 😀"), ("hm", "m"), "c2ln", CALLS, "tool_calls", Counts(6, 4, 3, 2))
HI: Any = [{"role": "user", "content": "Hi"}]
WEATHER: Any = {"name": "look_up", "input_schema": {"type": "object", "properties": {"word": {"type": "string"}}}}


@pytest.fixture
def provider() -> Iterator[Upstream]:
    with Upstream() as upstream:
        upstream.script = lambda asked: FAKE.speak(FULL, asked)
        yield upstream


@pytest.fixture
def sdk(provider: Upstream) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key=FAKE.key, base_url=provider.root, max_retries=0) as client:
        yield client


def check_full(answer: anthropic.types.Message) -> None:
    thinking, text, *calls = answer.content
    assert thinking.type == "thinking" and (thinking.thinking, thinking.signature) == ("hmm", "c2ln")
    assert text.type == "text" and text.text == "Héllo 😀"
    assert [(c.id, c.name, c.input) for c in calls if c.type == "tool_use"] == [
        ("toolu_01A", "look_up", {"word": "日本"}),
        ("toolu_01B", "tell_time", {}),
    ]
    assert answer.stop_reason == "tool_use"
    usage = answer.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (6, 4, 5)
    assert usage.output_tokens_details is not None and usage.output_tokens_details.thinking_tokens == 2


def test_fake_anthropic_speaks_anthropic(sdk: anthropic.Anthropic) -> None:
    answer = sdk.messages.create(model=MODEL, max_tokens=50, messages=HI)
    check_full(answer)
    assert answer._request_id == FAKE.request_id


def test_fake_anthropic_speaks_anthropic_in_streams(sdk: anthropic.Anthropic) -> None:
    """The SDK's own accumulator puts the events together."""
    with sdk.messages.stream(model=MODEL, max_tokens=50, messages=HI) as stream:
        check_full(stream.get_final_message())


@pytest.mark.parametrize(
    ("kind", "error", "type_"),
    [
        ("wrong_key", anthropic.AuthenticationError, "authentication_error"),
        ("forbidden", anthropic.PermissionDeniedError, "permission_error"),
        ("not_found", anthropic.NotFoundError, "not_found_error"),
        ("rate_limit", anthropic.RateLimitError, "rate_limit_error"),
        ("quota", anthropic.BadRequestError, "invalid_request_error"),
        ("overloaded", anthropic.InternalServerError, "overloaded_error"),
        ("too_long", anthropic.BadRequestError, "invalid_request_error"),
        ("bad_request", anthropic.BadRequestError, "invalid_request_error"),
        ("html", anthropic.InternalServerError, None),
    ],
)
def test_fake_anthropic_refuses_like_anthropic(
    sdk: anthropic.Anthropic,
    provider: Upstream,
    kind: ErrorKind,
    error: type[anthropic.APIStatusError],
    type_: str | None,
) -> None:
    provider.replies(FAKE.error(kind))
    with pytest.raises(error) as raised:
        sdk.messages.create(model=MODEL, max_tokens=50, messages=HI)
    assert raised.value.type == type_
    if kind == "rate_limit":
        assert raised.value.response.headers["retry-after"] == str(RETRY_AFTER_S)


@pytest.mark.parametrize("say", [None, Say(("Hel", "lo"))], ids=["at once", "behind text"])
def test_fake_anthropic_fails_in_streams_like_anthropic(
    sdk: anthropic.Anthropic, provider: Upstream, say: Say | None
) -> None:
    provider.replies(FAKE.error_in_stream("overloaded", say))
    seen = ""
    failing = pytest.raises(anthropic.APIStatusError, match="Overloaded")
    with failing, sdk.messages.stream(model=MODEL, max_tokens=50, messages=HI) as stream:
        for text in stream.text_stream:
            seen += text
    assert seen == (say.whole_text if say else "")


def test_fake_anthropic_breaks_off(sdk: anthropic.Anthropic, provider: Upstream) -> None:
    provider.replies(FAKE.broken_stream(Say(("Hel", "lo"))))
    failing = pytest.raises(httpx2.RemoteProtocolError, match="incomplete")
    with failing, sdk.messages.stream(model=MODEL, max_tokens=50, messages=HI) as stream:
        stream.get_final_message()


def test_fake_anthropic_hears_what_the_sdk_sends(sdk: anthropic.Anthropic, provider: Upstream) -> None:
    picture, document = (data_url("", data).partition("base64,")[2] for data in (png(), PDF))
    parts = [
        {"type": "text", "text": "What?"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": picture}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": document}},
    ]
    said: Any = [
        {"role": "user", "content": parts},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                {"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {"word": "a"}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "found"}]},
    ]
    sdk.messages.create(
        model=MODEL,
        max_tokens=3000,
        messages=said,
        system=[{"type": "text", "text": "Be brief."}],
        tools=[WEATHER],
        tool_choice={"type": "auto", "disable_parallel_tool_use": True},
        stop_sequences=["END"],
        thinking={"type": "enabled", "budget_tokens": 2000},
        output_config={"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
    )
    heard = FAKE.heard(provider.asked[0])
    assert (heard.model, heard.stream, heard.system) == (MODEL, False, "Be brief.")
    assert [part.kind for part in heard.parts()] == ["text", "image", "file", "reasoning", "call", "result"]
    assert heard.parts("image")[0].data == png() and heard.parts("file")[0].data == PDF
    assert heard.parts("reasoning")[0].signature == "c2ln"
    assert heard.parts("call")[0].value == {"word": "a"} and heard.parts("result")[0].id == "toolu_1"
    assert (heard.tool_choice, heard.parallel, heard.max_tokens, heard.budget) == ("auto", False, 3000, 2000)
    assert (heard.stop, heard.effort, heard.schema) == (("END",), "low", {"type": "object"})
