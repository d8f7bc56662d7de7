"""The suite on the `openai` adapter, and its fake checked with the official SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

import openai
import pytest

from tests.providers.cases_requests import PDF, data_url, png
from tests.providers.fakes.base import RETRY_AFTER_S, Call, Counts, ErrorKind, Say
from tests.providers.fakes.openai import OpenAIFake
from tests.providers.stage import OTHER_TOOL, TOOL, user
from tests.providers.suite import ProviderSuite
from tests.upstream import Asked, Reply, Upstream

SAME_DIALECT = "a request in the provider's own dialect passes as the caller wrote it"


class TestOpenAI(ProviderSuite):
    fake = OpenAIFake()
    gaps: ClassVar[dict[str, str]] = {
        "hc05_thoughts_are_taken_back": "OpenAI's chat completions take no thoughts back; they belong to Responses",
        "hc20_empty_texts_are_left_out": SAME_DIALECT,
        "hc20_an_empty_system_message_is_left_out": SAME_DIALECT,
        "hc20_stop_sequences_of_blanks_are_left_out": SAME_DIALECT,
    }


# the fake itself, asked by the official SDK ------------------------------------------------------------------

FAKE = OpenAIFake()
MODEL = "gpt-4o-mini"
CALLS = (Call("look_up", ('{"wo', 'rd":"日本"}'), "call_a1"), Call("tell_time", (), "call_b2"))
FULL = Say(("Hé", "llo 😀"), ("hm", "m"), calls=CALLS, finish="tool_calls", counts=Counts(6, 4, 3, 2))


@pytest.fixture
def provider() -> Iterator[Upstream]:
    with Upstream() as upstream:
        upstream.script = lambda asked: FAKE.speak(FULL, asked)
        yield upstream


@pytest.fixture
def sdk(provider: Upstream) -> Iterator[openai.OpenAI]:
    url = FAKE.environ(provider.root)["PORTICO_PROVIDER_OPENAI_BASE_URL"]
    with openai.OpenAI(api_key=FAKE.key, base_url=url, max_retries=0) as client:
        yield client


def test_fake_openai_speaks_openai(sdk: openai.OpenAI) -> None:
    answer = sdk.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hi"}])
    (choice,) = answer.choices
    assert (choice.message.content, choice.finish_reason) == ("Héllo 😀", "tool_calls")
    calls = choice.message.tool_calls or []
    assert [(c.id, c.function.name, c.function.arguments) for c in calls] == [  # type: ignore[union-attr]
        (c.id, c.name, c.text) for c in CALLS
    ]
    usage = answer.usage
    assert usage is not None and (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (10, 5, 15)
    assert usage.prompt_tokens_details is not None and usage.prompt_tokens_details.cached_tokens == 4
    assert usage.completion_tokens_details is not None and usage.completion_tokens_details.reasoning_tokens == 2


def test_fake_openai_speaks_openai_in_streams(sdk: openai.OpenAI) -> None:
    """The SDK's own accumulator puts interleaved calls together."""
    tools: Any = [TOOL, OTHER_TOOL]
    with sdk.chat.completions.stream(
        model=MODEL, messages=[{"role": "user", "content": "Hi"}], tools=tools, stream_options={"include_usage": True}
    ) as stream:
        answer = stream.get_final_completion()
    (choice,) = answer.choices
    assert (choice.message.content, choice.finish_reason) == ("Héllo 😀", "tool_calls")
    calls = choice.message.tool_calls or []
    assert [(c.id, c.function.name, c.function.arguments) for c in calls] == [(c.id, c.name, c.text) for c in CALLS]
    assert answer.usage is not None and answer.usage.total_tokens == 15


def test_fake_openai_streams_usage_only_when_asked_for(sdk: openai.OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "Hi"}]
    without = list(sdk.chat.completions.create(model=MODEL, messages=messages, stream=True))
    asked = list(
        sdk.chat.completions.create(model=MODEL, messages=messages, stream=True, stream_options={"include_usage": True})
    )
    assert [chunk for chunk in without if chunk.usage or not chunk.choices] == []
    assert asked[-1].usage is not None and asked[-1].choices == [] and len(asked) == len(without) + 1


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("wrong_key", openai.AuthenticationError),
        ("forbidden", openai.PermissionDeniedError),
        ("not_found", openai.NotFoundError),
        ("rate_limit", openai.RateLimitError),
        ("quota", openai.RateLimitError),
        ("overloaded", openai.InternalServerError),
        ("too_long", openai.BadRequestError),
        ("bad_request", openai.BadRequestError),
        ("html", openai.InternalServerError),
    ],
)
def test_fake_openai_refuses_like_openai(
    sdk: openai.OpenAI, provider: Upstream, kind: ErrorKind, error: type[openai.APIStatusError]
) -> None:
    provider.replies(FAKE.error(kind))
    with pytest.raises(error) as raised:
        sdk.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hi"}])
    if kind == "too_long":
        assert raised.value.code == "context_length_exceeded"
    if kind == "rate_limit":
        assert raised.value.response.headers["retry-after"] == str(RETRY_AFTER_S)


@pytest.mark.parametrize("say", [None, Say(("Hel", "lo"))], ids=["at once", "behind text"])
def test_fake_openai_fails_in_streams_like_openai(sdk: openai.OpenAI, provider: Upstream, say: Say | None) -> None:
    provider.replies(FAKE.error_in_stream("overloaded", say))
    stream = sdk.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hi"}], stream=True)
    seen = ""
    with pytest.raises(openai.APIError, match="overloaded"):
        for chunk in stream:
            seen += chunk.choices[0].delta.content or ""
    assert seen == (say.whole_text if say else "")


def test_fake_openai_breaks_off(sdk: openai.OpenAI, provider: Upstream) -> None:
    provider.replies(FAKE.broken_stream(Say(("Hel", "lo"))))
    stream = sdk.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hi"}], stream=True)
    with pytest.raises(openai.APIConnectionError):
        list(stream)


def test_fake_openai_hears_what_the_sdk_sends(sdk: openai.OpenAI, provider: Upstream) -> None:
    picture = {"type": "image_url", "image_url": {"url": data_url("image/png", png())}}
    document = {"type": "file", "file": {"filename": "menu.pdf", "file_data": data_url("application/pdf", PDF)}}
    call = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"word":"a"}'}}
    messages: Any = [
        {"role": "system", "content": "Be brief."},
        user([{"type": "text", "text": "What?"}, picture, document]),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "found"},
    ]
    form: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}, "strict": True}}
    tools: Any = [TOOL]
    sdk.chat.completions.create(
        model=MODEL,
        messages=messages,
        tools=tools,
        tool_choice={"type": "function", "function": {"name": "look_up"}},
        parallel_tool_calls=False,
        max_completion_tokens=9,
        temperature=0.5,
        stop="END",
        response_format=form,
        reasoning_effort="low",
    )
    heard = FAKE.heard(provider.asked[0])
    assert (heard.model, heard.stream, heard.system) == (MODEL, False, "Be brief.")
    assert [turn.role for turn in heard.turns] == ["user", "assistant", "tool"]
    assert [part.kind for part in heard.parts()] == ["text", "image", "file", "call", "result"]
    assert heard.parts("image")[0].data == png() and heard.parts("file")[0].data == PDF
    assert heard.parts("call")[0].value == {"word": "a"} and heard.parts("result")[0].id == "call_1"
    assert (heard.tool_choice, heard.parallel, heard.max_tokens) == ("look_up", False, 9)
    assert (heard.temperature, heard.stop, heard.effort, heard.schema) == (0.5, ("END",), "low", {"type": "object"})
    assert provider.asked[0].headers["authorization"] == f"Bearer {FAKE.key}"


def test_fake_openai_gives_json_as_it_is_asked(provider: Upstream) -> None:
    """As content when the request has a schema, as arguments when it forces a tool."""
    messages = [{"role": "user", "content": "Hi"}]
    plain: Reply = FAKE.whole(FAKE.structured("{}", Asked("/", {}, {"model": MODEL, "messages": messages})))
    assert isinstance(plain.body, bytes)
    assert json.loads(plain.body)["choices"][0]["message"]["content"] == "{}"
    forced = {"model": MODEL, "messages": messages, "tools": [TOOL], "tool_choice": "required"}
    assert FAKE.structured("{}", Asked("/", {}, forced)).calls[0].name == "look_up"
