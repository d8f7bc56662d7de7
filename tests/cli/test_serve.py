"""`portico serve`: options become settings, and what goes wrong at start is told in one line."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import click
import pytest

from portico.cli.serve import setting_options
from portico.server.settings import Settings

from .conftest import Run

SECRET = {
    *("database_url", "secret_key", "root_token", "limits_webhook"),
    *("provider_keys", "provider_urls", "provider_options"),
    *("files_bucket_access_key", "files_bucket_secret_key", "files_bucket_session_token"),
}


class FakeApp(ModuleType):
    """Stands in for the server: keeps its settings, and ends as told."""

    settings: Settings
    code: int = 0
    error: Exception | None = None

    def serve(self, settings: Settings, announce: Callable[[str], None]) -> int:
        self.settings = settings
        announce("ready")
        if self.error:
            raise self.error
        return self.code


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    fake = FakeApp("portico.server.app")
    monkeypatch.setitem(sys.modules, "portico.server.app", fake)
    return fake


def test_every_setting_is_an_option_but_the_secret_ones() -> None:
    assert {option.name for option in setting_options()} == {f.name for f in fields(Settings)} - SECRET


def test_no_option_stands_for_two_settings() -> None:
    names = [name for option in setting_options() for name in (*option.opts, *option.secondary_opts)]

    assert len(names) == len(set(names))


def test_options_become_settings(run: Run, app: FakeApp, tmp_path: Path) -> None:
    result = run(
        *("serve", "--port", "9000", "--data", str(tmp_path / "d"), "--no-starter", "--gap-timeout", "5"),
        *("--no-local-models", "--log-level", "debug"),
    )

    assert (result.code, result.out) == (0, "ready\n")
    settings = app.settings
    assert (settings.port, settings.data_dir, settings.starter_pull) == (9000, tmp_path / "d", "off")
    assert (settings.gap_timeout_s, settings.local_models, settings.log_level) == (5.0, False, "debug")


def test_the_environment_speaks_where_the_line_is_silent(
    run: Run, app: FakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "9100")
    monkeypatch.setenv("PORTICO_WORKERS", "3")
    monkeypatch.setenv("PORTICO_DATABASE_URL", "postgresql://u:p@h/n")

    run("serve", "--port", "9200")

    assert (app.settings.port, app.settings.workers, app.settings.database_url) == (9200, 3, "postgresql://u:p@h/n")


def test_a_bad_setting_is_wrong_use_and_named(run: Run, app: FakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTICO_WORKERS", "many")

    result = run("serve")

    assert result.code == 2
    assert "PORTICO_WORKERS" in result.err


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EADDRINUSE, "port 8080 of 127.0.0.1 is taken. Choose another one: portico serve --port 8081"),
        (errno.EADDRNOTAVAIL, "has no address 127.0.0.1"),
        (errno.EACCES, "no permission"),
        (errno.ENOSPC, "is full"),
    ],
)
def test_what_the_system_refuses_is_told_in_one_line(run: Run, app: FakeApp, number: int, said: str) -> None:
    app.error = OSError(number, "text")

    result = run("serve")

    assert result.code == 1
    assert said in result.err
    assert result.err.count("\n") == 1


def test_the_servers_exit_code_is_ours(run: Run, app: FakeApp) -> None:
    app.code = 7

    assert run("serve").code == 7


def test_a_missing_server_says_how_to_install_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "portico.server.app", None)

    result = run("serve")

    assert result.code == 4
    assert "pip install 'portico[server]'" in result.err


def test_no_secret_can_be_given_in_the_line() -> None:
    texts = [option for option in setting_options() if option.type not in (click.INT, click.FLOAT)]
    words = " ".join(name for option in texts for name in option.opts)

    assert not any(word in words for word in ("key", "secret", "password", "database", "token"))
    assert all(isinstance(option, click.Option) for option in setting_options())
