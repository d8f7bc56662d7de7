"""The chat child over its own HTTP: what the adapter may rely on. Real model, real runtime."""

from __future__ import annotations

import http.client
import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from local_models import CHAT, post
from tests.live import wait_until

from portico.server.providers.base import Endpoint

COLOURS = [{"role": "user", "content": "Name three colours."}]


@pytest.fixture(scope="module")
def chat(shared_runtime: Callable[[str], Endpoint]) -> Endpoint:
    return shared_runtime(CHAT)


def ask(endpoint: Endpoint, **members: Any) -> tuple[int, Any]:
    return post(endpoint, "/chat/completions", {"messages": COLOURS, "max_tokens": 16, "temperature": 0, **members})


def slots(endpoint: Endpoint) -> list[dict[str, Any]]:
    """What the places of the child do, or did last."""
    request = urllib.request.Request(endpoint.base_url.removesuffix("/v1") + "/slots", headers=dict(endpoint.headers))
    with urllib.request.urlopen(request, timeout=60) as answer:
        return list(json.load(answer))


def test_a_plain_answer_has_the_members_of_openai(chat: Endpoint) -> None:
    status, answer = ask(chat)
    assert status == 200
    assert answer["object"] == "chat.completion"
    assert answer["model"] == CHAT
    choice = answer["choices"][0]
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"]
    assert choice["finish_reason"] == "length"
    usage = answer["usage"]
    assert usage["completion_tokens"] == 16
    assert usage["total_tokens"] == usage["prompt_tokens"] + 16


def test_a_streamed_answer_says_the_same_piece_by_piece(chat: Endpoint) -> None:
    _, whole = ask(chat)
    status, text = ask(chat, stream=True, stream_options={"include_usage": True})
    assert status == 200
    events = [line.removeprefix("data: ") for line in text.splitlines() if line]
    assert events.pop() == "[DONE]"
    chunks = [json.loads(event) for event in events]
    assert chunks[-1]["usage"]["completion_tokens"] == 16
    said = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])
    assert said == whole["choices"][0]["message"]["content"]


def test_a_json_schema_is_enforced(chat: Endpoint) -> None:
    schema = {
        "type": "object",
        "properties": {"colours": {"type": "array", "items": {"enum": ["red", "blue"]}, "minItems": 2, "maxItems": 2}},
        "required": ["colours"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
    _, answer = ask(chat, response_format=form, max_tokens=100)
    content = json.loads(answer["choices"][0]["message"]["content"])
    assert set(content) == {"colours"}
    assert len(content["colours"]) == 2
    assert set(content["colours"]) <= {"red", "blue"}


def test_a_second_turn_reuses_the_prompt_of_the_first(chat: Endpoint) -> None:
    turns = [{"role": "system", "content": "You answer briefly. " * 30}, *COLOURS]
    _, first = ask(chat, messages=turns)
    turns += [first["choices"][0]["message"], {"role": "user", "content": "And three animals."}]
    for other in range(6):  # more chats than slots in between
        ask(chat, messages=[{"role": "user", "content": f"Chat number {other}. " * 20}], max_tokens=1)
    _, second = ask(chat, messages=turns)
    usage = second["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] >= first["usage"]["prompt_tokens"]
    assert second["timings"]["prompt_n"] < 40


def test_a_prompt_longer_than_the_context_is_refused(chat: Endpoint) -> None:
    for stream in (False, True):
        status, answer = ask(chat, messages=[{"role": "user", "content": "word " * 3000}], stream=stream)
        assert status == 400
        assert answer["error"]["type"] == "exceed_context_size_error"
        assert answer["error"]["n_ctx"] == 2048
        assert answer["error"]["n_prompt_tokens"] > 3000


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{bad", "parse error"),
        ({"model": CHAT}, "'messages' is required"),
        ({"messages": COLOURS, "temperature": "hot"}, "Field 'temperature'"),
        ({"messages": COLOURS, "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "x"}}}},
         "unrecognized type x"),
    ],
)  # fmt: skip
def test_a_bad_request_is_refused_with_a_reason(chat: Endpoint, body: object, message: str) -> None:
    status, answer = post(chat, "/chat/completions", body)
    assert status == 400
    assert answer["error"]["type"] == "invalid_request_error"
    assert message in answer["error"]["message"]


def test_nobody_gets_in_without_the_key(chat: Endpoint) -> None:
    status, answer = post(chat, "/chat/completions", {"messages": COLOURS}, key="guess")
    assert status == 401
    assert answer["error"]["type"] == "authentication_error"


def test_hanging_up_frees_the_slot(chat: Endpoint) -> None:
    host = chat.base_url.removeprefix("http://").removesuffix("/v1")
    body = json.dumps({"messages": COLOURS, "max_tokens": 1500, "ignore_eos": True, "stream": True})
    callers = []
    for _ in range(4):  # all slots
        caller = http.client.HTTPConnection(host)
        caller.request("POST", "/v1/chat/completions", body, dict(chat.headers))
        callers.append((caller, caller.getresponse()))
    for caller, answer in callers:
        answer.read(10)
        answer.close()
        caller.close()
    written = [0]

    def free() -> bool:
        found = slots(chat)
        written.extend(slot["next_token"][0]["n_decoded"] for slot in found)
        return not any(slot["is_processing"] for slot in found)

    wait_until(free, "all slots are free", 120)
    assert ask(chat, max_tokens=2)[0] == 200
    assert max(written) < 1500, "the four would have gone on until the context of 2048 is full"
