"""`portico parse`: a file's text, or its parts as JSON; and what is refused before a call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Run
from .fake_server import FakeServer

PATH = "/v1/omni-parser/process"
ANSWER = {
    "status": "success",
    "parts": [{"type": "Title", "text": "Prices", "page": 1}, {"type": "UncategorizedText", "text": "none"}],
    "requestId": "q",
    "messages": ["Pages were skipped."],
}


@pytest.fixture(autouse=True)
def parsed(server: FakeServer) -> None:
    server.answer("POST", PATH, ANSWER)


def test_the_text_of_a_file_and_what_was_skipped(run: Run, home: Path) -> None:
    (home / "a.txt").write_text("words")
    result = run("parse", str(home / "a.txt"), "--pages", "2-3", "--rows", "--format", "markdown", "--password", "w")
    assert (result.code, result.out) == (0, "Prices\n\nnone\n")
    assert "Pages were skipped." in result.err


def test_a_password_comes_from_a_file(run: Run, server: FakeServer, home: Path) -> None:
    (home / "a.txt").write_text("words")
    (home / "password.txt").write_text("s3cret\n")

    assert run("parse", str(home / "a.txt"), "--password", f"@{home}/password.txt").code == 0
    assert b"\r\n\r\ns3cret\r\n" in server.last(PATH).body


def test_json_on_request(run: Run, home: Path) -> None:
    (home / "a.txt").write_text("words")
    assert json.loads(run("parse", str(home / "a.txt"), "-o", "json").out) == ANSWER


def test_a_file_without_text_is_told(run: Run, server: FakeServer, home: Path) -> None:
    server.answer("POST", PATH, {"status": "failed", "parts": [], "requestId": "q", "detail": "There is no text"})
    (home / "a.txt").write_text(" ")
    result = run("parse", str(home / "a.txt"))
    assert result.code == 1 and "There is no text" in result.err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("nowhere.pdf",), "does not exist"),
        (("-",), "--name"),
        (("a.txt", "--pages", "x"), "--pages"),
        (("a.txt", "--pages", "1-y"), "--pages"),
    ],
)
def test_what_is_refused_before_a_call(
    run: Run, server: FakeServer, home: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], why: str
) -> None:
    monkeypatch.chdir(home)
    (home / "a.txt").write_text("words")
    result = run("parse", *words)
    assert result.code == 2 and why in result.err


def test_a_recording_with_a_model_for_it(run: Run, server: FakeServer, home: Path) -> None:
    (home / "talk.mp3").write_bytes(b"ID3sound")
    assert run("parse", str(home / "talk.mp3"), "--model", "openai/whisper-1", "--merge", "0").code == 0
    sent = server.last(PATH).body
    assert b'name="model"\r\n\r\nopenai/whisper-1\r\n' in sent and b'name="merge"\r\n\r\n0\r\n' in sent
