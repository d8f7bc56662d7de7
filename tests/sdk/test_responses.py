"""Responses of the SDK: what is sent, typed responses and events out of what comes, and the live server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from portico import AsyncPortico, Portico, PorticoError, StreamFailed, StreamInterrupted
from tests.sdk.odd_server import OddServer, Reply, Seen, reply_json

RESPONSE: dict[str, Any] = {
    "id": "resp_1", "object": "response", "created_at": 1764000000, "status": "completed", "error": None,
    "incomplete_details": None, "model": "o1-pro-2025-03-19",
    "output": [
        {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "status": None},
        {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
         "content": [{"type": "output_text", "text": "Once ", "annotations": []},
                     {"type": "output_text", "text": "there was", "annotations": []}]},
        {"id": "fc_1", "type": "function_call", "name": "f", "arguments": "{}", "call_id": "call_1"},
    ],
    "usage": {"prompt_tokens": 18, "completion_tokens": 272, "total_tokens": 290, "total_cost": 0.1659,
              "input_tokens": 18, "output_tokens": 272, "completion_tokens_details": {"reasoning_tokens": 192}},
    "requestId": "5b1d2f8e",
}  # fmt: skip


def events(*told: dict[str, Any], done: bool = True) -> Reply:
    parts = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in told]
    body = "".join(parts) + ("data: [DONE]\n\n" if done else "")
    return Reply(200, body.encode(), {"Content-Type": "text/event-stream"})


def delta(text: str) -> dict[str, Any]:
    choices = [{"index": 0, "delta": {"content": text}}]
    return {"type": "response.output_text.delta", "delta": text, "choices": choices}


COMPLETED = {"type": "response.completed", "sequence_number": 9, "response": RESPONSE}


def test_a_documented_response_is_read_whole(server: OddServer, client: Portico) -> None:
    seen: list[Seen] = []
    server.answer = lambda asked: (seen.append(asked), reply_json(RESPONSE))[1]
    given = client.responses.create("openai/o1-pro", "Tell a story.", instructions="Be brief.", cache=False)
    assert (given.id, given.status, given.text) == ("resp_1", "completed", "Once there was")
    assert [call.call_id for call in given.function_calls] == ["call_1"]
    assert given.output[0].summary[0].text == "Hm."
    assert given.usage is not None
    assert given.usage.total_cost == 0.1659
    assert given.raw == RESPONSE
    assert json.loads(seen[0].body) == {
        "model": "openai/o1-pro", "input": "Tell a story.", "stream": False, "instructions": "Be brief.",
    }  # fmt: skip
    assert seen[0].path == "/v1/responses"


def test_files_become_parts(server: OddServer, client: Portico, tmp_path: Path) -> None:
    picture, paper = tmp_path / "a.png", tmp_path / "b.pdf"
    picture.write_bytes(b"\x89PNG")
    paper.write_bytes(b"%PDF")
    seen: list[Seen] = []
    server.answer = lambda asked: (seen.append(asked), reply_json(RESPONSE))[1]
    client.responses.create("m/x", "What is this?", files=[picture, str(paper)])
    [item] = json.loads(seen[0].body)["input"]
    assert [part["type"] for part in item["content"]] == ["input_text", "input_image", "input_file"]
    assert item["content"][1]["image_url"] == "data:image/png;base64,iVBORw=="
    assert item["content"][2]["filename"] == "b.pdf"
    client.responses.create("m/x", [{"role": "assistant", "content": "Yes?"}], files=[picture])
    assert [item["role"] for item in json.loads(seen[1].body)["input"]] == ["assistant", "user"]


@pytest.mark.parametrize("name", ["a.zip", "missing.png"])
def test_a_file_that_cannot_go_is_told_before_anything_is_sent(client: Portico, tmp_path: Path, name: str) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK")
    with pytest.raises(PorticoError, match=name):
        client.responses.create("m/x", "What is this?", files=[tmp_path / name])


def test_nothing_to_ask_is_told_before_anything_is_sent(client: Portico) -> None:
    with pytest.raises(PorticoError, match="model is empty"):
        client.responses.create(" ", "Hi")
    with pytest.raises(PorticoError, match="input is empty"):
        client.responses.create("m/x", "")


def test_a_stream_gives_typed_events_and_the_whole_response(server: OddServer, client: Portico) -> None:
    server.answer = lambda asked: events(delta("Once "), delta("there was"), COMPLETED)
    with client.responses.stream("m/x", "Hi") as stream:
        kinds = [event.type for event in stream]
        assert stream.get_final_response().text == "Once there was"
    assert kinds == ["response.output_text.delta"] * 2 + ["response.completed"]
    assert "".join(client.responses.stream("m/x", "Hi").text_stream()) == "Once there was"


def test_an_error_in_a_stream_is_raised(server: OddServer, client: Portico) -> None:
    broken = {"type": "error", "message": "It broke.", "error": {"code": 150, "message": "It broke."}}
    server.answer = lambda asked: events(delta("Once "), broken, done=False)
    with pytest.raises(StreamFailed, match="It broke"):
        client.responses.stream("m/x", "Hi").get_final_response()


@pytest.mark.parametrize("done", [True, False])
def test_a_stream_without_its_last_event_is_interrupted(server: OddServer, client: Portico, done: bool) -> None:
    server.answer = lambda asked: events(delta("Once "), done=done)
    with pytest.raises(StreamInterrupted):
        client.responses.stream("m/x", "Hi").get_final_response()


def test_the_async_client_does_the_same(server: OddServer) -> None:
    async def ask() -> tuple[str, str, str]:
        async with AsyncPortico("token", server.url) as client:
            server.answer = lambda asked: reply_json(RESPONSE)
            whole = await client.responses.create("m/x", "Hi")
            server.answer = lambda asked: events(delta("Once "), delta("there was"), COMPLETED)
            async with await client.responses.stream("m/x", "Hi") as stream:
                text = "".join([piece async for piece in stream.text_stream()])
            final = await (await client.responses.stream("m/x", "Hi")).get_final_response()
        return whole.text, text, final.text

    assert asyncio.run(ask()) == ("Once there was",) * 3
