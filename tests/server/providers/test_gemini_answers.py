"""Answers and refusals of `generateContent` as our callers get them."""

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
from portico.server.providers.base import Tokens
from portico.server.providers.gemini import Gemini
from portico.server.providers.gemini.errors import read_google_error
from portico.server.providers.openai_errors import ProviderContextTooLong
from portico.wire.requests import ImageRequest

ADAPTER = Gemini()
SEARCH = [{"googleSearch": {}}]
TEXT = "Año: dry. Lima is wet."
GROUNDING = {
    "groundingChunks": [
        {"web": {"uri": "https://a.example/x(1)", "title": "A [one]"}},
        {"web": {"uri": "https://b.example/", "title": "B"}},
        {"web": {"uri": "https://c.example/"}},
    ],
    "groundingSupports": [
        {"segment": {"startIndex": 11, "endIndex": 23, "text": "Lima is wet."}, "groundingChunkIndices": [0, 1, 9]}
    ],
}
LINKS = "\n\n1. [A (one)](https://a.example/x%281%29)\n2. [B](https://b.example/)\n3. [https://c.example/](https://c.example/)"


def asked(**members: Any) -> Translation:
    return Translation(ADAPTER, chat_request(**members))


def candidate(*parts: Any, finish: str = "STOP", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0, **more}
    return {**made, "finishReason": finish} if finish else made


def answer(*candidates: Any, **more: Any) -> dict[str, Any]:
    return {"candidates": list(candidates), "responseId": "r1", "modelVersion": "gemini-x-001", **more}


def call(name: str = "f", **more: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": {"a": 1}, **more}}


def ended(made: Translation, *events: Any) -> list[Any]:
    chunks = made.read_events(*events)
    return chunks + [json.loads(c) for c in ADAPTER.end_frames(made.request, made.turn)]


def finish(*events: Any) -> str:
    made = asked(stream=True)
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in ended(made, *events)]
    assert reasons[:-1] == [None] * (len(reasons) - 1), "once, in the last chunk"
    assert reasons[-1] == made.turn.finish_reason
    return str(reasons[-1])


# how it ends (HC-10) ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("native", "ours"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "stop"),
        ("SOMETHING_NEW", "stop"),
    ],
)
def test_hc10_every_reason(native: str, ours: str) -> None:
    assert finish(answer(candidate({"text": "a"}, finish=native))) == ours
    assert asked().read(answer(candidate({"text": "a"}, finish=native)))["finish_reason"] == ours


@pytest.mark.parametrize(
    ("native", "ours"),
    [
        ("STOP", "tool_calls"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "stop"),
    ],
)
def test_hc10_a_stop_behind_a_call_means_its_results_are_awaited_and_others_win(native: str, ours: str) -> None:
    first, last = answer(candidate(call(), finish="")), answer(candidate({"text": ""}, finish=native))
    assert finish(first, last) == ours
    assert asked().read(answer(candidate(call(), finish=native)))["finish_reason"] == ours


def test_hc10_a_reason_told_twice_comes_once_and_a_harder_one_stays() -> None:
    stop, limit = answer(candidate({"text": "a"})), answer(candidate(finish="MAX_TOKENS"))
    assert finish(stop, stop) == "stop"
    assert finish(stop, limit) == "length"
    assert finish(limit, stop) == "length"
    assert finish(answer(candidate(finish="STOP")), answer(candidate(call(), finish=""))) == "tool_calls"


def test_what_google_says_of_a_malformed_call_reaches_the_caller() -> None:
    told = answer(candidate(finish="MALFORMED_FUNCTION_CALL", finishMessage="Malformed function call: f("))
    assert asked().read(told)["message"]["refusal"] == "Malformed function call: f("
    deltas = [chunk["choices"][0]["delta"] for chunk in ended(asked(stream=True), told)]
    assert [delta["refusal"] for delta in deltas if "refusal" in delta] == ["Malformed function call: f("]
    assert asked().read(answer(candidate({"text": "a"}, finishMessage="fine")))["message"]["refusal"] is None


def test_a_stream_without_a_reason_is_no_end() -> None:
    made = asked(stream=True)
    made.read_events(answer(candidate({"text": "a"}, finish="")))
    assert ADAPTER.end_frames(made.request, made.turn) == []
    assert made.turn.finish_reason == ""


def test_a_blocked_prompt_is_a_filtered_answer() -> None:
    blocked = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 4}}
    whole = asked().read(blocked)
    assert (whole["finish_reason"], whole["message"]["content"]) == ("content_filter", "")
    assert "PROHIBITED_CONTENT" in whole["message"]["refusal"]
    *_, told, last = ended(asked(stream=True), blocked)
    assert "PROHIBITED_CONTENT" in told["choices"][0]["delta"]["refusal"]
    assert last["choices"][0]["finish_reason"] == "content_filter"


def test_a_whole_answer_without_candidates_is_none() -> None:
    with pytest.raises(ProviderUnknown):
        asked().read({"usageMetadata": {"promptTokenCount": 4}})


# calls ------------------------------------------------------------------------------------------------------


def test_hc04_ids_that_google_leaves_out_are_made_the_same_each_time() -> None:
    told = answer(candidate(call(), call(), call("g"), finish=""))
    whole = [entry["id"] for entry in asked().read(told)["message"]["tool_calls"]]
    streamed = [d["tool_calls"][0]["id"] for d in asked(stream=True).deltas(told) if "id" in d["tool_calls"][0]]
    assert whole == streamed
    assert len(set(whole)) == 3 and all(len(made) <= 40 for made in whole)
    assert asked().read(answer(candidate(call(id="given"))))["message"]["tool_calls"][0]["id"] == "given"


def test_hc02_line_breaks_of_a_pretty_answer_go_and_the_numbers_stay() -> None:
    args = b'{\n  "a": 1.0,\n "b": 123456789012345678901\n}'
    body = b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":%b}}]}}]}' % args
    (entry,) = asked().read(body)["message"]["tool_calls"]
    assert entry["function"]["arguments"] == '{"a":1.0,"b":123456789012345678901}'


# what else an answer holds ----------------------------------------------------------------------------------


def test_sources_are_links_and_citations() -> None:
    told = answer(candidate({"text": TEXT}, groundingMetadata=GROUNDING))
    message = asked(tools=SEARCH).read(told)["message"]
    assert message["content"] == TEXT + LINKS
    first, second, third = [note["url_citation"] for note in message["annotations"]]
    assert first == {"url": "https://a.example/x(1)", "title": "A [one]", "start_index": 10, "end_index": 22}
    assert TEXT[first["start_index"] : first["end_index"]] == "Lima is wet."
    assert (second["url"], second["start_index"]) == ("https://b.example/", 10)
    assert (third["url"], third["start_index"], third["end_index"]) == ("https://c.example/", 0, len(TEXT))


def test_sources_of_a_stream_come_behind_its_text() -> None:
    events = [
        answer(candidate({"text": TEXT[:8]}, finish="")),
        answer(candidate({"text": TEXT[8:]}, groundingMetadata=GROUNDING)),
    ]
    chunks = ended(asked(tools=SEARCH, stream=True), *events)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert "".join(delta.get("content", "") for delta in deltas) == TEXT + LINKS
    (notes,) = [delta["annotations"] for delta in deltas if "annotations" in delta]
    assert [note["url_citation"]["start_index"] for note in notes] == [10, 10, 0]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_json_answers_get_no_links() -> None:
    told = answer(candidate({"text": '{"a":1}'}, groundingMetadata=GROUNDING))
    message = asked(tools=SEARCH, response_format={"type": "json_object"}).read(told)["message"]
    assert message["content"] == '{"a":1}' and len(message["annotations"]) == 4 - 1


def test_code_that_ran_is_shown_as_markdown() -> None:
    parts = [
        {"text": "So:"},
        {"executableCode": {"language": "PYTHON", "code": "print(1)\n"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}},
    ]
    message = asked(tools=[{"codeExecution": {}}]).read(answer(candidate(*parts)))["message"]
    assert message["content"] == "So:\n```python\nprint(1)\n```\n\n```\n1\n```\n"


def test_pictures_in_an_answer() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "aa"}}
    shown = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,aa"}}]
    assert asked().read(answer(candidate(picture)))["message"]["images"] == shown
    deltas = asked(stream=True).deltas(answer(candidate(picture)))
    assert deltas[0]["images"] == shown


LOGPROBS = {
    "chosenCandidates": [{"token": "é", "logProbability": -0.5}],
    "topCandidates": [{"candidates": [{"token": "é", "logProbability": -0.5}, {"token": "e", "logProbability": -2}]}],
}


def test_log_probabilities() -> None:
    top = [
        {"token": "é", "logprob": -0.5, "bytes": [195, 169]},
        {"token": "e", "logprob": -2.0, "bytes": [101]},
    ]
    content = [{**top[0], "top_logprobs": top}]
    told = answer(candidate({"text": "é"}, logprobsResult=LOGPROBS))
    assert asked(logprobs=True).read(told)["logprobs"]["content"] == content
    first, *_ = asked(logprobs=True, stream=True).read_events(told)
    assert first["choices"][0]["logprobs"]["content"] == content
    assert first["choices"][0]["delta"]["content"] == "é"


def test_an_impossible_token_is_a_number_too() -> None:
    chances = {"chosenCandidates": [{"token": "a", "logProbability": "-Infinity"}]}
    (entry,) = asked(logprobs=True).read(answer(candidate({"text": "a"}, logprobsResult=chances)))["logprobs"][
        "content"
    ]
    assert entry["logprob"] == -9999.0


def test_several_candidates() -> None:
    told = answer(candidate({"text": "a"}), candidate({"text": "b"}, index=1), candidate(call(), index=2))
    made = asked(n=3)
    members = ADAPTER.read_chat(json.dumps(told).encode(), made.request, made.turn)
    choices = json.loads(bytes(members["choices"]))
    assert [choice["index"] for choice in choices] == [0, 1, 2]
    assert [choice["message"]["content"] for choice in choices] == ["a", "b", ""]
    assert [choice["finish_reason"] for choice in choices] == ["stop", "stop", "tool_calls"]
    chunks = ended(asked(n=3, stream=True), told)
    texts = {0: "", 1: "", 2: ""}
    for chunk in chunks:
        (choice,) = chunk["choices"]
        texts[choice["index"]] += choice["delta"].get("content", "")
    assert texts == {0: "a", 1: "b", 2: ""}
    ends = [
        (c["choices"][0]["index"], c["choices"][0]["finish_reason"]) for c in chunks if c["choices"][0]["finish_reason"]
    ]
    assert ends == [(0, "stop"), (1, "stop"), (2, "tool_calls")]
    assert len({chunk["id"] for chunk in chunks}) == 1


# usage (HC-24) ----------------------------------------------------------------------------------------------


def test_hc24_nothing_is_counted_twice() -> None:
    usage = {
        "promptTokenCount": 100,
        "toolUsePromptTokenCount": 10,
        "cachedContentTokenCount": 40,
        "candidatesTokenCount": 20,
        "thoughtsTokenCount": 7,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 70}, {"modality": "AUDIO", "tokenCount": 30}],
        "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 10}, {"modality": "TEXT", "tokenCount": 30}],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 15}, {"modality": "TEXT"}],
    }
    made = asked()
    made.read(answer(candidate({"text": "a"}), usageMetadata=usage))
    assert made.turn.tokens == Tokens(
        input_uncached=50, cache_read=40, output_visible=5, reasoning=7, audio=15, audio_in=20
    )


def test_a_stream_that_breaks_off_is_billed_for_what_was_seen() -> None:
    made = asked(stream=True)
    frame = answer(candidate({"text": "a"}, finish=""), usageMetadata={"promptTokenCount": 8})
    made.read_events(frame, frame, frame)
    assert made.turn.tokens is not None
    assert (made.turn.tokens.input_uncached, made.turn.tokens.output_visible) == (8, 3)
    assert made.turn.tokens.estimated
    usage = {"promptTokenCount": 8, "candidatesTokenCount": 2}
    made.read_events(answer(candidate({"text": ""}), usageMetadata=usage))
    assert not made.turn.tokens.estimated and made.turn.tokens.output_visible == 2


# refusals (HC-18, HC-26) ------------------------------------------------------------------------------------

TYPES = "type.googleapis.com/google.rpc."


def refusal(status: int, message: str = "m", kind: str = "", details: Any = ()) -> ProviderError:
    error = {"code": status, "message": message, "status": kind, "details": list(details)}
    single = read_google_error(status, {}, json.dumps({"error": error}).encode())
    listed = read_google_error(status, {}, json.dumps([{"error": error}]).encode())
    assert (type(single), single.message, single.retry_after_s) == (type(listed), listed.message, listed.retry_after_s)
    return single


def quota(name: str) -> dict[str, Any]:
    return {"@type": f"{TYPES}QuotaFailure", "violations": [{"quotaId": name}]}


RETRY = {"@type": f"{TYPES}RetryInfo", "retryDelay": "34.5s"}
TOO_LONG = [
    "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
    "The input token count is 20001 but the model supports up to 20000.",
    "Unable to submit request because the input token count is 33000 but model only supports up to 32767.",
]


@pytest.mark.parametrize(
    ("error", "cls"),
    [
        (refusal(400, "API key not valid. Please pass a valid API key."), ProviderAuth),
        (refusal(400, "x", "INVALID_ARGUMENT", [{"reason": "API_KEY_INVALID"}]), ProviderAuth),
        (refusal(401, "x", "UNAUTHENTICATED"), ProviderAuth),
        (refusal(403, "x", "PERMISSION_DENIED"), ProviderAuth),
        (refusal(400, "bad", "INVALID_ARGUMENT"), ProviderRefused),
        (refusal(404, "no such model", "NOT_FOUND"), ProviderRefused),
        (refusal(429, "x", "RESOURCE_EXHAUSTED"), ProviderRateLimit),
        (refusal(429, "x", "RESOURCE_EXHAUSTED", [quota("RequestsPerMinutePerProject"), RETRY]), ProviderRateLimit),
        (refusal(429, "x", "RESOURCE_EXHAUSTED", [quota("RequestsPerDayPerProject"), RETRY]), ProviderQuota),
        (refusal(429, "Your prepayment credits are depleted.", "RESOURCE_EXHAUSTED"), ProviderQuota),
        (refusal(500, "x", "INTERNAL"), ProviderUnknown),
        (refusal(503, "x", "UNAVAILABLE"), ProviderOvercapacity),
        (refusal(504, "x", "DEADLINE_EXCEEDED"), ProviderTimeout),
        *((refusal(400, message, "INVALID_ARGUMENT"), ProviderContextTooLong) for message in TOO_LONG),
    ],
)
def test_hc26_every_refusal_has_its_place(error: ProviderError, cls: type[ProviderError]) -> None:
    assert type(error) is cls


def test_hc26_codes_that_callers_look_for() -> None:
    assert refusal(404, "x", "NOT_FOUND").code == "model_not_found"
    assert refusal(400, "x", "INVALID_ARGUMENT").code == "INVALID_ARGUMENT"
    assert refusal(400, TOO_LONG[0]).code == "context_length_exceeded"
    words = (
        "The prompt could not be submitted: it contains sensitive words that violate Google's Responsible AI practices"
    )
    assert refusal(400, words, "INVALID_ARGUMENT").code == "content_filter"


def test_hc18_how_long_to_wait() -> None:
    assert refusal(429, "x", "RESOURCE_EXHAUSTED", [RETRY]).retry_after_s == 34.5
    assert refusal(503, "x", "UNAVAILABLE", [RETRY]).retry_after_s == 34.5
    header = read_google_error(429, {b"retry-after": b"3"}, b'{"error":{"message":"x"}}')
    assert header.retry_after_s == 3


def test_hc26_no_project_no_token_no_key_in_a_message() -> None:
    said = refusal(
        404, "Publisher Model `projects/secret-project-1/locations/x` (key AIzaSyD-0123456789abcdefghijk, ya29.abc-DEF)"
    ).message
    assert not any(secret in said for secret in ("secret-project-1", "AIzaSy", "ya29"))
    assert "projects/***/locations/x" in said


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b"1", b'{"error":null}', b'{"error":[1]}', b"[1]"])
def test_hc26_bodies_of_no_shape_are_errors_all_the_same(body: bytes) -> None:
    assert isinstance(read_google_error(502, {}, body), ProviderUnknown)
    assert isinstance(read_google_error(401, {}, body), ProviderAuth)


def test_hc13_an_error_inside_a_stream_or_a_good_answer() -> None:
    error = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    with pytest.raises(ProviderOvercapacity):
        asked(stream=True).read_events(error)
    with pytest.raises(ProviderOvercapacity):
        asked().read(error)
    with pytest.raises(ProviderUnknown):
        asked(stream=True).read_events("no object")


def test_a_filtered_picture_is_a_refusal() -> None:
    made = asked()
    request = ImageRequest(made.request.ref, "x")
    filtered = b'{"predictions":[{"raiFilteredReason":"blocked by policy"}]}'
    for body in (filtered, b"{}", b'{"candidates":[{"content":{"parts":[{"text":"I cannot."}]}}]}'):
        with pytest.raises(ProviderRefused) as caught:
            ADAPTER.read_image(body, request, made.turn)
        assert caught.value.code == "content_filter"
