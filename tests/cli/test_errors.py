"""Errors are one line that says what to do, and an exit code of its own kind."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import TOKEN, Run
from .fake_server import Answer, FakeServer

MODELS = "/v3/llm/providers/local/models"


def errors(number: int, text: str, status: int) -> Answer:
    return Answer({"errors": [{"id": number, "description": text}]}, status)


@pytest.mark.parametrize(
    ("status", "number", "text", "hint"),
    [
        (400, 8, "Field type is out of range", "Change the request"),
        (401, 401, "Unauthorized", "portico configure show"),
        (403, 7, "ApiToken out of scope", "system administrator"),
        (404, 4000, "Not Found.", "Check the name or the id"),
        (403, 403, "Forbidden", "an administrator gives others"),
        (403, 2006, "Project Not In Organization", "portico projects list"),
        (409, 4000, "The model name is ambiguous.", "use the id"),
        (413, 413, "Payload Too Large", "Send less"),
        (429, 154, "Quota exceeded.", "quota"),
        (501, 2010, "Not Implemented", "request id"),
    ],
)
def test_a_refusal_is_one_line_with_a_hint(
    run: Run, server: FakeServer, status: int, number: int, text: str, hint: str
) -> None:
    refused = errors(number, text, status)
    refused.headers = {"X-Request-Id": "r-1", "Retry-After": "0"}
    server.answer("GET", MODELS, refused)

    result = run("llm", "models", "local")

    assert (result.code, result.out) == (1, "")
    assert result.err.count("\n") == 1
    assert result.err.startswith(f"error: The server answered HTTP {status}")
    assert text.rstrip(".") in result.err
    assert "(request r-1)" in result.err
    assert hint in result.err


def test_an_answer_cannot_write_control_characters(run: Run, server: FakeServer) -> None:
    server.answer("GET", MODELS, errors(8, "a\x1b[2Jb\nc", 400))

    err = run("llm", "models", "local").err

    assert "\x1b" not in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("line", [["chat", "-m", "openai/m", "caf\udce9"], ["assistants", "show", "caf\udce9"]])
def test_words_that_are_no_utf8_are_told(run: Run, server: FakeServer, line: list[str]) -> None:
    result = run(*line)

    assert (result.code, result.out) == (2, "")
    assert result.err == "error: only UTF-8 text can be sent: 'caf\\udce9' is none.\n"


def test_a_folder_of_somebody_else_is_one_line(run: Run, home: Path, server: FakeServer) -> None:
    (home / ".geai").touch()

    result = run("login", "--no-check", "--base-url", server.url, stdin=TOKEN)

    assert result.code == 1
    assert result.err.startswith(f"error: {home}/.geai: ")
    assert result.err.count("\n") == 1


def test_a_page_of_something_else_is_told(run: Run, server: FakeServer) -> None:
    server.answer("GET", MODELS, Answer(stream=[b"<html>hello</html>"]))

    result = run("llm", "models", "local")

    assert result.code == 1
    assert "no JSON" in result.err


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this host that refuses connections."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def test_an_unreachable_server_is_three(run: Run, monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    monkeypatch.setenv("GEAI_API_BASE_URL", f"http://127.0.0.1:{closed_port}")
    monkeypatch.setenv("GEAI_API_KEY", TOKEN)

    result = run("chat", "hi")

    assert result.code == 3
    assert "cannot be reached" in result.err
    assert "portico serve" in result.err


def test_a_server_that_is_silent_is_three(run: Run, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("GEAI_API_BASE_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")

        result = run("--timeout", "0.2", "chat", "-m", "openai/m", "hi")

    assert result.code == 3
    assert "--timeout" in result.err


def test_without_credentials_it_is_four(run: Run) -> None:
    result = run("chat", "hi")

    assert result.code == 4
    assert "portico login" in result.err


def test_an_unknown_profile_is_four(run: Run) -> None:
    result = run("chat", "--alias", "nobody", "hi")

    assert result.code == 4
    assert "'nobody'" in result.err


@pytest.mark.parametrize(
    "line",
    [["chta"], ["chat", "--temperature", "9", "hi"], ["-o", "xml", "version"], ["llm"], ["llm", "model", "noslash"]],
)
def test_wrong_use_is_two(run: Run, line: list[str]) -> None:
    result = run(*line)

    assert (result.code, result.out) == (2, "")


def test_an_address_with_a_password_is_refused(run: Run) -> None:
    result = run("chat", "--base-url", "http://user:hunter22@127.0.0.1:1", "hi")

    assert result.code == 4
    assert "hunter22" not in result.err


def test_a_reader_that_goes_away_is_quiet() -> None:
    code = "import sys; from portico.cli.main import main; sys.exit(main(['version']))"
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writer)

    assert (done.returncode, done.stderr) == (141, b"")
