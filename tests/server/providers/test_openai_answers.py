"""Answers of compatible servers that leave the protocol: lists of parts as content, details of usage, empty chunks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.providers.translating import Translation, chat_request

from portico.server.errors import ProviderUnknown
from portico.server.providers.base import Tokens
from portico.server.providers.openai import OpenAI
from portico.server.providers.openai.counts import disjoint

PARTS = [{"type": "text", "text": "Hé"}, {"type": "text", "text": "llo 😀"}]


def chunk(delta: Any, finish: str | None = None) -> dict[str, Any]:
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def answer(message: Any, usage: Any = None) -> dict[str, Any]:
    choices = [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}]
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "usage": usage}


def translation(stream: bool = True) -> Translation:
    return Translation(OpenAI(), chat_request(stream=stream))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (PARTS, "Héllo 😀"),
        ([], ""),
        (["Hé", {"text": "llo"}], "Héllo"),
        ([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, PARTS[0]], "Hé"),
        ([{"type": "text", "text": None}], ""),
    ],
)
def test_lists_of_parts_become_texts(content: Any, text: str) -> None:
    (delta,) = translation().deltas(chunk({"role": "assistant", "content": content}))
    assert delta == {"role": "assistant", "content": text}
    assert translation(False).read(answer({"content": content}))["message"]["content"] == text


def test_parts_are_counted_and_leave_everything_else_as_it_was() -> None:
    made = translation()
    first = chunk({"content": PARTS})
    first["x_custom"] = {"a": 1.0}
    (event,) = made.read_events(first)
    assert event["x_custom"] == {"a": 1.0} and event["id"] == "c1"
    assert made.turn.seen_tokens == 1
    assert made.read_events(chunk({}, "stop"))[0]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("content", [7, {"text": "x"}, [7], [{"text": 7}]])
def test_content_of_another_kind_is_the_providers_fault(content: Any) -> None:
    with pytest.raises(ProviderUnknown):
        translation().read_events(chunk({"content": content}))


@pytest.mark.parametrize("content", [[7], [{"text": 7}], [[]]])
def test_parts_of_another_kind_are_the_providers_fault(content: Any) -> None:
    with pytest.raises(ProviderUnknown):
        translation(False).read(answer({"content": content}))


def test_a_message_without_content_has_an_empty_one() -> None:
    for message in ({"content": None}, {}):
        assert translation(False).read(answer(message))["message"]["content"] == ""


def test_hc24_details_of_usage_are_counted_once() -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 30, "audio_tokens": 10},
        "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 5},
    }
    made = translation(False)
    made.read(answer({"content": "Hi"}, usage))
    expected = Tokens(
        input_uncached=20, cache_read=40, cache_write_5m=30, output_visible=25, reasoning=20, audio=5, audio_in=10
    )
    assert made.turn.tokens == expected
    assert (expected.prompt, expected.completion) == (100, 50)


def test_hc24_details_beyond_their_total_count_up_to_it() -> None:
    tokens = disjoint(10, 5, cached=8, written=8, heard=8, reasoning=9, spoken=9)
    assert tokens == Tokens(cache_read=8, cache_write_5m=2, reasoning=5)
    assert (tokens.prompt, tokens.completion) == (10, 5)


@pytest.mark.parametrize("streamed", [False, True])
def test_hc24_thoughts_that_are_counted_apart_are_counted_too(streamed: bool) -> None:
    """xAI's completion tokens are the visible ones: the total says so."""
    details = {"completion_tokens_details": {"reasoning_tokens": 94}}
    usage = {"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135, **details}
    made = translation(streamed)
    if streamed:
        made.read_events({**chunk({}, "stop"), "choices": [], "usage": usage})
    else:
        made.read(answer({"content": "Hi"}, usage))
    assert made.turn.tokens == Tokens(input_uncached=32, output_visible=9, reasoning=94)


def test_a_chunk_that_says_nothing_is_not_passed_on() -> None:
    made = translation()
    assert made.read_events({**chunk({}), "choices": []}) == []
    assert made.read_events({"id": "x", "object": "x.progress"}) == [{"id": "x", "object": "x.progress"}]
    assert len(made.read_events(chunk({}))) == 1


def test_chunks_in_utf8_leave_in_ascii() -> None:
    made = translation()
    data = json.dumps(chunk({"content": PARTS}), ensure_ascii=False).encode()
    (out,) = made.adapter.read_frame(data, made.request, made.turn)
    assert out.isascii() and json.loads(out)["choices"][0]["delta"]["content"] == "Héllo 😀"


def test_hc05_thoughts_of_another_protocol_are_not_sent_back() -> None:
    ours = {"role": "assistant", "content": "Hi", "refusal": None}
    blocks = [{"type": "thinking", "thinking": "hm", "signature": "s"}]
    more = {"reasoning_content": "hm", "thinking_blocks": blocks, "native_finish_reason": "refusal"}
    own = {**ours, "reasoning_content": "kept: the answer of one that speaks this protocol"}
    made = Translation(OpenAI(), chat_request([{"role": "user", "content": "a"}, {**ours, **more}, own]))
    assert made.body["messages"][1:] == [ours, own]
    assert "thinking_blocks" in bytes(made.request.members["messages"]).decode(), "another target may want them"
