"""Answers, streams, usage and refusals of Bedrock as the caller gets them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from converse import ADAPTER, CLAUDE, NOVA, chat, target

from portico.server.errors import (
    ContextLengthExceeded,
    ProviderAuth,
    ProviderError,
    ProviderOvercapacity,
    ProviderQuota,
    ProviderRateLimit,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnknown,
)
from portico.server.providers.base import Tokens, Turn

FORM = {"type": "json_object"}


def begun(model: str = NOVA, **members: Any) -> Turn:
    turn = Turn(keep_usage=True, adjusted=[])
    ADAPTER.write_chat(chat(**members), target(model), turn)
    return turn


def read(turn: Turn, *events: tuple[str, Any]) -> list[dict[str, Any]]:
    """The chunks of these events."""
    found: list[dict[str, Any]] = []
    for kind, value in events:
        data = f"{kind}\n{value if isinstance(value, str) else json.dumps(value)}".encode()
        found += [json.loads(chunk) for chunk in ADAPTER.read_frame(data, chat(), turn)]
    return found


def deltas(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [chunk["choices"][0]["delta"] for chunk in chunks]


def delta(index: int = 0, **inner: Any) -> tuple[str, Any]:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": inner, "p": "abc"}


def start(index: int, **tool: Any) -> tuple[str, Any]:
    return "contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": tool}}


def stop(index: int) -> tuple[str, Any]:
    return "contentBlockStop", {"contentBlockIndex": index}


def test_hc05_a_thought_is_told_again_whole_with_its_signature() -> None:
    turn = begun(CLAUDE)
    chunks = read(
        turn,
        ("messageStart", {"role": "assistant"}),
        delta(0, reasoningContent={"text": "h"}),
        delta(0, reasoningContent={"text": "m"}),
        delta(0, reasoningContent={"signature": "c2ln"}),
        stop(0),
        delta(1, text="Four"),
    )
    assert [d.get("reasoning_content") for d in deltas(chunks)[:2]] == ["h", "m"]
    assert deltas(chunks)[2] == {"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "c2ln"}]}
    assert deltas(chunks)[3]["content"] == "Four"


def test_hc05_redacted_thoughts() -> None:
    pieces = [delta(0, reasoningContent={"redactedContent": data}) for data in ("AA==", "/w==")]
    chunks = read(begun(CLAUDE), *pieces, stop(0))
    assert deltas(chunks)[0]["thinking_blocks"] == [{"type": "redacted_thinking", "data": "AP8="}]


def test_hc01_the_index_counts_calls_only_and_blocks_may_take_turns() -> None:
    turn = begun()
    chunks = read(
        turn,
        delta(0, text="Let me see."),
        start(1, toolUseId="t1", name="a"),
        start(2, toolUseId="t2", name="b"),
        delta(1, toolUse={"input": '{"x":'}),
        delta(2, toolUse={"input": "{}"}),
        delta(1, toolUse={"input": "1}"}),
        stop(1),
        stop(2),
        ("messageStop", {"stopReason": "tool_use"}),
    )
    calls = [call for d in deltas(chunks) for call in d.get("tool_calls", ())]
    assert [(c["index"], c["function"].get("arguments")) for c in calls] == [
        (0, ""), (1, ""), (0, '{"x":'), (1, "{}"), (0, "1}"),
    ]  # fmt: skip
    assert (turn.finish_reason, turn.seen_tokens) == ("tool_calls", 7)


def test_hc02_a_call_without_input() -> None:
    chunks = read(begun(), start(0, toolUseId="t1", name="a"), delta(0, toolUse={"input": ""}), stop(0))
    calls = [call for d in deltas(chunks) for call in d["tool_calls"]]
    assert [call["function"]["arguments"] for call in calls] == ["", "{}"]


def test_hc23_the_answer_tool_is_unwrapped() -> None:
    turn = begun(response_format=FORM)
    chunks = read(
        turn,
        start(0, toolUseId="t1", name="json_answer"),
        delta(0, toolUse={"input": '{"a"'}),
        delta(0, toolUse={"input": ":1}"}),
        stop(0),
        ("messageStop", {"stopReason": "tool_use"}),
    )
    assert "".join(d.get("content", "") for d in deltas(chunks)) == '{"a":1}'
    assert turn.finish_reason == "stop" and not any("tool_calls" in d for d in deltas(chunks))
    block = {"toolUse": {"toolUseId": "t1", "name": "json_answer", "input": {"a": 1}}}
    message = whole_message([block], "tool_use", begun(response_format=FORM))
    assert json.loads(message["content"]) == {"a": 1} and "tool_calls" not in message


def test_tools_that_bedrock_runs_itself_are_not_the_callers() -> None:
    turn = begun()
    used = start(0, toolUseId="t1", name="nova_grounding", type="server_tool_use")
    chunks = read(turn, used, delta(0, toolUse={"input": "{}"}), stop(0), delta(1, text="Sunny"),
                  ("messageStop", {"stopReason": "end_turn"}))  # fmt: skip
    assert turn.finish_reason == "stop"
    assert not any("tool_calls" in d for d in deltas(chunks))


def test_sources_on_the_web_are_annotations() -> None:
    citation = {"title": "Rain", "location": {"web": {"url": "https://x.example/rain"}}}
    expected = [{"type": "url_citation", "url_citation": {"url": "https://x.example/rain", "title": "Rain"}}]
    chunks = read(begun(), delta(0, text="Rain"), delta(0, citation=citation), delta(0, citation={"title": "page 3"}))
    assert deltas(chunks)[1]["annotations"] == expected and len(chunks) == 2
    block = {"citationsContent": {"content": [{"text": "Rain"}], "citations": [citation]}}
    message = whole_message([block], "end_turn")
    assert (message["content"], message["annotations"]) == ("Rain", expected)


def whole_message(content: list[Any], reason: str, turn: Turn | None = None, usage: Any = None) -> dict[str, Any]:
    told = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2} if usage is None else usage
    body = {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": reason, "usage": told}
    members = ADAPTER.read_chat(json.dumps(body).encode(), chat(), turn or begun())
    (choice,) = json.loads(bytes(members["choices"]))
    message: dict[str, Any] = choice["message"]
    return {**message, "finish_reason": choice["finish_reason"]}


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"), ("tool_use", "stop"),
        ("model_context_window_exceeded", "length"), ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"), ("malformed_tool_use", "stop"), ("something_new", "stop"),
    ],
)  # fmt: skip
def test_hc10_stop_reasons(reason: str, finish: str) -> None:
    assert whole_message([{"text": "Hi"}], reason)["finish_reason"] == finish
    turn = begun()
    assert read(turn, ("messageStop", {"stopReason": reason}))[-1]["choices"][0]["finish_reason"] == finish


def test_hc10_calls_seen_are_calls_whatever_the_reason_says() -> None:
    call = {"toolUse": {"toolUseId": "t1", "name": "a", "input": {"x": 1.50}}}
    message = whole_message([call], "end_turn")
    assert message["finish_reason"] == "tool_calls"
    assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == {"x": 1.5}
    assert whole_message([call], "max_tokens")["finish_reason"] == "length"


USAGE = {
    "inputTokens": 100, "outputTokens": 7, "totalTokens": 1000, "cacheReadInputTokens": 50, "cacheWriteInputTokens": 30,
    "cacheDetails": [{"ttl": "1h", "inputTokens": 20}, {"ttl": "5m", "inputTokens": 10}],
}  # fmt: skip


@pytest.mark.parametrize(("model", "uncached"), [(CLAUDE, 100), ("us.openai.gpt-5.6-luna", 20)])
def test_hc24_usage_excludes_the_cache_but_for_gpt_5(model: str, uncached: int) -> None:
    turn = begun(model)
    assert read(turn, ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}})) == []
    expected = Tokens(uncached, cache_read=50, cache_write_5m=10, cache_write_1h=20, output_visible=7)
    assert turn.tokens == expected
    whole = begun(model)
    whole_message([{"text": "Hi"}], "end_turn", whole, USAGE)
    assert whole.tokens == expected


@pytest.mark.parametrize("data", [b"contentBlockDelta\nnonsense", b"messageStop\n{}", b"contentBlockStart\n[]"])
def test_garbage_in_a_stream_is_an_error(data: bytes) -> None:
    with pytest.raises(ProviderUnknown):
        ADAPTER.read_frame(data, chat(), begun())


def test_an_event_added_to_the_protocol_later_is_passed_over() -> None:
    assert read(begun(), ("somethingNew", {"a": 1})) == []


def test_garbage_instead_of_an_answer_is_an_error() -> None:
    with pytest.raises(ProviderUnknown):
        ADAPTER.read_chat(b"<html>", chat(), begun())


# refusals -------------------------------------------------------------------------------------------------------


def refusal(kind: str, message: str = "m", status: int = 400, **headers: str) -> ProviderError:
    named = {b"x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/".encode()}
    named.update({name.replace("_", "-").encode(): value.encode() for name, value in headers.items()})
    return ADAPTER.read_error(status, named, json.dumps({"message": message}).encode())


@pytest.mark.parametrize(
    ("kind", "status", "error", "ours"),
    [
        ("ThrottlingException", 429, ProviderRateLimit, 429),
        ("ServiceQuotaExceededException", 400, ProviderQuota, 429),
        ("ServiceUnavailableException", 503, ProviderOvercapacity, 503),
        ("ModelNotReadyException", 429, ProviderOvercapacity, 503),
        ("ModelTimeoutException", 408, ProviderTimeout, 504),
        ("InternalServerException", 500, ProviderUnknown, 502),
        ("ModelErrorException", 424, ProviderUnknown, 502),
        ("AccessDeniedException", 403, ProviderAuth, 502),
        ("ExpiredTokenException", 403, ProviderAuth, 502),
        ("ResourceNotFoundException", 404, ProviderRefused, 404),
        ("ValidationException", 400, ProviderRefused, 400),
        ("SomethingNew", 503, ProviderOvercapacity, 503),
    ],
)
def test_hc26_exceptions(kind: str, status: int, error: type[ProviderError], ours: int) -> None:
    found = refusal(kind, status=status)
    assert isinstance(found, error) and found.status == ours


def test_hc26_the_kind_may_stand_in_the_body() -> None:
    body = b'{"__type":"com.amazon.coral.availability#ThrottlingException","Message":"slow"}'
    found = ADAPTER.read_error(400, {}, body)
    assert isinstance(found, ProviderRateLimit) and found.message == "slow"


def test_hc26_no_access_keeps_its_text() -> None:
    text = "You don't have access to the model with the specified model ID."
    found = refusal("AccessDeniedException", text, 403)
    assert (found.status, found.message) == (502, text)


@pytest.mark.parametrize(
    "text", ["Input is too long for requested model.", "prompt is too long: 210000 tokens > 200000"]
)
def test_hc26_too_long(text: str) -> None:
    found = refusal("ValidationException", text)
    assert isinstance(found, ContextLengthExceeded) and found.code == "context_length_exceeded"


def test_hc26_an_unknown_model_is_404() -> None:
    found = refusal("ValidationException", "The provided model identifier is invalid.")
    assert (found.status, found.code) == (404, "model_not_found")


def test_hc26_a_content_filter_has_its_code() -> None:
    assert refusal("ValidationException", "The output was blocked by our content filters.").code == "content_filter"


@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE:wJalr/+x", "ABSKQmVkcm9ja0FQSUtleQ=="])
def test_hc26_keys_are_not_told(key: str) -> None:
    assert key not in refusal("ValidationException", f"bad key {key} here").message
    assert "canonical" not in refusal("InvalidSignatureException", "canonical string: ...", 403).message


def test_hc18_retry_after() -> None:
    assert refusal("ThrottlingException", status=429, retry_after="7").retry_after_s == 7


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("throttlingException", ProviderRateLimit),
        ("serviceUnavailableException", ProviderOvercapacity),
        ("modelStreamErrorException", ProviderUnknown),
        ("internalServerException", ProviderUnknown),
        ("validationException", ProviderRefused),
        ("somethingNew", ProviderUnknown),
    ],
)
def test_hc13_the_real_kind_of_an_error_in_a_stream(kind: str, error: type[ProviderError]) -> None:
    with pytest.raises(error, match="slow down"):
        read(begun(), (f"!{kind}", {"message": "slow down"}))


def test_hc13_an_error_message_without_a_body() -> None:
    with pytest.raises(ProviderUnknown, match="went wrong"):
        read(begun(), ("!InternalError: went wrong", ""))
