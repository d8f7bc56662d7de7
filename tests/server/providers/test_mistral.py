"""The `mistral` adapter: what it sends, and what it makes of answers in Mistral's own shape."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest

from portico.server.errors import (
    ContextLengthExceeded,
    ProviderAuth,
    ProviderError,
    ProviderQuota,
    ProviderRateLimit,
    ProviderRefused,
    ProviderUnknown,
)
from portico.server.providers.base import Credential, Target, Tokens, Traits, Turn
from portico.server.providers.mistral import Mistral
from portico.wire.model_ref import DirectModel
from portico.wire.requests import ChatRequest, EmbeddingRequest

ADAPTER = Mistral()
REF = DirectModel("mistral", "m")
LEVELS = Traits(thinking_mode="level", effort_values=("none", "high"))
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}


def chat(messages: Any = "Hi", *, effort: str = "", budget: int | None = None, **members: Any) -> ChatRequest:
    said = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    raw = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in {"messages": said, **members}.items()}
    return ChatRequest(REF, raw, effort=effort, budget=budget)


def target(model: str = "mistral-small-latest", traits: Traits | None = None) -> Target:
    credential = Credential("https://api.mistral.ai/v1", "k")
    return Target("mistral", model, model, ADAPTER, ADAPTER.endpoint(credential), credential, traits or Traits())


def written(request: ChatRequest, *where: Any) -> tuple[dict[str, Any], Turn]:
    turn = Turn(keep_usage=False, adjusted=[])
    outgoing = ADAPTER.write_chat(request, target(*where), turn)
    assert outgoing.path == "/chat/completions"
    return json.loads(outgoing.body), turn


# what goes out --------------------------------------------------------------------------------------------------


def test_members_get_mistrals_names_and_unknown_ones_stay_here() -> None:
    body, turn = written(
        chat(seed=3, max_tokens=5, max_completion_tokens=9, stop=["END", " "], safe_prompt=True, user="u", n=2,
             temperature=1.75, tools=[TOOL], tool_choice="required", parallel_tool_calls=False, store=True)
    )  # fmt: skip
    del body["messages"], body["tools"]
    assert body == {
        "model": "mistral-small-latest",
        "random_seed": 3,
        "max_tokens": 9,
        "stop": ["END"],
        "safe_prompt": True,
        "temperature": 1.5,
        "tool_choice": "any",
        "parallel_tool_calls": False,
    }
    assert turn.adjusted == ["temperature 1.75->1.5", "n dropped"]


def test_hc04_ids_become_nine_characters_and_mistrals_own_stay() -> None:
    ids = ["call_abcdef", "call_abcdeg", "D681PevKs"]
    calls = [{"id": i, "type": "function", "function": {"name": "look_up", "arguments": '{"a":1.50}'}} for i in ids]
    said = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": None, "tool_calls": calls},
        *({"role": "tool", "tool_call_id": i, "content": "found"} for i in ids),
    ]
    body, _ = written(chat(said, tools=[TOOL]))
    sent = [call["id"] for call in body["messages"][1]["tool_calls"]]
    assert [message["tool_call_id"] for message in body["messages"][2:]] == sent
    assert len(set(sent)) == 3 and all(re.fullmatch(r"[a-zA-Z0-9]{9}", i) for i in sent)
    assert sent[2] == "D681PevKs"
    assert body["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"a":1.50}'
    assert body["messages"][2]["name"] == "look_up"
    assert written(chat(said, tools=[TOOL]))[0] == body


def test_files_become_chunks() -> None:
    parts = [
        {"type": "text", "text": "What?"},
        {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "low"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
    ]
    body, _ = written(chat([{"role": "user", "content": parts}]))
    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "What?"},
        {"type": "image_url", "image_url": "https://x.example/a.png"},
        {"type": "document_url", "document_url": "data:application/pdf;base64,AAAA", "document_name": "a.pdf"},
        {"type": "input_audio", "input_audio": "AAAA"},
    ]


def test_system_messages_come_first_in_one() -> None:
    said = [
        {"role": "system", "content": "One."},
        {"role": "system", "content": "Two."},
        {"role": "user", "content": "Hi"},
        {"role": "system", "content": "Three."},
    ]
    messages = written(chat(said))[0]["messages"]
    texts = [{"type": "text", "text": "Hi"}, {"type": "text", "text": "Three."}]
    assert messages == [{"role": "system", "content": "One.\n\nTwo."}, {"role": "user", "content": texts}]


def test_hc05_thoughts_go_back_to_models_that_think() -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": ""}
    said = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yes?", "thinking_blocks": [block]},
        {"role": "user", "content": "Go"},
    ]
    sent = written(chat(said), "magistral-medium-latest", LEVELS)[0]["messages"][1]["content"]
    assert sent[0] == {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    assert written(chat(said))[0]["messages"][1]["content"] == "Yes?"


@pytest.mark.parametrize(
    ("model", "asked", "sent"),
    [
        ("magistral-medium-latest", {"effort": "high"}, {"prompt_mode": "reasoning"}),
        ("magistral-medium-latest", {"effort": "none", "budget": 0}, {"prompt_mode": None}),
        ("mistral-medium-latest", {"effort": "high"}, {"reasoning_effort": "high"}),
        ("mistral-medium-latest", {"effort": "none"}, {"reasoning_effort": "none"}),
        ("mistral-medium-latest", {"budget": 20_000}, {"reasoning_effort": "high"}),
        ("mistral-medium-latest", {"budget": -1}, {"reasoning_effort": "high"}),
        ("mistral-medium-latest", {}, {}),
    ],
)
def test_thinking(model: str, asked: Any, sent: Any) -> None:
    body, _ = written(chat(**asked), model, LEVELS)
    assert {k: v for k, v in body.items() if k not in ("model", "messages")} == sent


def test_embeddings_have_mistrals_name_for_dimensions() -> None:
    outgoing = ADAPTER.write_embeddings(EmbeddingRequest(REF, ["a"], dimensions=256), ["a"], target("codestral-embed"))
    assert outgoing.path == "/embeddings"
    assert json.loads(outgoing.body) == {
        "model": "codestral-embed", "input": ["a"], "encoding_format": "float", "output_dimension": 256,
    }  # fmt: skip
    body = b'{"data":[{"index":0,"embedding":[0.5]}],"usage":{"prompt_tokens":3,"total_tokens":3}}'
    assert ADAPTER.read_embeddings(body, 1) == ([[0.5]], 3)


# what comes back ------------------------------------------------------------------------------------------------


def begun() -> Turn:
    turn = Turn(keep_usage=False, adjusted=[])
    ADAPTER.write_chat(chat(), target(), turn)
    return turn


def frame(delta: Any, finish: str | None = None, **more: Any) -> bytes:
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "mistral-small-2506"}
    return json.dumps({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}).encode()


def read(turn: Turn, *frames: bytes) -> list[dict[str, Any]]:
    return [json.loads(chunk) for data in frames for chunk in ADAPTER.read_frame(data, chat(), turn)]


def deltas(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [chunk["choices"][0]["delta"] for chunk in chunks]


def test_plain_chunks_are_relayed_as_they_came() -> None:
    data = frame({"role": "assistant", "content": 'say "content":[1]'})
    assert ADAPTER.read_frame(data, chat(), begun()) == (data,)


def test_hc01_whole_calls_are_parted_as_clients_expect() -> None:
    call = {"id": "D681PevKs", "function": {"name": "look_up", "arguments": '{"b": 1.0}'}, "index": 0}
    other = {"id": "a1B2c3D4e", "function": {"name": "tell", "arguments": {"x": 1.50}}, "index": 1}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "num_cached_tokens": 4}
    turn = begun()
    chunks = read(
        turn,
        frame({"role": "assistant", "content": ""}),
        frame({"content": "", "tool_calls": [call, other]}, "tool_calls", usage=usage),
    )
    calls = [call for d in deltas(chunks) for call in d.get("tool_calls") or ()]
    assert [(c["index"], c.get("id"), c["function"]["arguments"]) for c in calls] == [
        (0, "D681PevKs", ""), (0, None, '{"b": 1.0}'), (1, "a1B2c3D4e", ""), (1, None, '{"x": 1.5}'),
    ]  # fmt: skip
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert not any("role" in d for d in deltas(chunks)[1:]), "the role is told once"
    assert "usage" not in chunks[-1]
    assert turn.tokens == Tokens(input_uncached=6, cache_read=4, output_visible=5)


def test_thoughts_come_apart_from_the_text() -> None:
    thinking = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]
    chunks = read(begun(), frame({"content": thinking}), frame({"content": thinking}), frame({"content": "Four"}))
    assert [d.get("reasoning_content") for d in deltas(chunks)] == ["hm", "hm", None, None]
    assert deltas(chunks)[2]["thinking_blocks"] == [{"type": "thinking", "thinking": "hmhm", "signature": ""}]
    assert deltas(chunks)[3]["content"] == "Four"


def test_pieces_of_text_and_references() -> None:
    pieces = [{"type": "text", "text": "Rain"}, {"type": "reference", "reference_ids": [1]}]
    assert [d["content"] for d in deltas(read(begun(), frame({"content": pieces})))] == ["Rain"]


@pytest.mark.parametrize(("given", "finish"), [("model_length", "length"), ("length", "length"), ("stop", "stop")])
def test_hc10_reasons(given: str, finish: str) -> None:
    turn = begun()
    assert read(turn, frame({"content": ""}, given))[-1]["choices"][0]["finish_reason"] == finish
    assert turn.finish_reason == finish


def test_hc13_errors_inside_a_stream() -> None:
    with pytest.raises(ProviderUnknown):
        read(begun(), frame({"content": ""}, "error"))
    error = {"object": "error", "message": "capacity", "type": "x", "code": "3505", "raw_status_code": 429}
    with pytest.raises(ProviderRateLimit, match="capacity"):
        read(begun(), json.dumps(error).encode())
    with pytest.raises(ProviderUnknown):
        read(begun(), b'{"choices":[{"delta":{"content":[1]}}]}')


def whole(message: Any, finish: str = "stop") -> dict[str, Any]:
    body = {"id": "c1", "model": "m", "created": 1, "object": "chat.completion", "usage": {"prompt_tokens": 1}}
    body["choices"] = [{"index": 0, "message": message, "finish_reason": finish}]
    members = ADAPTER.read_chat(json.dumps(body).encode(), chat(), begun())
    (choice,) = json.loads(bytes(members["choices"]))
    result: dict[str, Any] = choice["message"]
    return result


def test_a_whole_answer_in_chunks() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "signature": "s"}
    message = whole({"role": "assistant", "content": [thinking, {"type": "text", "text": "Four"}], "tool_calls": None})
    assert (message["content"], message["reasoning_content"]) == ("Four", "hm")
    assert message["thinking_blocks"] == [{"type": "thinking", "thinking": "hm", "signature": "s"}]


def test_calls_without_an_id_get_one() -> None:
    call = {"function": {"name": "look_up", "arguments": ""}}
    (found,) = whole({"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls")["tool_calls"]
    assert re.fullmatch(r"[a-z0-9]{9}", found["id"]) and found["function"]["arguments"] == "{}"


@pytest.mark.parametrize("body", [b"[]", b"<html>", b"{}", b'{"choices":[{"finish_reason":"stop"}]}'])
def test_what_is_no_answer_is_an_error(body: bytes) -> None:
    with pytest.raises(ProviderUnknown):
        ADAPTER.read_chat(body, chat(), begun())


TOO_LONG = "Prompt contains 40000 tokens, too large for model with 32768 maximum context length"


@pytest.mark.parametrize(
    ("status", "body", "error", "ours", "message"),
    [
        (401, {"message": "Unauthorized", "request_id": "r"}, ProviderAuth, 502, "the provider refused"),
        (429, {"message": "Requests rate limit exceeded"}, ProviderRateLimit, 429, "Requests rate limit exceeded"),
        (402, {"message": "Payment required"}, ProviderQuota, 429, ""),
        (
            400,
            {"object": "error", "message": "Invalid model: x", "type": "invalid_model"},
            ProviderRefused,
            404,
            "Invalid",
        ),
        (400, {"object": "error", "message": TOO_LONG, "code": "3051"}, ContextLengthExceeded, 400, "too large"),
        (
            422,
            {"detail": [{"loc": ["body", "messages", 0, "role"], "msg": "Field required", "type": "missing"}]},
            ProviderRefused,
            400,
            "messages.0.role: Field required",
        ),
        (
            422,
            {"object": "error", "message": {"detail": [{"loc": ["body", "x"], "msg": "Extra inputs"}]}},
            ProviderRefused,
            400,
            "x: Extra inputs",
        ),
        (400, {"detail": "no Route matched"}, ProviderRefused, 400, "no Route matched"),
        (400, {"message": "bad key abcdefghijklmnopqrstuvwxyz012345"}, ProviderRefused, 400, "bad key ***"),
        (500, [1], ProviderUnknown, 502, ""),
    ],
)
def test_hc26_errors(status: int, body: Any, error: type[ProviderError], ours: int, message: str) -> None:
    found = ADAPTER.read_error(status, {}, json.dumps(body).encode())
    assert isinstance(found, error) and found.status == ours
    assert message in found.message
