"""`portico responses create`: text, files and options to the server; text, or the whole response, out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run
from .fake_server import Answer, FakeServer

PATH = "/v1/responses"


def response(text: str = "Twelve.", **more: Any) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}
    return {"id": "resp_1", "object": "response", "status": "completed", "output": [message], "error": None, **more}


def test_message_files_and_options_reach_the_server(run: Run, server: FakeServer, tmp_path: Path) -> None:
    server.answer("POST", PATH, response())
    (tmp_path / "a.pdf").write_bytes(b"%PDF")

    result = run(
        "responses", "create", "-m", "openai/gpt-4.1", "--file", str(tmp_path / "a.pdf"), "-s", "Be brief.",
        "--max-output-tokens", "9", "--temperature", "0", "--reasoning-effort", "low", "How", "much?",
    )  # fmt: skip

    assert result.out == "Twelve.\n"
    body = server.last(PATH).body
    assert body.pop("input") == [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "How much?"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="},
            ],
        }
    ]
    assert body == {
        "model": "openai/gpt-4.1", "stream": False, "instructions": "Be brief.", "max_output_tokens": 9,
        "temperature": 0.0, "reasoning": {"effort": "low"},
    }  # fmt: skip


def test_json_is_the_whole_response(run: Run, server: FakeServer) -> None:
    server.answer("POST", PATH, response())

    assert json.loads(run("responses", "create", "-m", "m/x", "-o", "json", "--stream", "Hi").out) == response()
    assert server.last(PATH).body["stream"] is False


def test_a_stream_is_shown_as_it_comes(run: Run, server: FakeServer) -> None:
    told: list[dict[str, Any]] = [
        {"type": "response.output_text.delta", "delta": "Twel"},
        {"type": "response.output_text.delta", "delta": "ve."},
        {"type": "response.incomplete", "response": response(incomplete_details={"reason": "max_output_tokens"})},
    ]
    pieces = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in told]
    server.answer("POST", PATH, Answer(stream=[*pieces, b"data: [DONE]\n\n"]))

    result = run("responses", "create", "-m", "m/x", "--stream", "Hi")

    assert result.out == "Twelve.\n"
    assert "longest length" in result.err


@pytest.mark.parametrize("stream", ["--stream", "--no-stream"])
def test_an_empty_answer_is_told_on_standard_error(run: Run, server: FakeServer, stream: str) -> None:
    empty = {**response(), "output": []}
    frame = json.dumps({"type": "response.completed", "response": empty})
    streamed = Answer(stream=[f"data: {frame}\n\n".encode(), b"data: [DONE]\n\n"])
    for model, told in (
        ("m/x", "note: the answer is empty\n"),
        ("saia:search:hand book", "note: the answer is empty: hand book found no passage that fits, or gives passages"
         " alone (portico rag search 'hand book' QUESTION)\n"),
    ):  # fmt: skip
        server.answer("POST", PATH, streamed if stream == "--stream" else empty)
        done = run("responses", "create", "-m", model, stream, "Hi")
        assert (done.code, done.out, done.err) == (0, "", told)


def test_standard_input_is_the_message(run: Run, server: FakeServer) -> None:
    server.answer("POST", PATH, response())

    run("responses", "create", "-m", "m/x", stdin="From a pipe")

    assert server.last(PATH).body["input"] == "From a pipe"


def test_wrong_use_is_told(run: Run, server: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK")

    assert run("responses", "create", "-m", "m/x", stdin=" ").code == 2
    refused = run("responses", "create", "-m", "m/x", "--file", str(tmp_path / "a.zip"), "Hi")
    assert refused.code != 0
    assert "neither a picture nor a PDF" in refused.err
