"""A stream of the chat runtime becomes the answer that it gives in one piece."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from local_models import CHAT, post

from portico.server.errors import ProviderUnknown
from portico.server.providers.base import Endpoint
from portico.server.providers.local.whole import join_chunks

SAID_EACH_TIME = {"id", "created", "timings"}


def event(*choices: dict[str, Any], **members: Any) -> bytes:
    chunk = {"choices": list(choices), "id": "chatcmpl-1", "object": "chat.completion.chunk", **members}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def piece(text: str | None = None, index: int = 0, finish: str | None = None, **members: Any) -> dict[str, Any]:
    delta = {} if text is None else {"content": text}
    return {"index": index, "delta": delta, "finish_reason": finish, **members}


DONE = b"data: [DONE]\n\n"


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"n": 2},
        {"logprobs": True, "top_logprobs": 2},
        {"stop": [" "]},
        {"response_format": {"type": "json_object"}},
        {"messages": [{"role": "user", "content": "Répète: éàü 漢字 🙂"}]},
    ],
    ids=["plain", "two answers", "logprobs", "stop", "json", "letters of other alphabets"],
)
def test_it_says_what_the_runtime_says_in_one_piece(
    shared_runtime: Callable[[str], Endpoint], members: dict[str, Any]
) -> None:
    chat = shared_runtime(CHAT)
    asked = {"messages": [{"role": "user", "content": "Name three colours."}], "max_tokens": 16, "temperature": 0}
    asked |= members
    post(chat, "/chat/completions", asked)  # so that both find the same prompt in the runtime's memory
    _, whole = post(chat, "/chat/completions", asked)
    _, streamed = post(chat, "/chat/completions", {**asked, "stream": True, "stream_options": {"include_usage": True}})
    joined = json.loads(join_chunks(streamed.encode()))
    assert {k: v for k, v in joined.items() if k not in SAID_EACH_TIME} == {
        k: v for k, v in whole.items() if k not in SAID_EACH_TIME
    }
    assert joined["id"].startswith("chatcmpl-") and joined["created"] >= whole["created"]


def test_answers_keep_their_places_and_their_thoughts() -> None:
    stream = (
        event(piece("b", 1)) + event({"index": 0, "delta": {"role": "assistant", "content": None}})
        .replace(b'"delta"', b'"finish_reason": null, "delta"')
        + event({"index": 0, "delta": {"reasoning_content": "Hm."}, "finish_reason": None})
        + event(piece("a"), piece("b", 1)) + event(piece(None, 0, "stop"), piece(None, 1, "length"))
        + event(usage={"prompt_tokens": 3}) + DONE
    )  # fmt: skip
    assert json.loads(join_chunks(stream)) == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "a", "reasoning_content": "Hm."},
                "finish_reason": "stop",
            },
            {"index": 1, "message": {"role": "assistant", "content": "bb"}, "finish_reason": "length"},
        ],
        "usage": {"prompt_tokens": 3},
    }


def test_a_failure_within_the_stream_is_the_answer() -> None:
    failure = b'data: {"error":{"code":500,"message":"out of memory"}}\n\n'
    assert json.loads(join_chunks(event(piece("a")) + failure + DONE)) == {
        "error": {"code": 500, "message": "out of memory"}
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        DONE,
        event(piece("cut off")),
        event(piece("a")) + b"data: nonsense\n\n" + DONE,
        event({"delta": {}}) + DONE,
        event(piece(5)) + DONE,  # type: ignore[arg-type]
    ],
)
def test_what_is_no_whole_stream_is_refused(body: bytes) -> None:
    with pytest.raises(ProviderUnknown):
        join_chunks(body)
