"""Chat completions through the door, against a real model."""

from __future__ import annotations

import json

import pytest

from portico.server.edge.routes.chat import PATHS
from tests.live import CHAT, LiveServer

HELLO = {"model": CHAT, "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 6, "temperature": 0}


@pytest.mark.parametrize("path", PATHS)
def test_every_documented_path_answers(server: LiveServer, path: str) -> None:
    answer = server.post(path, HELLO)
    assert answer.status == 200
    assert answer.json()["choices"][0]["message"]["role"] == "assistant"


def test_a_whole_answer_has_the_documented_members(server: LiveServer) -> None:
    body = server.post("/v1/chat/completions", HELLO).json()
    assert body["object"] == "chat.completion"
    assert body["model"] == "smollm2-135m-instruct", "the name is not prefixed"
    assert isinstance(body["created"], int)
    assert body["choices"][0]["finish_reason"] in ("stop", "length")
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0
    assert usage["currency"] == "USD"
    assert {"prompt_cost", "completion_cost", "total_cost"} <= usage.keys()
    assert "timings" not in body
    assert "error" not in body


def test_the_request_id_stands_in_header_and_body(server: LiveServer) -> None:
    answer = server.post("/v1/chat/completions", HELLO)
    assert answer.headers["x-request-id"] == answer.json()["requestId"]
    assert answer.headers["x-saia-cache"] == "BYPASS"


def test_a_stream_is_chunks_and_done(server: LiveServer) -> None:
    answer = server.post("/v1/chat/completions", {**HELLO, "stream": True})
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    *chunks, done = answer.events()
    assert done == "[DONE]"
    read = [json.loads(chunk) for chunk in chunks]
    assert all(chunk["object"] == "chat.completion.chunk" and len(chunk["choices"]) == 1 for chunk in read)
    assert read[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert read[-1]["choices"][0]["finish_reason"] in ("stop", "length")
    assert not any("usage" in chunk or "timings" in chunk for chunk in read)


def test_usage_comes_in_a_chunk_of_its_own_when_asked_for(server: LiveServer) -> None:
    answer = server.post("/chat", {**HELLO, "stream": True, "stream_options": {"include_usage": True}})
    *_, last, done = answer.events()
    chunk = json.loads(last)
    assert done == "[DONE]"
    assert chunk["choices"] == []
    assert chunk["usage"]["completion_tokens"] > 0
    assert chunk["usage"]["currency"] == "USD"


@pytest.mark.parametrize(("written", "streams"), [("false", False), ("true", True), ("False", False), (None, False)])
def test_stream_may_be_a_word(server: LiveServer, written: str | None, streams: bool) -> None:
    answer = server.post("/chat", {**HELLO, "stream": written})
    assert answer.headers["content-type"].startswith("text/event-stream") is streams
