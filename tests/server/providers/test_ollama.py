"""The `ollama` adapter: what it sends, and what it makes of lines, answers and errors."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.server.errors import (
    ContextLengthExceeded,
    MediaNotSupported,
    ProviderError,
    ProviderOvercapacity,
    ProviderRefused,
    ProviderUnknown,
)
from portico.server.providers.base import Credential, Endpoint, Target, Tokens, Turn
from portico.server.providers.ollama import Ollama
from portico.server.providers.ollama.lines import LineDecoder
from portico.wire.model_ref import DirectModel
from portico.wire.requests import ChatRequest, EmbeddingRequest
from portico.wire.sse import FrameTooLarge

ADAPTER = Ollama()
REF = DirectModel("ollama", "m")
TOOL = {"type": "function", "function": {"name": "look_up", "description": "d", "parameters": {"type": "object"}}}
PNG = "iVBORw0KGgo="


def chat(messages: Any = "Hi", *, effort: str = "", budget: int | None = None, **members: Any) -> ChatRequest:
    said = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    raw = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in {"messages": said, **members}.items()}
    return ChatRequest(REF, raw, effort=effort, budget=budget)


def target(model: str = "llama3.2") -> Target:
    credential = Credential("http://127.0.0.1:11434")
    return Target("ollama", model, model, ADAPTER, ADAPTER.endpoint(credential), credential)


def written(request: ChatRequest, model: str = "llama3.2") -> tuple[dict[str, Any], Turn]:
    turn = Turn(keep_usage=False, adjusted=[])
    outgoing = ADAPTER.write_chat(request, target(model), turn)
    assert outgoing.path == "/api/chat"
    return json.loads(outgoing.body), turn


@pytest.mark.parametrize("tail", ["", "/v1", "/api"])
def test_the_server_itself_is_meant_whatever_the_path(tail: str) -> None:
    assert ADAPTER.endpoint(Credential(f"http://127.0.0.1:11434{tail}")) == Endpoint("http://127.0.0.1:11434")


def test_a_key_goes_out_as_bearer() -> None:
    assert ADAPTER.endpoint(Credential("https://ollama.com", "k")).headers == (("authorization", "Bearer k"),)


# what goes out --------------------------------------------------------------------------------------------------


def test_options() -> None:
    body, turn = written(
        chat(max_tokens=5, max_completion_tokens=9, temperature=0.5, seed=3, stop="END", num_ctx=8192, keep_alive="5m",
             presence_penalty=0.5, options={"mirostat": 1, "seed": 9}, user="u", logprobs=True, n=2)
    )  # fmt: skip
    assert body["options"] == {
        "mirostat": 1, "seed": 3, "temperature": 0.5, "presence_penalty": 0.5, "num_ctx": 8192, "num_predict": 9,
        "stop": ["END"],
    }  # fmt: skip
    assert (body["stream"], body["keep_alive"]) == (False, "5m")
    assert "user" not in body and turn.adjusted == ["logprobs dropped", "n dropped"]


def test_texts_and_pictures_part() -> None:
    note = base64.b64encode("año".encode()).decode()
    parts = [
        {"type": "text", "text": "What?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "file", "file": {"filename": "a.txt", "file_data": f"data:text/plain;base64,{note}"}},
    ]
    body, _ = written(chat([{"role": "user", "content": parts}]))
    assert body["messages"] == [{"role": "user", "content": "What?\naño", "images": [PNG]}]


@pytest.mark.parametrize("url", ["https://x.example/a.png", "data:application/pdf;base64,AAAA"])
def test_other_files_are_refused(url: str) -> None:
    with pytest.raises(MediaNotSupported):
        written(chat([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]))


def test_a_conversation_with_a_tool() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"b": 1.50, "a": 1}'}}
    broken = {"id": "c2", "type": "function", "function": {"name": "look_up", "arguments": "{"}}
    block = {"type": "thinking", "thinking": "hm", "signature": ""}
    said = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": "", "thinking_blocks": [block], "tool_calls": [call, broken]},
        {"role": "tool", "tool_call_id": "c1", "content": "found"},
        {"role": "user", "content": "And?"},
    ]
    body, _ = written(chat(said, tools=[TOOL]))
    _, _, assistant, result, user = body["messages"]
    assert assistant["thinking"] == "hm" and assistant["content"] == ""
    assert [c["function"]["arguments"] for c in assistant["tool_calls"]] == [{"b": 1.5, "a": 1}, {"arguments": "{"}]
    assert result == {"role": "tool", "tool_name": "look_up", "tool_call_id": "c1", "content": "found"}
    assert user == {"role": "user", "content": "And?"}
    raw = ADAPTER.write_chat(chat(said, tools=[TOOL]), target(), Turn(False)).body
    assert b'{"b": 1.50, "a": 1}' in raw, "as the model wrote it"


def test_hc08_the_choice_is_the_models() -> None:
    body, turn = written(chat(tools=[TOOL], tool_choice="required", parallel_tool_calls=False))
    assert body["tools"] == [TOOL]
    assert turn.adjusted == ["tool_choice required->auto", "parallel_tool_calls dropped"]
    assert "tools" not in written(chat(tools=[TOOL], tool_choice="none"))[0]


def test_hc23_formats() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert written(chat(response_format=form))[0]["format"] == schema
    assert written(chat(response_format={"type": "json_object"}))[0]["format"] == "json"
    assert "format" not in written(chat(response_format={"type": "text"}))[0]


@pytest.mark.parametrize(
    ("model", "asked", "think"),
    [
        ("qwen3:8b", {"effort": "low"}, "low"),
        ("qwen3:8b", {"effort": "xhigh"}, True),
        ("qwen3:8b", {"effort": "none", "budget": 0}, False),
        ("qwen3:8b", {"budget": 5000}, True),
        ("qwen3:8b", {"budget": 0}, False),
        ("gpt-oss:20b", {"effort": "high"}, "high"),
        ("gpt-oss:20b", {"effort": "none"}, "low"),
        ("qwen3:8b", {}, None),
    ],
)
def test_thinking(model: str, asked: Any, think: Any) -> None:
    assert written(chat(**asked), model)[0].get("think") == think


def test_embeddings() -> None:
    outgoing = ADAPTER.write_embeddings(EmbeddingRequest(REF, ["a"], dimensions=256), ["a"], target())
    assert outgoing.path == "/api/embed"
    assert json.loads(outgoing.body) == {"model": "llama3.2", "input": ["a"], "truncate": False, "dimensions": 256}
    assert ADAPTER.read_embeddings(b'{"embeddings":[[0.5]],"prompt_eval_count":3}', 1) == ([[0.5]], 3)
    for body in (b'{"embeddings":[]}', b"{}"):
        with pytest.raises(ProviderUnknown):
            ADAPTER.read_embeddings(body, 1)


# lines ----------------------------------------------------------------------------------------------------------

LINES = '{"a":"日本 😀"}\n\n \r\n{"b":1}\n{"c":2}'.encode()


def lines_of(pieces: list[bytes]) -> list[bytes]:
    decoder = LineDecoder()
    found = [line.data for piece in pieces for line in decoder.feed(piece)]
    return found + [line.data for line in decoder.close()]


def test_lines_without_the_blank_ones() -> None:
    assert lines_of([LINES]) == ['{"a":"日本 😀"}'.encode(), b'{"b":1}', b'{"c":2}']


@given(st.lists(st.integers(1, 9), max_size=30))
def test_hc12_lines_cut_anywhere(sizes: list[int]) -> None:
    data, pieces = LINES, []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    assert lines_of([*pieces, data]) == lines_of([LINES])


@pytest.mark.parametrize(
    "pieces", [[b"x" * 11], [b"x" * 6, b"x" * 6], [b"x" * 11 + b"\n"], [b"x" * 6, b"x" * 6 + b"\n"]]
)
def test_a_line_beyond_bounds_is_refused(pieces: list[bytes]) -> None:
    decoder = LineDecoder(max_line_bytes=10)
    with pytest.raises(FrameTooLarge):
        for piece in pieces:
            decoder.feed(piece)


# what comes back ------------------------------------------------------------------------------------------------


def begun() -> Turn:
    turn = Turn(keep_usage=False, adjusted=[])
    ADAPTER.write_chat(chat(), target(), turn)
    return turn


def read(turn: Turn, *lines: Any) -> list[dict[str, Any]]:
    return [
        json.loads(chunk) for line in lines for chunk in ADAPTER.read_frame(json.dumps(line).encode(), chat(), turn)
    ]


def test_a_stream() -> None:
    turn = begun()
    chunks = read(
        turn,
        {"message": {"role": "assistant", "content": "", "thinking": "hm"}, "done": False},
        {"message": {"role": "assistant", "content": "Let me see."}, "done": False},
        {"message": {"content": "", "tool_calls": [{"function": {"name": "a", "arguments": {"x": 1}}}]}, "done": False},
        {"message": {"content": "", "tool_calls": [{"id": "c2", "function": {"name": "b"}}]}, "done": False},
        {"message": {"content": ""}, "done": True, "done_reason": "stop", "prompt_eval_count": 10, "eval_count": 5},
    )
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": "", "reasoning_content": "hm"}
    assert deltas[1]["thinking_blocks"][0]["thinking"] == "hm" and deltas[2]["content"] == "Let me see."
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    assert [(c["index"], c["function"].get("name"), c["function"]["arguments"]) for c in calls] == [
        (0, "a", ""), (0, None, '{"x": 1}'), (1, "b", ""), (1, None, "{}"),
    ]  # fmt: skip
    assert re.fullmatch(r"call_[0-9a-f]{16}", calls[0]["id"]) and calls[2]["id"] == "c2"
    assert chunks[-1]["choices"][0]["finish_reason"] == turn.finish_reason == "tool_calls"
    assert turn.tokens == Tokens(input_uncached=10, output_visible=5)
    assert len({chunk["id"] for chunk in chunks}) == 1


def test_a_whole_answer() -> None:
    turn = begun()
    body = {"message": {"role": "assistant", "content": "Hi", "thinking": "hm"}, "done": True, "done_reason": "length"}
    members = ADAPTER.read_chat(json.dumps(body).encode(), chat(), turn)
    (choice,) = json.loads(bytes(members["choices"]))
    assert (choice["message"]["content"], choice["message"]["reasoning_content"]) == ("Hi", "hm")
    assert choice["finish_reason"] == turn.finish_reason == "length"
    assert turn.tokens is None, "estimated then"


@pytest.mark.parametrize("body", [b"[]", b"<html>", b"{}"])
def test_what_is_no_answer_is_an_error(body: bytes) -> None:
    with pytest.raises(ProviderUnknown):
        ADAPTER.read_chat(body, chat(), begun())


@pytest.mark.parametrize(
    ("status", "message", "error", "ours"),
    [
        (404, "model 'qwen3:8b' not found", ProviderRefused, 404),
        (404, 'model "qwen3:8b" not found, try pulling it first', ProviderRefused, 404),
        (400, '"llama3.2" does not support thinking', ProviderRefused, 400),
        (503, "server busy, please try again.  maximum pending requests exceeded", ProviderOvercapacity, 503),
        (400, "the input length exceeds the context length", ContextLengthExceeded, 400),
        (500, "llama runner process has terminated", ProviderUnknown, 502),
    ],
)
def test_hc26_errors(status: int, message: str, error: type[ProviderError], ours: int) -> None:
    found = ADAPTER.read_error(status, {}, json.dumps({"error": message}).encode())
    assert isinstance(found, error) and found.status == ours
    if ours == 404:
        assert "ollama pull qwen3:8b" in found.message
    elif error is not ProviderUnknown:
        assert message in found.message


def test_hc26_an_answer_that_is_no_json() -> None:
    assert isinstance(ADAPTER.read_error(502, {}, b"<html>"), ProviderUnknown)


@pytest.mark.parametrize(
    ("message", "error"),
    [("model 'x' not found", ProviderRefused), ("server busy", ProviderOvercapacity), ("boom", ProviderUnknown)],
)
def test_hc13_an_error_inside_a_stream(message: str, error: type[ProviderError]) -> None:
    with pytest.raises(error):
        read(begun(), {"error": message})
