"""Chat requests that pass the door and are odd all the same: every adapter writes them, or refuses them as ours.

Members that nobody checks at the door come to an adapter as a caller wrote them: a mistake there would be a 500.
"""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portico.server.catalog.entry import Model, Reasoning
from portico.server.edge.routes.chat import read_chat_request
from portico.server.errors import PorticoError
from portico.server.gateway.parameters import fit_request
from portico.server.gateway.routing.targets import traits_of
from portico.server.providers.anthropic import Anthropic
from portico.server.providers.azure import Azure
from portico.server.providers.base import Adapter, Credential, Target, Turn
from portico.server.providers.bedrock import Bedrock
from portico.server.providers.cohere import Cohere
from portico.server.providers.gemini import Gemini
from portico.server.providers.mistral import Mistral
from portico.server.providers.ollama import Ollama
from portico.server.providers.openai import OpenAI
from portico.wire.requests import ChatRequest

ADAPTERS: dict[str, tuple[Adapter, str]] = {
    "openai": (OpenAI(), "gpt-5"),
    "responses": (OpenAI(), "o1-pro"),
    "azure": (Azure(cast(Any, None)), "gpt-4o"),
    "anthropic": (Anthropic(), "claude-sonnet-4-5"),
    "gemini": (Gemini(), "gemini-2.5-pro"),
    "bedrock": (Bedrock(), "anthropic.claude-sonnet-4-5"),
    "nova": (Bedrock(), "amazon.nova-pro-v1:0"),
    "cohere": (Cohere(), "command-a-reasoning"),
    "mistral": (Mistral(), "magistral-medium"),
    "ollama": (Ollama(), "gpt-oss"),
}
MODES: dict[str, Reasoning] = {
    "none": Reasoning(),
    "budget": Reasoning(("low", "high"), thinking_mode="budget", budget_min=1024, budget_max=8000),
    "adaptive": Reasoning(("low", "high", "max"), thinking_mode="adaptive"),
    "level": Reasoning(("none", "low", "high"), thinking_mode="level", tools_with_reasoning="responses"),
}

leaf = st.sampled_from([None, True, 0, 7, -1, 0.5, "", "x", "auto", "none", "http://a.example/b.pdf"])
names = st.sampled_from(["type", "name", "x", "function", "text"])
jsons = st.recursive(
    leaf, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=3), max_leaves=5
)


def some(needed: dict[str, Any] | None = None, **members: Any) -> Any:
    """An object with all that is `needed`, and some of the members, one in four of them odd."""
    odd = {name: st.one_of(strategy, strategy, strategy, jsons) for name, strategy in members.items()}
    return st.fixed_dictionaries(needed or {}, optional=odd)


mark = {"cache_control": st.just({"type": "ephemeral", "ttl": "1h"})}
PICTURE = "data:image/png;base64,iVBORw0KGgo="
address = st.sampled_from(
    ["https://a.example/b.pdf", "s3://a/b.png", "AAAA", "x", PICTURE, "data:text/plain;base64,AAA"]
)
part = st.one_of(
    some({"type": st.just("text"), "text": st.sampled_from(["x", " ", ""])}, **mark),
    some({"type": st.just("image_url"), "image_url": some({"url": address}, detail=leaf)}, **mark),
    some({"type": st.just("video_url")}, video_url=some(url=address)),
    some({"type": st.just("input_audio")}, input_audio=some(data=st.just("AAAA"), format=st.just("mp3"))),
    some({"type": st.just("file")}, file=some(file_data=address, filename=leaf), **mark),
    some({"type": st.just("refusal")}, refusal=leaf),
    some({"type": st.sampled_from(["thinking", "redacted_thinking"])}, thinking=leaf, signature=leaf, data=leaf),
)
arguments = st.sampled_from(["{}", "", "{", '{"a":1}', "[]"])
call = some(
    {"function": some(name=st.just("f"), arguments=arguments)},
    id=st.just("call_1"),
    extra_content=some(google=jsons),
    **mark,
)
message = some(
    {
        "role": st.sampled_from(["system", "developer", "user", "assistant", "assistant", "tool", "function"]),
        "content": st.just("Hi") | st.lists(part, max_size=3),
    },
    tool_calls=st.lists(call, max_size=2),
    tool_call_id=st.just("call_1"),
    name=leaf,
    thinking_blocks=st.lists(part, max_size=2),
    reasoning_content=leaf,
    is_error=leaf,
    **mark,
)
KEYWORDS = [
    "type", "properties", "items", "enum", "format", "description", "minLength", "required", "anyOf", "allOf", "$ref",
    "$defs", "additionalProperties", "const", "x",
]  # fmt: skip
schema = st.just({"type": "object", "properties": {"a": {"type": "string"}}}) | st.recursive(
    leaf,
    lambda inner: st.dictionaries(
        st.sampled_from(KEYWORDS),
        inner | st.lists(inner, max_size=2) | st.sampled_from(["object", "string", "#/$defs/x"]),
        max_size=4,
    ),
    max_leaves=8,
)
tool = st.one_of(
    some(
        {
            "type": st.just("function"),
            "function": some({"name": st.just("f")}, description=leaf, parameters=schema, strict=leaf),
        },
        **mark,
    ),
    some({"type": st.just("web_search")}, function=leaf, **mark),
    some(googleSearch=jsons, function=leaf),
)
OTHERS = [
    "n", "stop", "seed", "logprobs", "top_logprobs", "logit_bias", "user", "top_k", "service_tier",
    "modalities", "audio", "prediction", "verbosity", "web_search_options", "parallel_tool_calls",
    "reasoning_effort", "thinking", "response_format", "anthropic_beta", "container", "cache_control",
    "safetySettings", "cachedContent", "labels", "guardrailConfig", "requestMetadata", "serviceTier",
    "additionalModelRequestFields", "documents", "k", "safety_mode", "options", "keep_alive", "prompt_mode",
    "random_seed", "min_tokens", "functions", "function_call", "prompt_cache_key", "num_ctx", "max_tokens",
    "max_completion_tokens", "temperature", "top_p", "frequency_penalty", "metadata", "store",
]  # fmt: skip
values = (
    jsons
    | st.sampled_from([{"type": "json_object"}, {"type": "enabled", "budget_tokens": 2000}, "high", 1, 0.5])
    | some(type=st.just("json_schema"), json_schema=some({"schema": schema}, name=leaf, strict=leaf))
)
body = st.fixed_dictionaries(
    {"messages": st.lists(message, min_size=1, max_size=4)},
    optional={
        "tools": st.lists(tool, min_size=1, max_size=3),
        "tool_choice": st.sampled_from(["auto", "none", "required"])
        | some({"type": st.just("function")}, function=some(name=st.just("f")), name=leaf),
        "stream": st.booleans(),
    },
)
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def write(request: ChatRequest, name: str, mode: str) -> None:
    """As the gateway does: fitted to a model, then written."""
    adapter, upstream = ADAPTERS[name]
    api: Any = "responses" if name == "responses" else "chat"
    more: Any = {"max_output": 32_000, "reasoning": MODES[mode], "api": api, "system_role": mode != "none"}
    model = Model("id", name, upstream, "Chat", {}, **more)
    credential = Credential("https://api.example.com", "key")
    turn = Turn(keep_usage=True)
    target = Target(name, upstream, upstream, adapter, None, credential, traits_of(model))
    json.loads(adapter.write_chat(fit_request(request, model, turn), target, turn).body)
    assert all(isinstance(note, str) for note in turn.adjusted)


@pytest.mark.parametrize("name", ADAPTERS)
@given(body, st.dictionaries(st.sampled_from(OTHERS), values, max_size=3), st.sampled_from(sorted(MODES)))
@settings(deadline=None, max_examples=150, suppress_health_check=QUIET)
def test_any_chat_request_is_written_or_refused(name: str, said: Any, more: Any, mode: str) -> None:
    given_body = json.dumps({**more, **said, "model": "openai/m"}).encode()
    try:
        write(read_chat_request(given_body), name, mode)
    except PorticoError as error:
        assert error.status < 500, error.message
