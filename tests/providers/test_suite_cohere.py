"""The suite on the `cohere` adapter, and its fake checked with the official SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import cohere
import httpx
import pytest
from cohere import errors

from tests.providers.cases_requests import data_url, png
from tests.providers.fakes.base import RETRY_AFTER_S, Call, Counts, ErrorKind, Say
from tests.providers.fakes.cohere import CohereFake
from tests.providers.stage import TOOL
from tests.providers.suite import ProviderSuite
from tests.upstream import Upstream

NO_THINKER = "the catalogue holds no model of Cohere that thinks on demand; tested by itself in test_cohere.py"


class TestCohere(ProviderSuite):
    fake = CohereFake()
    gaps: ClassVar[dict[str, str]] = {
        "hc25_a_pdf": "the chat API takes pictures and texts, and no other files: docs.cohere.com/reference/chat",
        "reasoning_effort_reaches_the_provider": NO_THINKER,
        "reasoning_effort_is_clamped_and_said": NO_THINKER,
    }

    def test_hc28_embeddings(self) -> None:
        texts = [f"text {i}" for i in range(100)]
        answer = self.server.post("/v1/embeddings", {"model": "cohere/embed-multilingual-v3.0", "input": texts})
        assert answer.status == 200, answer.body
        body = answer.json()
        assert [item["index"] for item in body["data"]] == list(range(100))
        assert all(item["embedding"] == pytest.approx([0.6, -0.8]) for item in body["data"])
        assert body["usage"]["prompt_tokens"] == 300
        calls = [asked.body for asked in self.upstream.asked if asked.path == "/v2/embed"]
        assert [len(call["texts"]) for call in calls] == [96, 4]
        assert {call["input_type"] for call in calls} == {"search_document"}

    def test_ranks(self) -> None:
        asked = {"model": "cohere/rerank-v3.5", "query": "q", "documents": ["a", "bbb", "cc"], "top_n": 2}
        answer = self.server.post("/v1/rerank", asked)
        assert answer.status == 200, answer.body
        found = [(item["index"], item["relevance_score"]) for item in answer.json()["results"]]
        assert found == [(1, 1.0), (2, 0.5)]


# the fake itself, asked by the official SDK ------------------------------------------------------------------

FAKE = CohereFake()
MODEL = "command-a-03-2025"
CALLS = (Call("look_up", ('{"wo', 'rd":"日本"}'), "look_up_1"), Call("tell_time", (), "tell_time_2"))
FULL = Say(("Hé", "llo 😀"), ("hm", "m"), counts=Counts(6, 4, 3, 2))
CALLING = Say((), ("I will ", "look."), calls=CALLS, finish="tool_calls")
HI: Any = [{"role": "user", "content": "Hi"}]
ONCE: Any = {"max_retries": 0}


@pytest.fixture
def provider() -> Iterator[Upstream]:
    with Upstream() as upstream:
        upstream.script = lambda asked: FAKE.aside(asked) or FAKE.speak(FULL, asked)
        yield upstream


@pytest.fixture
def sdk(provider: Upstream) -> Iterator[cohere.ClientV2]:
    with httpx.Client(timeout=60) as client:
        yield cohere.ClientV2(
            api_key=FAKE.key, base_url=provider.root, httpx_client=client, log_warning_experimental_features=False
        )


def test_fake_cohere_speaks_cohere(sdk: cohere.ClientV2) -> None:
    answer = sdk.chat(model=MODEL, messages=HI)
    thinking, text = answer.message.content or ()
    assert thinking.type == "thinking" and thinking.thinking == "hmm"
    assert text.type == "text" and text.text == "Héllo 😀"
    assert answer.finish_reason == "COMPLETE"
    usage = answer.usage
    assert usage is not None and usage.billed_units is not None
    assert (usage.billed_units.input_tokens, usage.billed_units.output_tokens, usage.cached_tokens) == (10, 5, 4)


def test_fake_cohere_calls_tools_like_cohere(sdk: cohere.ClientV2, provider: Upstream) -> None:
    provider.script = lambda asked: FAKE.speak(CALLING, asked)
    answer = sdk.chat(model=MODEL, messages=HI)
    assert (answer.message.tool_plan, answer.finish_reason) == ("I will look.", "TOOL_CALL")
    calls = answer.message.tool_calls or []
    assert [(c.id, c.function.name, c.function.arguments) for c in calls if c.function] == [
        ("look_up_1", "look_up", '{"word":"日本"}'),
        ("tell_time_2", "tell_time", ""),
    ]


def test_fake_cohere_speaks_cohere_in_streams(sdk: cohere.ClientV2) -> None:
    texts, thoughts, kinds = "", "", []
    for event in sdk.chat_stream(model=MODEL, messages=HI):
        kinds.append(event.type)
        if event.type == "content-delta":
            content = event.delta.message.content  # type: ignore[union-attr]
            texts += content.text or ""  # type: ignore[union-attr]
            thoughts += content.thinking or ""  # type: ignore[union-attr]
        if event.type == "message-end":
            assert event.delta is not None and event.delta.usage is not None
            assert (event.delta.finish_reason, event.delta.usage.cached_tokens) == ("COMPLETE", 4)
    assert (texts, thoughts) == ("Héllo 😀", "hmm")
    assert (kinds[0], kinds[-1]) == ("message-start", "message-end")


def test_fake_cohere_calls_tools_in_streams_like_cohere(sdk: cohere.ClientV2, provider: Upstream) -> None:
    provider.script = lambda asked: FAKE.speak(CALLING, asked)
    plan, calls = "", []
    for event in sdk.chat_stream(model=MODEL, messages=HI):
        message: Any = getattr(getattr(event, "delta", None), "message", None)
        if event.type == "tool-plan-delta":
            plan += message.tool_plan
        elif event.type == "tool-call-start":
            calls.append([message.tool_calls.id, message.tool_calls.function.name, ""])
        elif event.type == "tool-call-delta":
            calls[event.index or 0][2] += message.tool_calls.function.arguments
    assert plan == "I will look."
    assert calls == [["look_up_1", "look_up", '{"word":"日本"}'], ["tell_time_2", "tell_time", ""]]


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("wrong_key", errors.UnauthorizedError),
        ("forbidden", errors.ForbiddenError),
        ("not_found", errors.NotFoundError),
        ("rate_limit", errors.TooManyRequestsError),
        ("quota", errors.TooManyRequestsError),
        ("overloaded", errors.ServiceUnavailableError),
        ("too_long", errors.BadRequestError),
        ("bad_request", errors.BadRequestError),
        ("html", cohere.core.ApiError),
    ],
)
def test_fake_cohere_refuses_like_cohere(
    sdk: cohere.ClientV2, provider: Upstream, kind: ErrorKind, error: type[Exception]
) -> None:
    provider.replies(FAKE.error(kind))
    with pytest.raises(error) as raised:
        sdk.chat(model=MODEL, messages=HI, request_options=ONCE)
    refused: Any = raised.value
    if kind == "rate_limit":
        assert refused.headers["retry-after"] == str(RETRY_AFTER_S)
    assert kind == "html" or refused.body["message"]


@pytest.mark.parametrize("say", [None, Say(("Hel", "lo"))], ids=["at once", "behind text"])
def test_fake_cohere_fails_in_streams_like_cohere(sdk: cohere.ClientV2, provider: Upstream, say: Say | None) -> None:
    provider.replies(FAKE.error_in_stream("overloaded", say))
    *_, last = sdk.chat_stream(model=MODEL, messages=HI)
    assert last.type == "message-end" and last.delta is not None
    assert (last.delta.finish_reason, last.delta.error) == ("ERROR", "the service is overloaded")


def test_fake_cohere_hears_what_the_sdk_sends(sdk: cohere.ClientV2, provider: Upstream) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"word":"a"}'}}
    picture = {"type": "image_url", "image_url": {"url": data_url("image/png", png())}}
    said: Any = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What?"}, picture]},
        {"role": "assistant", "tool_plan": "I look.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "found"},
    ]
    tools: Any = [TOOL]
    sdk.chat(
        model=MODEL,
        messages=said,
        tools=tools,
        strict_tools=True,
        tool_choice="REQUIRED",
        max_tokens=9,
        temperature=0.5,
        p=0.25,
        seed=7,
        stop_sequences=["END"],
        thinking=cohere.Thinking(type="enabled", token_budget=50),
    )
    heard = FAKE.heard(provider.asked[0])
    assert (heard.model, heard.stream, heard.system) == (MODEL, False, "Be brief.")
    assert [part.kind for part in heard.parts()] == ["text", "image", "reasoning", "call", "result"]
    assert heard.parts("image")[0].data == png()
    assert heard.parts("call")[0].value == {"word": "a"} and heard.parts("result")[0].id == "call_1"
    assert (heard.tool_choice, heard.tools[0].strict, heard.max_tokens, heard.seed) == ("required", True, 9, 7)
    assert (heard.temperature, heard.top_p, heard.stop, heard.thought) == (0.5, 0.25, ("END",), "50")


def test_fake_cohere_embeds_and_ranks_like_cohere(sdk: cohere.ClientV2) -> None:
    embedded = sdk.embed(model="embed-v4.0", input_type="search_document", texts=["a", "b"], embedding_types=["float"])
    assert embedded.embeddings.float_ == [[0.6, -0.8]] * 2
    assert embedded.meta is not None and embedded.meta.billed_units is not None
    assert embedded.meta.billed_units.input_tokens == 6
    ranked = sdk.rerank(model="rerank-v3.5", query="q", documents=["a", "bbb", "cc"], top_n=2)
    assert [(item.index, item.relevance_score) for item in ranked.results] == [(1, 1.0), (2, 0.5)]
