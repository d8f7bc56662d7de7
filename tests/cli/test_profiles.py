"""`portico login` and `portico configure`: a file for its owner only, and no token in sight."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from portico.cli.profiles import mask
from portico.sdk.credentials import read_profiles

from .conftest import TOKEN, Run
from .fake_server import Answer, FakeServer

VALIDATE = "/v1/accessControl/apitoken/validate"
CHAT = "/v1/chat/completions"


@pytest.fixture
def file(home: Path) -> Path:
    return home / ".geai" / "credentials"


def test_login_checks_the_token_and_writes_the_profile(run: Run, fake: FakeServer, file: Path) -> None:
    fake.answer("GET", VALIDATE, {"organizationName": "Acme", "projectName": "Default"})

    result = run("login", "--profile", "work", "--base-url", fake.url + "/", stdin=f"{TOKEN}\n")

    assert result.code == 0
    assert "organization Acme, project Default" in result.err
    assert file.read_text() == f"[work]\nGEAI_API_KEY = {TOKEN}\nGEAI_API_BASE_URL = {fake.url}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert TOKEN not in result.out + result.err


def test_a_refused_token_is_not_written(run: Run, fake: FakeServer, file: Path) -> None:
    fake.answer("GET", VALIDATE, Answer({"errors": [{"id": 401, "description": "Unauthorized"}]}, 401))

    assert run("login", "--base-url", fake.url, stdin=f"{TOKEN}\n").code == 1
    assert not file.exists()


def test_the_written_profile_is_used(run: Run, fake: FakeServer) -> None:
    fake.answer("GET", VALIDATE, {"organizationName": "Acme"})
    run("login", "--alias", "work", "--base-url", fake.url, stdin=f"{TOKEN}\n")

    assert run("tokens", "validate", "--alias", "work").code == 0
    assert fake.last(VALIDATE).headers["authorization"] == f"Bearer {TOKEN}"


def test_another_file_is_written_and_read(run: Run, fake: FakeServer, home: Path, file: Path) -> None:
    fake.answer("GET", VALIDATE, {"organizationName": "Acme"})
    own = str(home / "own")

    run("login", "--credentials", own, "--base-url", fake.url, stdin=f"{TOKEN}\n")

    assert run("tokens", "validate", "--credentials", own).code == 0
    assert not file.exists()


@pytest.mark.parametrize("address", ["ftp://host", "http://user:secretword@host", "not an address"])
def test_a_bad_address_is_refused_before_the_token_goes_anywhere(run: Run, file: Path, address: str) -> None:
    result = run("login", "--base-url", address, stdin=f"{TOKEN}\n")

    assert result.code == 4
    assert "secretword" not in result.err
    assert not file.exists()


@pytest.mark.parametrize("token", ["", "two words", "tab\tinside"])
def test_a_token_that_is_none_is_wrong_use(run: Run, file: Path, token: str) -> None:
    assert run("login", "--base-url", "http://127.0.0.1:1", stdin=f"{token}\n").code == 2
    assert not file.exists()


def test_over_the_network_without_encryption_there_is_a_warning(run: Run, file: Path) -> None:
    result = run("login", "--no-check", "--base-url", "http://host.example", stdin=f"{TOKEN}\n")

    assert "warning: over http" in result.err


def test_login_in_a_pipe_needs_the_address(run: Run) -> None:
    assert "--base-url" in run("login", stdin=f"{TOKEN}\n").err


def test_the_list_shows_the_end_of_a_token_only(run: Run, file: Path) -> None:
    file.parent.mkdir()
    file.write_text(f"[default]\ngeai_api_key = {TOKEN}\ngeai_api_base_url = http://a\n\n[empty]\n")

    result = run("configure", "list")

    assert json.loads(result.out) == {
        "file": str(file),
        "profiles": [{"profile": "default", "base_url": "http://a", "token": f"…{TOKEN[-4:]}"}],
    }


def test_show_tells_where_things_come_from(run: Run, server: FakeServer) -> None:
    found = json.loads(run("configure", "show").out)

    assert (found["base_url"], found["source"], found["token"]) == (server.url, "environment", f"…{TOKEN[-4:]}")


def test_remove_asks_and_keeps_the_others(run: Run, file: Path) -> None:
    file.parent.mkdir()
    file.write_text("[default]\nA = 1\n[work]\nB = 2\n")

    assert run("configure", "remove", "work", stdin="n\n").code == 130
    assert run("configure", "remove", "work", "--yes").code == 0
    assert file.read_text() == "[default]\nA = 1\n"


def test_removing_an_unknown_profile_is_four(run: Run) -> None:
    assert run("configure", "remove", "nobody", "--yes").code == 4


def test_use_makes_a_profile_the_default_and_keeps_the_one_before(run: Run, file: Path) -> None:
    file.parent.mkdir()
    file.write_text("[default]\nA = 1\n\n[work]\nGEAI_API_KEY = w\n")

    assert run("configure", "use", "work").code == 0
    assert read_profiles(file) == {
        "default": {"geai_api_key": "w"}, "previous": {"a": "1"}, "work": {"geai_api_key": "w"}
    }  # fmt: skip
    assert run("configure", "use", "previous").code == 0
    assert read_profiles(file)["default"] == {"a": "1"}


def test_use_moves_a_session_because_its_refresh_token_is_good_once(run: Run, file: Path) -> None:
    file.parent.mkdir()
    file.write_text("[work]\nGEAI_OAUTH_ACCESS_TOKEN = a\nPORTICO_OAUTH_REFRESH_TOKEN = r\n")

    run("configure", "use", "work")

    assert file.read_text() == "[default]\nGEAI_OAUTH_ACCESS_TOKEN = a\nPORTICO_OAUTH_REFRESH_TOKEN = r\n"


def test_rename_keeps_the_lines_and_takes_no_name_that_is_there(run: Run, file: Path) -> None:
    file.parent.mkdir()
    file.write_text("[default]\nA = 1\n\n[work]\n# mine\nB = 2\n")

    assert run("configure", "rename", "work", "default").code == 2
    assert run("configure", "rename", "work", "of[fice").code == 2
    assert run("configure", "rename", "nobody", "x").code == 4
    assert run("configure", "rename", "work", "office").code == 0
    assert file.read_text() == "[default]\nA = 1\n\n[office]\n# mine\nB = 2\n"


def test_a_short_secret_is_hidden_whole() -> None:
    assert mask("short") == "…"
