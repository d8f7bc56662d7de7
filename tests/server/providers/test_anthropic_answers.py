"""Answers of the Messages API of Anthropic as the caller gets them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.providers.translating import Translation, chat_request

from portico.server.errors import (
    ProviderAuth,
    ProviderError,
    ProviderOvercapacity,
    ProviderQuota,
    ProviderRateLimit,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnknown,
)
from portico.server.providers.answer_tool import NAME as ANSWER_TOOL
from portico.server.providers.anthropic import Anthropic
from portico.server.providers.base import Tokens
from portico.server.providers.openai_errors import ProviderContextTooLong

ADAPTER = Anthropic()
TEXT = {"type": "text", "text": "Hello"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {}}
ANSWER = {"type": "tool_use", "id": "toolu_2", "name": ANSWER_TOOL, "input": {"a": 1}}
FOUND = {
    "type": "web_search_result_location",
    "url": "https://a.example.com",
    "title": "A",
    "cited_text": "x",
    "encrypted_index": "y",
}


def translation(**members: Any) -> Translation:
    return Translation(ADAPTER, chat_request(**members))


def message(*content: Any, stop: str = "end_turn", **more: Any) -> dict[str, Any]:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x"}
    return {**head, "content": list(content), "stop_reason": stop, **more}


def start(index: int, block: Any) -> Any:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, kind: str, **members: Any) -> Any:
    return {"type": "content_block_delta", "index": index, "delta": {"type": f"{kind}_delta", **members}}


def stop(index: int) -> Any:
    return {"type": "content_block_stop", "index": index}


def begin(**usage: Any) -> Any:
    begun = {**message(), "stop_reason": None, "usage": {"input_tokens": 9, "output_tokens": 1, **usage}}
    return {"type": "message_start", "message": begun}


def end(reason: str = "end_turn", details: Any = None, **usage: Any) -> Any:
    delta = {"stop_reason": reason, "stop_sequence": None, "stop_details": details}
    return {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 5, **usage}}


# ends -------------------------------------------------------------------------------------------------------

STOPS = [
    ("end_turn", "stop", {}),
    ("stop_sequence", "stop", {}),
    ("max_tokens", "length", {}),
    ("tool_use", "tool_calls", {}),
    ("pause_turn", "stop", {"native_finish_reason": "pause_turn"}),
    ("model_context_window_exceeded", "length", {"native_finish_reason": "model_context_window_exceeded"}),
    ("refusal", "content_filter", {"native_finish_reason": "refusal", "refusal": "Not that."}),
    ("something_new", "stop", {}),
]


@pytest.mark.parametrize(("reason", "finish", "more"), STOPS)
def test_hc10_finish_reasons(reason: str, finish: str, more: dict[str, Any]) -> None:
    details = {"type": "refusal", "explanation": "Not that."} if reason == "refusal" else None
    choice = translation().read(message(TEXT, stop=reason, stop_details=details))
    assert choice["finish_reason"] == finish
    assert {k: choice["message"].get(k) for k in more} == more
    chunks = translation().read_events(begin(), end(reason, details))
    assert chunks[-1]["choices"][0]["finish_reason"] == finish
    told: dict[str, Any] = {}
    for chunk in chunks:
        told |= chunk["choices"][0]["delta"]
    assert {k: told.get(k) for k in more} == more


def test_an_answer_without_an_end_is_none() -> None:
    with pytest.raises(ProviderUnknown):
        translation().read({**message(TEXT), "stop_reason": None})


# usage ------------------------------------------------------------------------------------------------------

WRITTEN = {
    "cache_creation_input_tokens": 30,
    "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
    "cache_read_input_tokens": 7,
}


def test_hc24_usage_is_disjoint() -> None:
    made = translation()
    usage = {"input_tokens": 9, "output_tokens": 12, "output_tokens_details": {"thinking_tokens": 4}, **WRITTEN}
    made.read(message(TEXT, usage=usage))
    expected = Tokens(9, 7, 10, 20, 8, 4)
    assert made.turn.tokens == expected
    assert made.turn.usage_members == {
        "prompt_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 30},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }


def test_hc24_what_was_written_without_a_split_counts_as_five_minutes() -> None:
    made = translation()
    made.read(message(TEXT, usage={"input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 30}))
    assert made.turn.tokens is not None
    assert (made.turn.tokens.cache_write_5m, made.turn.tokens.cache_write_1h) == (30, 0)


def test_hc09_usage_of_a_stream_is_cumulative_and_may_lack_the_input() -> None:
    made = translation()
    made.read_events(begin(**WRITTEN), end(output_tokens=12, server_tool_use={"web_search_requests": 2}))
    assert made.turn.tokens == Tokens(9, 7, 10, 20, 12, 0)
    assert made.turn.usage_members is not None
    assert made.turn.usage_members["server_tool_use"] == {"web_search_requests": 2}
    made.read_events(end(input_tokens=11, output_tokens=13))
    assert made.turn.tokens == Tokens(11, 7, 10, 20, 13, 0), "totals, not additions"


def test_hc09_a_stream_that_breaks_off_knows_its_input() -> None:
    made = translation()
    made.read_events(begin(), start(0, {"type": "text", "text": ""}), *[delta(0, "text", text="a")] * 3)
    assert made.turn.tokens == Tokens(input_uncached=9, output_visible=3, estimated=True)
    assert made.turn.finish_reason == ""


# tools ------------------------------------------------------------------------------------------------------


def test_hc01_calls_are_counted_apart_from_blocks() -> None:
    chunks = translation().deltas(
        begin(),
        start(0, {"type": "thinking", "thinking": "", "signature": ""}),
        stop(0),
        start(1, {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}),
        delta(1, "input_json", partial_json='{"query":"x"}'),
        stop(1),
        start(2, CALL),
        delta(2, "input_json", partial_json=""),
        stop(2),
        start(3, {**CALL, "id": "toolu_9"}),
        delta(3, "input_json", partial_json='{"b":1.0}'),
        stop(3),
        end("tool_use"),
    )
    calls = [call for chunk in chunks for call in chunk.get("tool_calls", ())]
    assert [(call["index"], call.get("id"), call["function"]["arguments"]) for call in calls] == [
        (0, "toolu_1", ""),
        (0, None, "{}"),
        (1, "toolu_9", ""),
        (1, None, '{"b":1.0}'),
    ]


def test_hc02_arguments_are_kept_verbatim_and_those_of_the_start_count_when_no_others_come() -> None:
    body = json.dumps(message(CALL, stop="tool_use")).replace(
        '"input": {}', '"input":{"z": 1.0, "a":12345678901234567890}'
    )
    choice = translation().read(body.encode())
    written = '{"z": 1.0, "a":12345678901234567890}'
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == written
    chunks = translation().deltas(begin(), start(0, {**CALL, "input": {"a": 1}}), stop(0))
    assert chunks[-1]["tool_calls"][0]["function"]["arguments"] == '{"a": 1}'


def test_a_piece_of_a_block_that_has_not_begun_is_an_error() -> None:
    with pytest.raises(ProviderUnknown, match="not begun"):
        translation().read_events(begin(), delta(4, "input_json", partial_json="{"))


# thoughts, citations ----------------------------------------------------------------------------------------

THOUGHT = {"type": "thinking", "thinking": "hmm", "signature": "c2ln"}
HIDDEN = {"type": "redacted_thinking", "data": "ZGF0YQ=="}


def test_hc05_thoughts_and_their_blocks() -> None:
    choice = translation().read(message(THOUGHT, HIDDEN, TEXT))
    assert choice["message"]["reasoning_content"] == "hmm"
    assert choice["message"]["thinking_blocks"] == [THOUGHT, HIDDEN]
    deltas = translation().deltas(
        begin(),
        start(0, {"type": "thinking", "thinking": "", "signature": ""}),
        delta(0, "thinking", thinking="hm"),
        delta(0, "thinking", thinking="m"),
        delta(0, "signature", signature="c2ln"),
        stop(0),
        start(1, HIDDEN),
        stop(1),
    )
    assert "".join(d.get("reasoning_content", "") for d in deltas) == "hmm"
    assert [block for d in deltas for block in d.get("thinking_blocks", ())] == [THOUGHT, HIDDEN]


def test_hc05_omitted_thoughts_keep_their_signature() -> None:
    deltas = translation().deltas(
        begin(), start(0, {"type": "thinking"}), delta(0, "signature", signature="s"), stop(0)
    )
    assert deltas[-1]["thinking_blocks"] == [{"type": "thinking", "thinking": "", "signature": "s"}]


def test_citations_with_an_address_become_annotations() -> None:
    cited = {"type": "text", "text": "Sunny.", "citations": [FOUND, {"type": "page_location", "cited_text": "p"}]}
    expected = [
        {
            "type": "url_citation",
            "url_citation": {"url": "https://a.example.com", "title": "A", "start_index": 5, "end_index": 11},
        }
    ]
    assert translation().read(message(TEXT, cited))["message"]["annotations"] == expected
    deltas = translation().deltas(
        begin(),
        start(0, {"type": "text", "text": ""}),
        delta(0, "text", text="Hello"),
        stop(0),
        start(1, {"type": "text", "text": "", "citations": []}),
        delta(1, "citations", citation=FOUND),
        delta(1, "text", text="Sunny."),
        stop(1),
    )
    assert deltas[-1]["annotations"] == expected


# structured output ------------------------------------------------------------------------------------------

FORM = {"response_format": {"type": "json_object"}}


def test_hc23_the_answer_tool_is_unwrapped() -> None:
    choice = translation(**FORM).read(message(TEXT, ANSWER, stop="tool_use"))
    assert (json.loads(choice["message"]["content"]), choice["finish_reason"]) == ({"a": 1}, "stop")
    assert "tool_calls" not in choice["message"]
    chunks = translation(**FORM).read_events(
        begin(),
        start(0, {"type": "text", "text": ""}),
        delta(0, "text", text="Here it is:"),
        stop(0),
        start(1, {**ANSWER, "input": {}}),
        delta(1, "input_json", partial_json='{"a"'),
        delta(1, "input_json", partial_json=":1}"),
        stop(1),
        end("tool_use"),
    )
    assert "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks) == '{"a":1}'
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_hc23_a_text_instead_of_the_answer_tool_is_not_lost() -> None:
    chunks = translation(**FORM).read_events(
        begin(), start(0, TEXT), delta(0, "text", text=" there"), stop(0), end("max_tokens")
    )
    assert "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks) == "Hello there"
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"


def test_hc23_a_call_of_another_tool_stays_a_call() -> None:
    choice = translation(**FORM).read(message(CALL, stop="tool_use"))
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["tool_calls"][0]["function"]["name"] == "look_up"


# errors -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "said", "ours", "code"),
    [
        (400, "invalid_request_error", "messages: wrong", ProviderRefused, "invalid_request_error"),
        (400, "invalid_request_error", "prompt is too long: 9 tokens > 8", ProviderContextTooLong, None),
        (
            400,
            "invalid_request_error",
            "input length and `max_tokens` exceed context limit: 9 + 1 > 8",
            ProviderContextTooLong,
            None,
        ),
        (400, "invalid_request_error", "Output blocked by content filtering policy", ProviderRefused, "content_filter"),
        (400, "invalid_request_error", "Your credit balance is too low", ProviderQuota, None),
        (401, "authentication_error", "invalid x-api-key", ProviderAuth, None),
        (402, "billing_error", "unpaid", ProviderQuota, None),
        (403, "permission_error", "not yours", ProviderAuth, None),
        (404, "not_found_error", "model: x", ProviderRefused, "model_not_found"),
        (413, "request_too_large", "32 MB", ProviderRefused, "request_too_large"),
        (429, "rate_limit_error", "slow down", ProviderRateLimit, None),
        (500, "api_error", "Internal server error", ProviderUnknown, None),
        (504, "timeout_error", "late", ProviderTimeout, None),
        (529, "overloaded_error", "Overloaded", ProviderOvercapacity, None),
    ],
)
def test_hc26_refusals_with_a_status_and_in_a_stream(
    status: int, kind: str, said: str, ours: type[ProviderError], code: str | None
) -> None:
    body = {"type": "error", "error": {"type": kind, "message": said}, "request_id": "req_1"}
    error = ADAPTER.read_error(status, {}, json.dumps(body).encode())
    assert type(error) is ours
    assert code is None or error.code == code
    with pytest.raises(ours) as raised:
        translation().read_events(body)
    assert raised.value.code == error.code
    with pytest.raises(ours):
        translation().read(body)


def test_hc17_a_spending_limit_is_no_rate_limit() -> None:
    details = {"error_code": "enforced_spend_limit_reached"}
    body = {"type": "error", "error": {"type": "rate_limit_error", "message": "Stop.", "details": details}}
    assert type(ADAPTER.read_error(429, {}, json.dumps(body).encode())) is ProviderQuota


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"error": 5}', b'{"error": {"message": 7}}'])
def test_hc26_bodies_that_say_nothing(body: bytes) -> None:
    assert type(ADAPTER.read_error(529, {b"retry-after": b"3"}, body)) is ProviderOvercapacity
    assert ADAPTER.read_error(413, {}, body).status == 413


@pytest.mark.parametrize("event", [{"type": "ping"}, {"type": "message_stop"}, {"type": "still_to_come", "x": [1]}])
def test_other_events_give_nothing(event: Any) -> None:
    assert translation().read_events(event) == []


def test_garbage_in_a_stream_is_an_error() -> None:
    made = translation()
    with pytest.raises(ProviderUnknown):
        ADAPTER.read_frame(b"no json", made.request, made.turn)
