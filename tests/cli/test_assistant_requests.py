"""`portico assistants run`, `status` and `cancel`: which calls they make, and what they show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Run
from .fake_server import FakeServer
from .terminal import terminal

CHAT = "/v1/assistant/chat"
DONE = {"requestId": "r-1", "success": True, "status": "completed", "text": "Bonsoir", "progress": 100}
BEGUN = {"requestId": "r-1", "success": True, "status": "pending", "progress": 0}


def test_the_answer_is_its_text(run: Run, server: FakeServer, tmp_path: Path) -> None:
    server.answer("POST", CHAT, DONE)
    (tmp_path / "tone.txt").write_text("warm")

    line = ["--var", "language=French", "--var", f"tone=@{tmp_path}/tone.txt", "--revision", "2"]
    result = run("assistants", "run", "My translator", *line, "Good", "evening")

    assert (result.code, result.out, result.err) == (0, "Bonsoir\n", "")
    assert server.last(CHAT).body == {
        "assistant": "My translator",
        "messages": [{"role": "user", "content": "Good evening"}],
        "variables": [{"key": "language", "value": "French"}, {"key": "tone", "value": "warm"}],
        "revision": 2,
    }


def test_a_terminal_does_not_obey_the_answer(server: FakeServer) -> None:
    server.answer("POST", CHAT, {**DONE, "text": "a\x1b[2Jb"})

    with terminal("assistants", "run", "T", "hi") as screen:
        assert screen.end() == 0

    assert screen.raw == "a\ufffd[2Jb\r\n"


def test_the_whole_answer_comes_as_json_when_asked(run: Run, server: FakeServer) -> None:
    server.answer("POST", CHAT, DONE)

    assert json.loads(run("assistants", "run", "T", "-o", "json", stdin="Good evening").out) == DONE
    assert server.last(CHAT).body["messages"] == [{"role": "user", "content": "Good evening"}]


def test_a_begun_request_shows_its_id(run: Run, server: FakeServer) -> None:
    server.answer("POST", f"{CHAT}/begin", BEGUN)

    assert (
        json.loads(run("assistants", "run", "T", "--begin", "--revision-name", "draft", "hi", "-o", "json").out)
        == BEGUN
    )
    assert server.last(f"{CHAT}/begin").body["revisionName"] == "draft"


def test_a_failure_with_status_200_is_a_failure(run: Run, server: FakeServer) -> None:
    error = {"code": 1, "message": "Assistant Not Found"}
    server.answer("POST", CHAT, {**DONE, "success": False, "status": "failed", "text": "", "error": error})

    result = run("assistants", "run", "nobody", "hi")

    assert (result.code, result.out) == (1, "")
    assert "The request failed (error 1): Assistant Not Found" in result.err


def test_an_empty_message_is_wrong_use(run: Run, server: FakeServer) -> None:
    result = run("assistants", "run", "T", stdin="  ")

    assert result.code == 2
    assert "the message is empty" in result.err
    assert server.asked == []


@pytest.mark.parametrize(("command", "method"), [("status", "GET"), ("cancel", "POST")])
def test_one_request(run: Run, server: FakeServer, command: str, method: str) -> None:
    path = f"/v1/assistant/request/r-1/{command}"
    server.answer(method, path, {**DONE, "success": False, "status": "failed"})

    result = run("assistants", command, "r-1", "-o", "json")

    assert result.code == 0, "that request failed, not this one"
    assert json.loads(result.out)["status"] == "failed"
    assert server.last(path).method == method
