"""Completion: the scripts, and the words they ask for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from threading import Event

import pytest

from portico.cli import suggest

from .conftest import Run
from .fake_server import Answer, FakeServer


@pytest.fixture
def complete(run: Run, monkeypatch: pytest.MonkeyPatch) -> Complete:
    return Complete(run, monkeypatch)


OURS_S = suggest._PATIENCE_S


class Complete:
    """`complete("portico", "llm", "mo")`: what Tab would offer for the last one, on a machine of any speed."""

    def __init__(self, run: Run, monkeypatch: pytest.MonkeyPatch, patience_s: float = 60.0) -> None:
        self.run = run
        self.monkeypatch = monkeypatch
        monkeypatch.setattr(suggest, "_PATIENCE_S", patience_s)

    def __call__(self, *words: str) -> list[str]:
        self.monkeypatch.setenv("_PORTICO_COMPLETE", "bash_complete")
        self.monkeypatch.setenv("COMP_LINE", " ".join(words))
        return [line.partition(",")[2] for line in self.run().out.splitlines() if line]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_defines_its_completion(run: Run, shell: str) -> None:
    result = run("completion", shell)

    assert result.code == 0
    assert f"_PORTICO_COMPLETE={shell}_complete" in result.out
    assert f"portico completion {shell} >" in result.out


def test_zsh_finds_its_mark_in_the_first_line(run: Run) -> None:
    assert run("completion", "zsh").out.startswith("#compdef portico\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_takes_its_script(run: Run, shell: str, tmp_path: Path) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} on this machine")
    script = tmp_path / "script"
    script.write_text(run("completion", shell).out)

    checked = subprocess.run([program, "-n", str(script)], capture_output=True, text=True, check=False)

    assert (checked.returncode, checked.stderr) == (0, "")


def test_another_shell_is_wrong_use(run: Run) -> None:
    assert run("completion", "tcsh").code == 2


def test_commands_and_their_own_commands(complete: Complete) -> None:
    assert complete("portico", "c") == ["chat", "cache", "configure", "completion"]
    assert complete("portico", "llm", "mo") == ["models", "model"]


def test_options_own_and_global(complete: Complete) -> None:
    assert "--json-schema" in complete("portico", "chat", "--")
    assert "--base-url" in complete("portico", "chat", "--")
    assert complete("portico", "chat", "-o", "y") == ["yaml"]


def test_models_come_from_the_server(complete: Complete, server: FakeServer) -> None:
    models = [{"fullName": "openai/gpt-4o"}, {"fullName": "openai/o3"}]
    server.answer("GET", "/v3/llm/providers", {"providers": [{"name": "openai", "models": models}]})

    assert complete("portico", "chat", "--model", "openai/g") == ["openai/gpt-4o"]
    assert server.last("/v3/llm/providers").query == {"include": "models", "type": "Chat", "detail": "Summary"}


def test_projects_and_assistants_come_from_the_server(complete: Complete, server: FakeServer) -> None:
    server.answer("GET", "/v1/organization/projects", {"projects": [{"projectId": "p1"}, {"projectId": "q2"}]})
    names = [{"assistantName": "Translator"}, {"assistantName": "Writer"}]
    server.answer("GET", "/v1/organization/assistants", {"assistants": names})

    assert complete("portico", "tokens", "list", "--project", "p") == ["p1"]
    assert complete("portico", "requests", "export", "--project", "") == ["p1", "q2"]
    assert complete("portico", "files", "list", "--project", "q") == ["q2"]
    assert complete("portico", "chat", "--model", "saia:assistant:T") == ["saia:assistant:Translator"]


def test_a_slow_server_does_not_keep_a_person_waiting(
    run: Run, monkeypatch: pytest.MonkeyPatch, server: FakeServer
) -> None:
    complete, stuck = Complete(run, monkeypatch, OURS_S), Event()
    server.answer("GET", "/v1/organization/projects", Answer(stream=[stuck, b"{}"]))

    assert complete("portico", "tokens", "list", "--project", "p") == []

    stuck.set()


def test_profiles_come_from_the_file(complete: Complete, home: Path) -> None:
    (home / ".geai").mkdir()
    (home / ".geai" / "credentials").write_text("[default]\nA=1\n[work]\nB=1\n[empty]\n")

    assert complete("portico", "--alias", "") == ["default", "work"]


def test_what_cannot_be_asked_is_not_suggested_and_not_told(complete: Complete) -> None:
    assert complete("portico", "chat", "--model", "openai/g") == []
