"""What compatible providers are sent: the rows of the shipped catalogue, through the rules of thinking, to a body."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from portico.server.catalog.find import Catalog
from portico.server.catalog.load import load_catalog
from portico.server.gateway.reasoning import take_asked
from portico.server.gateway.routing.targets import traits_of
from portico.server.providers.base import NO_QUIRKS, Quirks, Target, Turn
from portico.server.providers.openai import OpenAI
from portico.wire.model_ref import DirectModel
from portico.wire.requests import ChatRequest

TOOLS = [{"type": "function", "function": {"name": "look_up"}}]


@pytest.fixture(scope="module")
def shipped() -> Catalog:
    return load_catalog(None)


def sent(shipped: Catalog, full_name: str, *, stream: bool = False, **asked: Any) -> tuple[dict[str, Any], list[str]]:
    """The members that go out beside model and messages, and what was adjusted."""
    provider_name, _, name = full_name.partition("/")
    provider, model = shipped.find_provider(provider_name), shipped.resolve(provider_name, name)
    given = {"messages": [{"role": "user", "content": "Hi"}], **asked}
    members: dict[str, Any] = {key: msgspec.Raw(json.dumps(value).encode()) for key, value in given.items()}
    notes: list[str] = []
    effort, budget = take_asked(members, model, notes)
    ref = DirectModel(provider_name, name)
    request = ChatRequest(ref, members, stream=stream, has_tools="tools" in asked, effort=effort, budget=budget)
    quirks = msgspec.convert(dict(provider.quirks), Quirks) if provider.quirks else NO_QUIRKS
    adapter, turn = OpenAI(), Turn(keep_usage=True, adjusted=notes)
    upstream = model.upstream_name or model.name
    target = Target(provider.name, model.name, upstream, adapter, None, traits=traits_of(model), quirks=quirks)
    body = json.loads(adapter.write_chat(request, target, turn).body)
    assert body.pop("model") == upstream and body.pop("messages") == given["messages"]
    return body, turn.adjusted


ON, OFF = {"type": "enabled"}, {"type": "disabled"}


@pytest.mark.parametrize(
    ("model", "asked", "body", "adjusted"),
    [
        ("deepseek/deepseek-v4-pro", "none", {"thinking": OFF}, []),
        ("deepseek/deepseek-v4-pro", "low", {"thinking": ON, "reasoning_effort": "low"}, []),
        ("deepseek/deepseek-v4-pro", "high", {"thinking": ON, "reasoning_effort": "high"}, []),
        ("deepseek/deepseek-v4-pro", "xhigh", {"thinking": ON, "reasoning_effort": "max"}, ["xhigh->max"]),
        ("deepseek/deepseek-reasoner", "high", {}, ["dropped"]),
        ("deepseek/deepseek-chat", "none", {}, ["dropped"]),
        ("zai/glm-4.7", "none", {"thinking": OFF}, []),
        ("zai/glm-4.7", "high", {"thinking": ON}, ["high->on"]),
        ("zai/glm-5.2", "low", {"thinking": ON, "reasoning_effort": "high"}, ["low->high"]),
        ("zai/glm-5.2", "none", {"thinking": OFF}, []),
        ("zai/glm-5.3", "none", {"thinking": ON, "reasoning_effort": "low"}, ["none->low"]),
        ("alibaba/qwen-plus", "none", {"enable_thinking": False}, []),
        ("alibaba/qwen-plus", "low", {"enable_thinking": True, "thinking_budget": 800}, []),
        ("alibaba/qwen-plus", "high", {"enable_thinking": True, "thinking_budget": 8000}, []),
        ("alibaba/qwen3-coder-plus", "low", {}, ["dropped"]),
        ("perplexity/sonar-pro", "high", {}, ["dropped"]),
        ("perplexity/sonar-reasoning-pro", "none", {"reasoning_effort": "minimal"}, ["none->minimal"]),
        ("perplexity/sonar-reasoning-pro", "high", {"reasoning_effort": "high"}, []),
        ("groq/openai/gpt-oss-120b", "none", {"reasoning_effort": "low"}, ["none->low"]),
        ("groq/openai/gpt-oss-120b", "high", {"reasoning_effort": "high"}, []),
        ("groq/llama-3.3-70b-versatile", "low", {}, ["dropped"]),
        ("xai/grok-3-mini", "none", {"reasoning_effort": "low"}, ["none->low"]),
        ("xai/grok-3-mini", "medium", {"reasoning_effort": "high"}, ["medium->high"]),
        ("xai/grok-4.3", "none", {"reasoning_effort": "none"}, []),
        ("xai/grok-4", "high", {}, ["dropped"]),
    ],
)
def test_effort_goes_out_as_each_provider_wants_it(
    shipped: Catalog, model: str, asked: str, body: dict[str, Any], adjusted: list[str]
) -> None:
    found, notes = sent(shipped, model, reasoning_effort=asked)
    assert (found, [note.removeprefix("reasoning_effort ") for note in notes]) == (body, adjusted)


def test_a_budget_goes_out_where_it_is_known(shipped: Catalog) -> None:
    asked = {"type": "enabled", "budget_tokens": 2000}
    found, notes = sent(shipped, "alibaba/qwen-plus", thinking=asked)
    assert (found, notes) == ({"enable_thinking": True, "thinking_budget": 2000}, [])
    found, notes = sent(shipped, "zai/glm-4.7", thinking={"type": "disabled"})
    assert (found, notes) == ({"thinking": OFF}, [])


@pytest.mark.parametrize(
    ("model", "member"),
    [
        ("deepseek/deepseek-chat", "max_tokens"),
        ("zai/glm-4.7", "max_tokens"),
        ("alibaba/qwen-plus", "max_tokens"),
        ("perplexity/sonar", "max_tokens"),
        ("groq/llama-3.3-70b-versatile", "max_completion_tokens"),
        ("xai/grok-4", "max_completion_tokens"),
    ],
)
def test_hc21_the_limit_has_the_name_that_is_known_there(shipped: Catalog, model: str, member: str) -> None:
    for asked, limit in (
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 8}, 8),
        ({"max_tokens": 7, "max_completion_tokens": 8}, 8),
    ):
        assert sent(shipped, model, **asked) == ({member: limit}, [])


@pytest.mark.parametrize(
    ("model", "asked", "left"),
    [
        ("deepseek/deepseek-chat", {"seed": 1, "n": 2, "temperature": 0.5}, {"temperature": 0.5}),
        ("zai/glm-4.7", {"seed": 1, "presence_penalty": 1, "logprobs": True, "top_p": 0.5}, {"top_p": 0.5}),
        ("alibaba/qwen-plus", {"logit_bias": {"1": 1}, "seed": 1}, {"seed": 1}),
        ("perplexity/sonar", {"tools": TOOLS, "stop": "x", "seed": 1, "top_p": 0.5}, {"top_p": 0.5}),
        ("groq/llama-3.3-70b-versatile", {"logprobs": True, "top_logprobs": 2, "seed": 1}, {"seed": 1}),
        ("xai/grok-4", {"logit_bias": {"1": 1}, "seed": 1}, {"seed": 1}),
    ],
)
def test_hc22_what_a_provider_refuses_is_dropped_and_said(
    shipped: Catalog, model: str, asked: dict[str, Any], left: dict[str, Any]
) -> None:
    found, notes = sent(shipped, model, **asked)
    assert found == left
    assert sorted(notes) == sorted(f"{name} dropped" for name in asked.keys() - left.keys())


@pytest.mark.parametrize("model", ["deepseek/deepseek-chat", "groq/llama-3.3-70b-versatile", "xai/grok-4"])
def test_hc09_usage_of_a_stream_is_asked_for(shipped: Catalog, model: str) -> None:
    assert sent(shipped, model, stream=True) == ({"stream": True, "stream_options": {"include_usage": True}}, [])


def test_hc09_usage_that_comes_unasked_is_not_asked_for(shipped: Catalog) -> None:
    assert sent(shipped, "perplexity/sonar", stream=True) == ({"stream": True}, [])
