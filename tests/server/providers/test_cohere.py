"""Requests and answers of Cohere's API, version 2: chat, embeddings, ranks."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from tests.providers.translating import Translation, chat_request

from portico.server.errors import (
    MediaNotSupported,
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
from portico.server.providers.base import Credential, Endpoint, Target, Tokens, Traits, Turn
from portico.server.providers.cohere import Cohere
from portico.server.providers.openai_errors import ProviderContextTooLong
from portico.wire.model_ref import DirectModel
from portico.wire.requests import EmbeddingRequest, RerankRequest

ADAPTER = Cohere()
THINKER = Traits(max_output=32_000, thinking_mode="budget", budget_min=1, budget_max=31_000)
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
OTHER = {"type": "function", "function": {"name": "tell_time", "strict": True}}
CALL = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"b": 1.0}'}}
REF = DirectModel("cohere", "m")
TARGET = Target("cohere", "m", "embed-v4.0", ADAPTER, Endpoint("https://api.cohere.com"), Credential(""))


def write(messages: Any = "Hi", traits: Traits | None = None, **members: Any) -> Translation:
    return Translation(ADAPTER, chat_request(messages, **members), traits)


# requests ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["", "/v1", "/v2"])
def test_the_version_part_may_stand_in_the_url(ending: str) -> None:
    endpoint = ADAPTER.endpoint(Credential(f"https://api.cohere.com{ending}", "k"))
    assert endpoint == Endpoint("https://api.cohere.com", (("authorization", "Bearer k"),))
    assert write().outgoing.path == "/v2/chat"


def test_members_have_their_own_names() -> None:
    made = write(
        top_p=0.25, top_k=4, stop=["END", " "], max_tokens=5, max_completion_tokens=7, seed=9, safety_mode="OFF"
    )
    expected = {"p": 0.25, "k": 4, "stop_sequences": ["END"], "max_tokens": 7, "seed": 9, "safety_mode": "OFF"}
    assert {k: v for k, v in made.body.items() if k not in ("model", "messages", "stream")} == expected
    assert made.turn.adjusted == [] and made.outgoing.body == made.again


def test_hc22_what_is_out_of_range_is_clamped_and_what_is_lacking_dropped() -> None:
    made = write(frequency_penalty=-1, presence_penalty=1.5, top_p=0, n=2, logprobs=True, prompt_cache_key="k")
    assert (made.body["frequency_penalty"], made.body["presence_penalty"], made.body["p"]) == (0, 1, 0.01)
    assert not {"n", "logprobs", "prompt_cache_key"} & made.body.keys()
    assert sorted(made.turn.adjusted) == [
        "frequency_penalty -1->0",
        "logprobs dropped",
        "n dropped",
        "presence_penalty 1.5->1",
        "top_p 0->0.01",
    ]


def test_hc22_all_tokens_are_nearly_all_tokens() -> None:
    made = write(top_p=1)
    assert made.body["p"] == 0.99 and made.turn.adjusted == []


@pytest.mark.parametrize(
    ("choice", "sent", "tools"),
    [
        ("auto", None, ["look_up", "tell_time"]),
        ("none", "NONE", ["look_up", "tell_time"]),
        ("required", "REQUIRED", ["look_up", "tell_time"]),
        ({"type": "function", "function": {"name": "look_up"}}, "REQUIRED", ["look_up"]),
    ],
)
def test_hc08_tool_choice(choice: Any, sent: Any, tools: list[str]) -> None:
    body = write(tools=[TOOL, OTHER], tool_choice=choice).body
    assert body.get("tool_choice") == sent
    assert [tool["function"]["name"] for tool in body["tools"]] == tools
    assert all(tool["function"]["parameters"]["type"] == "object" for tool in body["tools"])


def test_hc08_strict_is_for_all_tools_or_none() -> None:
    assert write(tools=[OTHER]).body["strict_tools"] is True
    made = write(tools=[TOOL, OTHER], parallel_tool_calls=False)
    assert "strict_tools" not in made.body
    assert made.turn.adjusted == ["strict dropped", "parallel_tool_calls dropped"]


SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FORM = {"type": "json_schema", "json_schema": {"name": "town", "schema": SCHEMA}}


def test_hc23_forms() -> None:
    assert write(response_format=FORM).body["response_format"] == {"type": "json_object", "json_schema": SCHEMA}
    assert write(response_format={"type": "json_object"}).body["response_format"] == {"type": "json_object"}


def test_hc23_beside_tools_the_form_becomes_a_tool() -> None:
    body = write(response_format=FORM, tools=[TOOL]).body
    assert "response_format" not in body and body["tool_choice"] == "REQUIRED"
    assert [tool["function"]["name"] for tool in body["tools"]] == ["look_up", ANSWER_TOOL]
    assert body["tools"][1]["function"]["parameters"] == SCHEMA
    body = write(response_format=FORM, tools=[TOOL], tool_choice="none").body
    assert "tools" not in body and body["response_format"]["json_schema"] == SCHEMA


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({}, None),
        ({"effort": "none"}, {"type": "disabled"}),
        ({"budget": 0}, {"type": "disabled"}),
        ({"budget": -1}, {"type": "enabled"}),
        ({"budget": 500}, {"type": "enabled", "token_budget": 500}),
        ({"effort": "medium"}, {"type": "enabled", "token_budget": 7750}),
    ],
)
def test_thinking(asked: Any, sent: Any) -> None:
    assert write(traits=THINKER, **asked).body.get("thinking") == sent


def test_a_model_that_does_not_think_is_not_asked_to() -> None:
    made = write(effort="high")
    assert "thinking" not in made.body and made.turn.adjusted == ["reasoning_effort dropped"]
    assert write(effort="none").turn.adjusted == []


@pytest.mark.parametrize(
    ("traits", "expected"),
    [
        (None, {"tool_plan": "I look.", "content": "Wait."}),
        (
            THINKER,
            {"content": [{"type": "thinking", "thinking": "I look."}, {"type": "text", "text": "Wait."}]},
        ),
    ],
)
def test_hc05_thoughts_go_back_as_the_model_knows_them(traits: Traits | None, expected: Any) -> None:
    block = {"type": "thinking", "thinking": "I look.", "signature": "foreign"}
    said = {"role": "assistant", "content": "Wait.", "thinking_blocks": [block], "tool_calls": [CALL]}
    result = {"role": "tool", "tool_call_id": "c1", "content": "found"}
    system = {"role": "system", "content": "Be brief."}
    messages = write([system, {"role": "user", "content": "x"}, said, result], traits).body["messages"]
    assert messages[0] == system
    assert messages[2] == {"role": "assistant", "tool_calls": [CALL], **expected}
    assert messages[3] == result


def file_part(mime: str, data: bytes) -> Any:
    url = f"data:{mime};base64,{base64.b64encode(data).decode()}"
    return {"type": "file", "file": {"file_data": url, "filename": "a.txt"}}


def test_hc25_pictures_and_texts_pass_and_others_are_refused() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    parts = [picture, file_part("text/plain", "ñ".encode())]
    assert write([{"role": "user", "content": parts}]).body["messages"][0]["content"] == [
        picture,
        {"type": "text", "text": "a.txt\nñ"},
    ]
    with pytest.raises(MediaNotSupported):
        write([{"role": "user", "content": [file_part("application/pdf", b"%PDF-1.4")]}])


# answers ----------------------------------------------------------------------------------------------------


def answer(finish: str = "COMPLETE", **message: Any) -> Any:
    return {"id": "a1", "finish_reason": finish, "message": {"role": "assistant", **message}}


def text(said: str) -> list[Any]:
    return [{"type": "text", "text": said}]


ENDS = [
    ("COMPLETE", "stop"),
    ("STOP_SEQUENCE", "stop"),
    ("MAX_TOKENS", "length"),
    ("TOOL_CALL", "tool_calls"),
    ("ERROR_TOXIC", "content_filter"),
    ("SOMETHING_NEW", "stop"),
]


@pytest.mark.parametrize(("reason", "finish"), ENDS)
def test_hc10_finish_reasons(reason: str, finish: str) -> None:
    assert write().read(answer(reason, content=text("Hi")))["finish_reason"] == finish
    (chunk,) = write().read_events({"type": "message-end", "delta": {"finish_reason": reason}})
    assert chunk["choices"][0]["finish_reason"] == finish


@pytest.mark.parametrize(
    ("reason", "error"),
    [("ERROR", ProviderUnknown), ("TIMEOUT", ProviderTimeout), ("ERROR_LIMIT", ProviderContextTooLong)],
)
def test_hc13_an_answer_that_failed_is_an_error(reason: str, error: type[ProviderError]) -> None:
    with pytest.raises(error):
        write().read(answer(reason))
    end = {"type": "message-end", "delta": {"finish_reason": reason, "error": "no luck with " + "k" * 40}}
    with pytest.raises(error, match=r"no luck with \*\*\*"):
        write().read_events(end)


def test_hc24_billed_units_are_what_counts() -> None:
    made = write()
    usage = {
        "billed_units": {"input_tokens": 12.0, "output_tokens": 5.0},
        "tokens": {"input_tokens": 500.0, "output_tokens": 7.0},
        "cached_tokens": 4.0,
    }
    made.read({**answer(content=text("Hi")), "usage": usage})
    assert made.turn.tokens == Tokens(input_uncached=8, cache_read=4, output_visible=5)
    made.read({**answer(content=text("Hi")), "usage": {"tokens": usage["tokens"]}})
    assert made.turn.tokens == Tokens(input_uncached=500, output_visible=7)


def test_hc02_calls_keep_their_text_and_empty_ones_are_objects() -> None:
    empty = {"id": "c2", "function": {"name": "f", "arguments": ""}}
    choice = write().read(answer("TOOL_CALL", tool_plan="I look.", tool_calls=[CALL, empty]))
    message = choice["message"]
    assert [call["function"]["arguments"] for call in message["tool_calls"]] == ['{"b": 1.0}', "{}"]
    assert (message["content"], message["reasoning_content"]) == ("", "I look.")
    assert message["thinking_blocks"] == [{"type": "thinking", "thinking": "I look."}]


def event(kind: str, index: int = 0, **message: Any) -> Any:
    return {"type": kind, "index": index, "delta": {"message": message}}


def test_a_stream_of_thoughts_text_and_calls() -> None:
    deltas = write().deltas(
        {"type": "message-start", "id": "a1", "delta": {"message": {"role": "assistant", "content": []}}},
        event("content-start", content={"type": "thinking", "thinking": ""}),
        event("content-delta", content={"thinking": "hm"}),
        event("content-delta", content={"thinking": "m"}),
        event("content-start", 1, content={"type": "text", "text": "He"}),
        event("content-delta", 1, content={"text": "llo"}),
        event("tool-call-start", 0, tool_calls={"id": "c1", "function": {"name": "f", "arguments": ""}}),
        {"type": "tool-call-end", "index": 0},
        event("tool-call-start", 1, tool_calls=[{"id": "c2", "function": {"name": "g", "arguments": '{"a"'}}]),
        event("tool-call-delta", 1, tool_calls={"function": {"arguments": ":1}"}}),
        {"type": "tool-call-end", "index": 1},
        {"type": "debug", "prompt": "x"},
        {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL"}},
    )
    assert "".join(d.get("reasoning_content", "") for d in deltas) == "hmm"
    assert [d["thinking_blocks"] for d in deltas if "thinking_blocks" in d] == [
        [{"type": "thinking", "thinking": "hmm"}]
    ]
    assert "".join(d.get("content", "") for d in deltas) == "Hello"
    calls = [call for d in deltas for call in d.get("tool_calls", ())]
    assert [(c["index"], c.get("id"), c["function"]["arguments"]) for c in calls] == [
        (0, "c1", ""),
        (0, None, "{}"),
        (1, "c2", ""),
        (1, None, '{"a"'),
        (1, None, ":1}"),
    ]


def test_hc23_the_answer_tool_is_unwrapped() -> None:
    call = {"id": "c1", "function": {"name": ANSWER_TOOL, "arguments": '{"city":"Porto"}'}}
    made = write(response_format=FORM, tools=[TOOL])
    choice = made.read(answer("TOOL_CALL", tool_calls=[call], content=text("Here:")))
    assert (choice["message"]["content"], choice["finish_reason"]) == ('{"city":"Porto"}', "stop")
    chunks = write(response_format=FORM, tools=[TOOL]).read_events(
        event("content-delta", content={"text": "Here:"}),
        event("tool-call-start", tool_calls={"id": "c1", "function": {"name": ANSWER_TOOL, "arguments": ""}}),
        event("tool-call-delta", tool_calls={"function": {"arguments": '{"city":"Porto"}'}}),
        {"type": "tool-call-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL"}},
    )
    assert [c["choices"][0]["delta"].get("content") for c in chunks] == ['{"city":"Porto"}', None]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    held = write(response_format=FORM, tools=[TOOL]).read_events(
        event("content-delta", content={"text": "Plain."}),
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}},
    )
    assert held[0]["choices"][0]["delta"]["content"] == "Plain."


CITED = {
    "start": 2,
    "end": 5,
    "text": "sun",
    "sources": [
        {"type": "document", "id": "d1", "document": {"url": "https://a.example.com", "title": "A"}},
        {"type": "tool", "id": "t1", "tool_output": {"x": 1}},
    ],
}


def test_citations_with_an_address_become_annotations() -> None:
    expected = [
        {
            "type": "url_citation",
            "url_citation": {"url": "https://a.example.com", "title": "A", "start_index": 2, "end_index": 5},
        }
    ]
    assert write().read(answer(content=text("A sun"), citations=[CITED]))["message"]["annotations"] == expected
    assert write().deltas(event("citation-start", citations=CITED))[0]["annotations"] == expected
    assert write().deltas(event("citation-start", citations={**CITED, "sources": CITED["sources"][1:]})) == []  # type: ignore[index]


@pytest.mark.parametrize(
    ("status", "said", "ours", "code"),
    [
        (400, "invalid request: wrong", ProviderRefused, None),
        (400, "too many tokens: the prompt cannot exceed 9", ProviderContextTooLong, "context_length_exceeded"),
        (422, "blocked output: please try again", ProviderRefused, "content_filter"),
        (401, "invalid api token", ProviderAuth, None),
        (498, "invalid token", ProviderAuth, None),
        (404, "model 'x' not found", ProviderRefused, "model_not_found"),
        (429, "You are past the rate limit of 20 API calls / minute", ProviderRateLimit, None),
        (429, "limited to 1000 API calls / month", ProviderQuota, None),
        (499, "request cancelled", ProviderUnknown, None),
        (500, "internal", ProviderUnknown, None),
        (503, "unavailable", ProviderOvercapacity, None),
        (504, "late", ProviderTimeout, None),
    ],
)
def test_hc26_refusals(status: int, said: str, ours: type[ProviderError], code: str | None) -> None:
    error = ADAPTER.read_error(status, {}, json.dumps({"id": "x", "message": said}).encode())
    assert type(error) is ours
    assert code is None or error.code == code


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"message": [1]}'])
def test_hc26_bodies_that_say_nothing(body: bytes) -> None:
    assert type(ADAPTER.read_error(503, {}, body)) is ProviderOvercapacity


@pytest.mark.parametrize("body", [b"", b"[]", b'{"id":"a"}'])
def test_an_answer_that_is_none(body: bytes) -> None:
    with pytest.raises(ProviderUnknown):
        write().read(body)
    with pytest.raises(ProviderUnknown):
        ADAPTER.read_frame(b"{", chat_request(), Turn(keep_usage=True))
    with pytest.raises(ProviderUnknown, match="not begun"):
        write().read_events(event("tool-call-delta", 3, tool_calls={"function": {"arguments": "x"}}))


# embeddings and ranks ---------------------------------------------------------------------------------------


def embed(inputs: list[str], model: str = "embed-v4.0", **more: Any) -> Any:
    target = Target("cohere", "m", model, ADAPTER, None)
    return json.loads(ADAPTER.write_embeddings(EmbeddingRequest(REF, inputs, **more), inputs, target).body)


PICTURE = "data:image/png;base64,iVBORw0KGgo="


def test_hc28_embeddings_are_for_documents_unless_told() -> None:
    assert embed(["a", "b"], dimensions=256) == {
        "model": "embed-v4.0",
        "embedding_types": ["float"],
        "input_type": "search_document",
        "texts": ["a", "b"],
        "output_dimension": 256,
    }
    assert embed(["a"], input_type="search_query")["input_type"] == "search_query"
    assert ADAPTER.embeddings_batch == 96


def test_hc28_pictures_are_embedded_too() -> None:
    mixed = embed(["a", PICTURE])
    assert mixed["inputs"] == [
        {"content": [{"type": "text", "text": "a"}]},
        {"content": [{"type": "image_url", "image_url": {"url": PICTURE}}]},
    ]
    old = embed([PICTURE], "embed-english-v3.0")
    assert (old["images"], old["input_type"]) == ([PICTURE], "image")


@pytest.mark.parametrize(
    ("embeddings", "vectors"),
    [
        ({"float": [[0.5], [1]]}, [[0.5], [1.0]]),
        ({"base64": ["AA==", "AQ=="]}, ["AA==", "AQ=="]),
        ({"int8": [[1], [-2]], "float": None}, [[1], [-2]]),
    ],
)
def test_hc28_vectors_come_in_order_with_their_tokens(embeddings: Any, vectors: Any) -> None:
    meta = {"billed_units": {"input_tokens": 6.0, "image_tokens": 3.0}}
    body = json.dumps({"id": "e", "embeddings": embeddings, "meta": meta}).encode()
    assert ADAPTER.read_embeddings(body, 2) == (vectors, 9)
    with pytest.raises(ProviderUnknown):
        ADAPTER.read_embeddings(body, 3)


def test_ranks() -> None:
    request = RerankRequest(REF, "q", ["a", "b"], top_n=1)
    outgoing = ADAPTER.write_rerank(request, TARGET)
    assert outgoing.path == "/v2/rerank"
    assert json.loads(outgoing.body) == {"model": "embed-v4.0", "query": "q", "documents": ["a", "b"], "top_n": 1}
    turn = Turn(keep_usage=True)
    body = {"results": [{"index": 1, "relevance_score": 0.9}], "meta": {"billed_units": {"search_units": 2.0}}}
    assert ADAPTER.read_rerank(json.dumps(body).encode(), request, turn) == [(1, 0.9)]
    assert turn.tokens == Tokens(units=2)
    with pytest.raises(ProviderUnknown):
        ADAPTER.read_rerank(b'{"results": [{"index": 2, "relevance_score": 1}]}', request, turn)
