"""Run a command line in process, with a home and an environment of its own, against a server that answers as told."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from portico.cli.main import main

from .fake_server import FakeServer, fake_server

TOKEN = "geai_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-"


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and no setting from outside."""
    for name in list(os.environ):
        if name.startswith(("GEAI_", "SAIA_", "PORTICO_", "XDG_", "_PORTICO")) or name in ("NO_COLOR", "PORT", "DATA"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    # A local server of this machine must not be taken for the one that is asked.
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "credentials").touch()
    monkeypatch.setenv("PORTICO_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("chat", "hello", stdin="...")`: one command line, as in a pipe."""

    def go(*arguments: str, stdin: str | bytes = "") -> Result:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
        code = main(arguments)
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return go


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    with fake_server() as server:
        yield server


@pytest.fixture
def server(fake: FakeServer, home: Path, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    """The fake server, with its address and a token in the environment."""
    monkeypatch.setenv("GEAI_API_BASE_URL", fake.url)
    monkeypatch.setenv("GEAI_API_KEY", TOKEN)
    return fake


def chunk(**delta: Any) -> dict[str, Any]:
    """One chunk of a streamed answer."""
    finish = delta.pop("finish_reason", None)
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
