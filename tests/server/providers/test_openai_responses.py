"""Chat requests on the Responses API, case by case, beside what the suite plays (`test_suite_openai_responses.py`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.providers.translating import Translation, chat_request

from portico.server.errors import ProviderError, ProviderRateLimit, ProviderRefused, ProviderUnknown
from portico.server.providers.base import Tokens, Traits
from portico.server.providers.openai import OpenAI
from portico.server.providers.openai.responses import needs_responses

RESPONSES = Traits(api="responses")
PARTED = Traits(tools_with_reasoning="responses", effort_values=("none", "low"))
USAGE = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 30},
    "output_tokens": 50,
    "output_tokens_details": {"reasoning_tokens": 20},
    "total_tokens": 150,
}
TOOLS = [{"type": "function", "function": {"name": "look_up"}}]


def asked(messages: Any = "Hi", *, traits: Traits = RESPONSES, **more: Any) -> Translation:
    return Translation(OpenAI(), chat_request(messages, **more), traits)


def response(*output: Any, **more: Any) -> dict[str, Any]:
    head = {"id": "resp_1", "object": "response", "created_at": 1.0, "model": "m-1", "status": "completed"}
    return {**head, "error": None, "incomplete_details": None, "output": list(output), "usage": USAGE, **more}


def said(*content: Any) -> dict[str, Any]:
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": list(content)}


def text(words: str, *annotations: Any) -> dict[str, Any]:
    return {"type": "output_text", "text": words, "annotations": list(annotations), "logprobs": []}


def test_tools_are_flat_and_not_strict_unless_they_say_so() -> None:
    strict = {"type": "function", "function": {"name": "b", "strict": True, "parameters": {"type": "object"}}}
    first, second = asked(tools=[*TOOLS, strict]).body["tools"]
    assert first == {
        "type": "function", "name": "look_up", "description": "", "strict": False,
        "parameters": {"type": "object", "properties": {}},
    }  # fmt: skip
    assert (second["name"], second["strict"], second["parameters"]) == ("b", True, {"type": "object"})


def test_hc22_members_with_another_place_there_find_it_and_those_without_one_are_told() -> None:
    made = asked(verbosity="low", response_format={"type": "json_object"}, web_search_options={})
    assert made.body["text"] == {"format": {"type": "json_object"}, "verbosity": "low"}
    assert made.turn.adjusted == ["web_search_options dropped"]
    assert asked(verbosity="high").body["text"] == {"verbosity": "high"}
    assert "text" not in asked(verbosity=None).body


def test_results_with_files_are_parts() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    parts = [
        {"type": "text", "text": "Here."},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
    ]
    history = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": parts},
    ]
    (output,) = [item["output"] for item in asked(history).body["input"] if item["type"] == "function_call_output"]
    assert output == [
        {"type": "input_text", "text": "Here."},
        {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="},
    ]


def test_texts_between_calls_keep_their_place() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"a": 1.0}'}}
    history = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": "Looking.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "found"},
        {"role": "user", "content": "And?"},
    ]
    items = asked(history).body["input"]
    assert [item["type"] for item in items] == [
        "message", "message", "function_call", "function_call_output", "message",
    ]  # fmt: skip
    assert items[1]["content"] == [{"type": "output_text", "text": "Looking."}]
    assert items[2]["arguments"] == '{"a": 1.0}', "as the model wrote it"


@pytest.mark.parametrize("stream", [True, False])
def test_a_model_that_cannot_stream_is_not_asked_to(stream: bool) -> None:
    for streaming in (True, False):
        made = asked(traits=Traits(api="responses", streaming=streaming), stream=stream)
        assert made.body.get("stream", False) is (stream and streaming)
        assert made.outgoing.stream is stream


@pytest.mark.parametrize(
    ("traits", "effort", "tools", "needed"),
    [
        (RESPONSES, "", False, True),
        (Traits(), "high", True, False),
        (replace(PARTED, effort_default="none"), "", True, False),
        (replace(PARTED, effort_default="low"), "", True, True),
        (PARTED, "", True, False),
        (replace(PARTED, effort_values=("low", "high")), "", True, True),
        (PARTED, "low", True, True),
        (PARTED, "none", True, False),
        (PARTED, "low", False, False),
    ],
)
def test_hc08_where_a_request_goes(traits: Traits, effort: str, tools: bool, needed: bool) -> None:
    request = chat_request(effort=effort, **({"tools": TOOLS} if tools else {}))
    assert needs_responses(request, Translation(OpenAI(), request, traits).target) is needed


def test_hc24_usage_is_counted_once() -> None:
    made = asked()
    made.read(response(said(text("Hi"))))
    assert made.turn.tokens == Tokens(
        input_uncached=30, cache_read=40, cache_write_5m=30, output_visible=30, reasoning=20
    )


def test_refusals_and_sources_reach_the_caller() -> None:
    source = {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 2}
    choice = asked().read(response(said(text("Hi", source), {"type": "refusal", "refusal": "No."})))
    inner = {name: value for name, value in source.items() if name != "type"}
    assert choice["message"]["annotations"] == [{"type": "url_citation", "url_citation": inner}]
    assert (choice["message"]["content"], choice["message"]["refusal"]) == ("Hi", "No.")
    event = {"type": "response.output_text.annotation.added", "annotation": source, "output_index": 0}
    streamed = asked(stream=True).deltas(event, {"type": "response.refusal.delta", "delta": "No."})
    assert streamed[0]["annotations"] == [{"type": "url_citation", "url_citation": inner}]
    assert streamed[1] == {"refusal": "No."}


def test_items_of_other_kinds_are_passed_over() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    choice = asked().read(response(search, said(text("Hi"))))
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Hi", "stop")


@pytest.mark.parametrize(
    ("code", "cls", "status"),
    [
        ("rate_limit_exceeded", ProviderRateLimit, 429),
        ("invalid_prompt", ProviderRefused, 400),
        ("invalid_image_format", ProviderRefused, 400),
        ("image_too_large", ProviderRefused, 400),
        ("server_error", ProviderUnknown, 502),
        ("something_new", ProviderUnknown, 502),
    ],
)
def test_hc13_a_failure_with_status_200_keeps_its_kind(code: str, cls: type[ProviderError], status: int) -> None:
    failed = response(status="failed", error={"code": code, "message": "It failed."}, usage=None)
    for fail in (
        lambda: asked().read(failed),
        lambda: asked(stream=True).read_events({"type": "response.failed", "response": failed}),
        lambda: asked(stream=True).read_events({"type": "error", "code": code, "message": "It failed."}),
        lambda: asked(stream=True).read_events({"type": "error", "error": {"code": code, "message": "It failed."}}),
    ):
        with pytest.raises(cls) as raised:
            fail()
        assert (raised.value.status, raised.value.message) == (status, "It failed.")


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"output":7}'])
def test_what_is_no_response_is_the_providers_fault(body: bytes) -> None:
    with pytest.raises(ProviderUnknown):
        asked().read(body)
