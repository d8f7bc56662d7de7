"""`portico tokens reset`: acts on this host's data folder, and shows tokens to a terminal only."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from portico.server.access.host.credentials import Credentials
from portico.server.errors import StartError
from portico.server.settings import Secret, Settings

from .conftest import TOKEN, Run

RESET = "portico.server.access.host.first_start.reset_tokens"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings that the server's own function was called with; a real reset is a test of the server."""
    seen: list[Settings] = []

    async def reset(settings: Settings) -> Credentials:
        seen.append(settings)
        return Credentials(settings.data_dir / "credentials", "http://127.0.0.1:8080", Secret(TOKEN), Secret(TOKEN))

    monkeypatch.setattr(RESET, reset)
    return seen


@pytest.fixture
def started(home: Path) -> Path:
    """The default data folder, as a server leaves it."""
    (home / "data" / "postgres").mkdir()
    return home / "data"


@pytest.mark.parametrize(
    "line",
    [
        ["tokens", "reset", "--yes"],
        ["users", "setup-link"],
        ["audit", "verify", "--installation"],
        ["audit", "list", "--installation"],
        ["providers", "list", "--installation"],
        ["providers", "add", "lab", "http://127.0.0.1:9/v1", "--no-key", "--installation"],
        ["providers", "keys", "list", "openai", "--installation"],
        ["providers", "models", "add", "lab", "m", "--installation"],
    ],
)
def test_a_folder_that_no_server_has_is_refused_and_left_alone(run: Run, tmp_path: Path, line: list[str]) -> None:
    result = run(*line, "--data", str(tmp_path / "mistyped"))

    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"error: no server was started with the data folder {tmp_path}/mistyped.")
    assert not (tmp_path / "mistyped").exists()


@pytest.mark.parametrize(
    ("line", "module"),
    [
        (["tokens", "reset", "--yes"], "portico.server.access.host.first_start"),
        (["users", "setup-link"], "portico.server.access.host.first_start"),
        (["audit", "verify", "--installation"], "portico.server.storage.opening"),
        (["providers", "list", "--installation"], "portico.server.app.configuring"),
    ],
)
def test_a_host_without_the_server_is_told_how_to_get_it(
    run: Run, started: Path, monkeypatch: pytest.MonkeyPatch, line: list[str], module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # an import of it finds nothing

    result = run(*line)

    assert (result.code, result.out) == (4, "")
    assert "the server is not installed here" in result.err and "portico[server]" in result.err


def test_a_pipe_gets_the_path_and_no_token(run: Run, asked: list[Settings], tmp_path: Path) -> None:
    (tmp_path / "d" / "postgres").mkdir(parents=True)

    result = run("tokens", "reset", "--data", str(tmp_path / "d"), "--yes")

    assert [settings.data_dir for settings in asked] == [tmp_path / "d"]
    assert json.loads(result.out) == {
        "credentials": str(tmp_path / "d" / "credentials"),
        "base_url": "http://127.0.0.1:8080",
    }
    assert TOKEN not in result.out + result.err


def test_it_asks_first(run: Run, asked: list[Settings], started: Path) -> None:
    assert run("tokens", "reset", stdin="n\n").code == 130
    assert asked == []


def test_a_refusal_of_the_database_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch, started: Path) -> None:
    async def reset(settings: Settings) -> Credentials:
        raise StartError("The database is of a newer version.")

    monkeypatch.setattr(RESET, reset)
    result = run("tokens", "reset", "--yes")

    assert (result.code, result.err) == (1, "error: The database is of a newer version.\n")
