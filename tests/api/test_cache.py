"""The answer cache through the door: hits, misses, the header, streams, vectors, and forgetting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from portico import Portico
from tests.live import Answer, LiveServer, wait_until
from tests.upstream import COMPLETION, Upstream, whole

MODEL = "openai/gpt-4o-mini"


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory, _upstream: Upstream) -> Iterator[LiveServer]:
    """A server of these tests' own: its cache is as a fresh installation has it."""
    environ = {
        "PORTICO_PROVIDER_OPENAI_API_KEY": "upstream-key",
        "PORTICO_PROVIDER_OPENAI_BASE_URL": _upstream.url,
        "PORTICO_LOCAL_MODELS": "false",
        "PORTICO_CHAT_CACHE": "true",  # as it is unless the tests switch it off
    }
    with LiveServer(tmp_path_factory.mktemp("cached"), environ) as live:
        yield live


@pytest.fixture
def question() -> list[dict[str, str]]:
    """Nobody has asked it before."""
    return [{"role": "user", "content": f"What is {uuid4()}?"}]


def ask(server: LiveServer, messages: Any, header: str | None = None, **members: Any) -> Answer:
    headers = {} if header is None else {"X-Saia-Cache-Enabled": header}
    return server.post("/v1/chat/completions", {"model": MODEL, "messages": messages, **members}, headers)


def use(answer: Answer) -> str:
    assert answer.status == 200, answer.body
    return answer.headers["x-saia-cache"]


def test_hc30_the_second_identical_call_is_a_hit(cached: LiveServer, upstream: Upstream, question: Any) -> None:
    first, second = ask(cached, question), ask(cached, question)
    assert (use(first), use(second)) == ("MISS", "HIT")
    assert len(upstream.asked) == 1
    told, again = first.json(), second.json()
    assert again["requestId"] == second.headers["x-request-id"] != told["requestId"]
    assert again["usage"]["total_cost"] == again["usage"]["prompt_cost"] == again["usage"]["completion_cost"] == 0
    assert told["usage"]["total_cost"] > 0
    for member in ("id", "object", "created", "model", "choices"):
        assert again[member] == told[member]
    assert again["usage"]["total_tokens"] == told["usage"]["total_tokens"]


@pytest.mark.parametrize(
    "change", [{"temperature": 0.5}, {"max_tokens": 7}, {"n": 2}, {"messages": [{"role": "user", "content": "else"}]}]
)
def test_hc30_what_differs_is_a_miss(cached: LiveServer, upstream: Upstream, question: Any, change: Any) -> None:
    ask(cached, question)
    assert use(ask(cached, **{"messages": question, **change, "seed": uuid4().int % 10**6})) == "MISS"
    assert len(upstream.asked) == 2


def test_hc30_the_header_false_neither_reads_nor_writes(cached: LiveServer, upstream: Upstream, question: Any) -> None:
    assert use(ask(cached, question, "false")) == "BYPASS"
    assert use(ask(cached, question)) == "MISS"
    assert use(ask(cached, question, "False")) == "BYPASS"
    assert use(ask(cached, question, "nonsense")) == "HIT", "an unreadable value counts as absent"
    assert use(ask(cached, question, "true")) == "HIT"
    assert len(upstream.asked) == 3


def test_hc30_a_streamed_hit_is_a_stream(cached: LiveServer, upstream: Upstream, question: Any) -> None:
    ask(cached, question)
    answer = ask(cached, question, stream=True, stream_options={"include_usage": True})
    assert use(answer) == "HIT"
    *chunks, done = answer.events()
    text, end, usage = (json.loads(chunk) for chunk in chunks)
    assert done == "[DONE]"
    assert text["choices"][0]["delta"]["content"] == COMPLETION["choices"][0]["message"]["content"]
    assert end["choices"][0]["finish_reason"] == "stop"
    assert usage["choices"] == [] and usage["usage"]["total_cost"] == 0
    assert len(upstream.asked) == 1


def test_hc30_what_was_streamed_is_a_hit_for_a_plain_call(
    cached: LiveServer, upstream: Upstream, question: Any
) -> None:
    assert use(ask(cached, question, stream=True)) == "MISS"
    answer = ask(cached, question)
    assert use(answer) == "HIT"
    body = answer.json()
    assert body["choices"][0]["message"]["content"] == "Hello there"
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["usage"]["total_cost"] == 0


def test_hc30_answers_with_tool_calls_are_asked_again(cached: LiveServer, upstream: Upstream, question: Any) -> None:
    calls = [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    choices = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
    upstream.replies(whole({**COMPLETION, "choices": choices}))
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    assert [use(ask(cached, question, tools=tools)) for _ in range(2)] == ["MISS", "MISS"]


def test_hc30_failed_answers_are_asked_again(cached: LiveServer, upstream: Upstream, question: Any) -> None:
    upstream.replies(whole({"error": {"message": "no", "type": "invalid_request_error"}}, 400), whole())
    assert ask(cached, question).status == 400
    assert use(ask(cached, question)) == "MISS"


def test_hc30_searching_the_web_is_never_cached(cached: LiveServer, upstream: Upstream, question: Any) -> None:
    assert [use(ask(cached, question, web_search_options={})) for _ in range(2)] == ["BYPASS", "BYPASS"]


def test_vectors_are_cached_one_by_one_and_only_when_asked_for(cached: LiveServer, upstream: Upstream) -> None:
    def embed(inputs: list[str], header: str | None) -> Answer:
        headers = {} if header is None else {"X-Saia-Cache-Enabled": header}
        body = {"model": "openai/text-embedding-3-small", "input": inputs}
        return cached.post("/v1/embeddings", body, headers)

    one, two = str(uuid4()), str(uuid4())
    assert use(embed([one], None)) == use(embed([one], None)) == "BYPASS"
    assert use(embed([one], "true")) == "MISS"
    hit = embed([one], "true")
    assert use(hit) == "HIT" and hit.json()["usage"]["total_cost"] == 0
    assert embed([two, one], "true").json()["data"][1]["embedding"] == hit.json()["data"][0]["embedding"]
    assert upstream.asked[-1].body["input"] == [two], "only what is not known is asked for"


def test_clearing_forgets_the_projects_answers(cached: LiveServer, upstream: Upstream, question: Any) -> None:
    ask(cached, question)
    assert use(ask(cached, question)) == "HIT"
    cleared = cached.request("DELETE", "/v2/cache")
    assert (cleared.status, list(cleared.json())) == (200, ["removed"])
    assert use(ask(cached, question)) == "MISS"
    wait_until(lambda: cached.request("DELETE", "/v2/cache").json()["removed"] > 0, "the answer is stored")


def test_an_organization_token_names_the_project(cached: LiveServer, upstream: Upstream, question: Any) -> None:
    organization = cached.token("organization")
    refused = cached.request("DELETE", "/v2/cache", token=organization)
    assert (refused.status, refused.json()["errors"][0]["id"]) == (400, 9)
    project = cached.get("/v1/accessControl/apitoken/validate").json()["projectId"]
    ask(cached, question)
    headers = {"project-id": project}
    assert cached.request("DELETE", "/v2/cache", headers=headers, token=organization).status == 200
    assert use(ask(cached, question)) == "MISS"


def test_the_sdk_clears_too(cached: LiveServer, upstream: Upstream, question: Any) -> None:
    with Portico(cached.token(), cached.url) as client:
        client.chat.complete(MODEL, question)
        assert client.cache.clear() >= 0
    assert use(ask(cached, question)) == "MISS"
