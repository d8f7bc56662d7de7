"""Completion as the shells do it: the Tab key pressed in bash, zsh and fish, with the script that we print for them."""

from __future__ import annotations

import os
import pty
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from click.shell_completion import split_arg_string

from .conftest import Run
from .fake_server import FakeServer

PROGRAM = """#!/bin/sh
if [ -n "$_PORTICO_COMPLETE" ]; then
    exec {python} -c 'from portico.cli import main, suggest; suggest._PATIENCE_S = 60; main.main()' "$@"
fi
printf '%s\\n' "$@" > {ran}
"""
"""Completes as `portico` does, with more patience for a busy machine; and tells with which words it was run."""

ON_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
READY = {
    "bash": "source {script}",
    "zsh": "autoload -Uz compinit && compinit -u -D && source {script}",
    "zsh on fpath": "fpath=({folder} $fpath) && autoload -Uz compinit && compinit -u -D",
}

Tab = Callable[[str], list[str]]


@pytest.fixture(params=["bash", "zsh", "fish"])
def tab(request: pytest.FixtureRequest, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tab:
    """`tab("portico llm mod")`: the words of the command line after Tab and Enter."""
    shell, _, kept = str(request.param).partition(" ")
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} on this machine")
    ran, folder = tmp_path / "ran", tmp_path / "bin"
    folder.mkdir()
    script, stub = folder / "_portico", folder / "portico"
    script.write_text(run("completion", shell).out)
    stub.write_text(PROGRAM.format(python=shlex.quote(sys.executable), ran=shlex.quote(str(ran))))
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.chdir(tmp_path)

    def press(line: str) -> list[str]:
        if shell == "fish":
            return asked_of_fish(program, script, line)
        ready = READY[request.param].format(script=shlex.quote(str(script)), folder=shlex.quote(str(folder)))
        # A file on fpath is another thing at the second call than at the first.
        typed(program, ready, f"{line}\t\n{line}\t" if kept else f"{line}\t")
        return ran.read_text().splitlines()

    return press


def typed(program: str, ready: str, line: str) -> str:
    """What the shell has written, after these lines were typed into it and it was left."""
    ours, theirs = pty.openpty()
    plain = ["--norc", "--noprofile"] if program.endswith("bash") else ["-f"]
    command = [sys.executable, "-c", ON_TERMINAL, program, *plain, "-i"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        os.write(ours, f"{ready}\n{line}\nexit\n".encode())
        written = b""
        try:
            while piece := os.read(ours, 65536):
                written += piece
        except OSError:  # the last process has closed the terminal
            pass
        finally:
            os.close(ours)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # zsh completes in a child, which would spin without a terminal
    return written.decode(errors="replace")


def asked_of_fish(program: str, script: Path, line: str) -> list[str]:
    """What fish says that it would offer; the first of it, put in the place of the last word."""
    command = f"source {shlex.quote(str(script))}; complete --do-complete {shlex.quote(line)}"
    done = subprocess.run([program, "--no-config", "-c", command], capture_output=True, text=True, check=True)
    offered = [row.partition("\t")[0] for row in done.stdout.splitlines()]
    return [*split_arg_string(line.partition("portico ")[2])[:-1], *offered[:1]]


def test_commands_and_options(tab: Tab) -> None:
    assert tab("portico tokens li") == ["tokens", "list"]
    assert tab("portico chat --json-s") == ["chat", "--json-schema"]
    assert tab("portico chat --output y") == ["chat", "--output", "yaml"]


def test_files(tab: Tab, tmp_path: Path) -> None:
    (tmp_path / "my-credentials").touch()

    assert tab("portico --credentials my-c") == ["--credentials", "my-credentials"]


def test_a_model(tab: Tab, server: FakeServer) -> None:
    models = [{"fullName": "openai/gpt-4o"}, {"fullName": "openai/o3"}]
    server.answer("GET", "/v3/llm/providers", {"providers": [{"name": "openai", "models": models}]})

    assert tab("portico chat --model openai/g") == ["chat", "--model", "openai/gpt-4o"]


@pytest.mark.parametrize("tab", ["zsh on fpath"], indirect=True)
def test_zsh_with_the_script_where_it_looks_for_them(tab: Tab) -> None:
    assert tab("portico tokens li") == ["tokens", "list"]


def test_a_value_behind_an_equals_sign(tab: Tab, server: FakeServer) -> None:
    server.answer("GET", "/v1/organization/assistants", {"assistants": [{"assistantName": "Translator"}]})

    assert tab("portico chat --model=saia:assistant:T") == ["chat", "--model=saia:assistant:Translator"]


@pytest.mark.parametrize(
    "typed", ["'saia:assistant:Press, o", '"saia:assistant:Pre', "saia:assistant:Press,\\ o", "saia:a"]
)
def test_an_assistant_with_colons_a_comma_and_a_blank_goes_on_as_it_was_begun(
    tab: Tab, server: FakeServer, typed: str
) -> None:
    server.answer("GET", "/v1/organization/assistants", {"assistants": [{"assistantName": "Press, office"}]})

    assert tab(f"portico chat --model {typed}") == ["chat", "--model", "saia:assistant:Press, office"]


def test_fish_shows_the_whole_of_a_help_with_a_comma(run: Run, tmp_path: Path) -> None:
    answers = "printf 'plain,chat\\tAsk a model, or an assistant\\n'"
    script = run("completion", "fish").out.replace("portico);", f"sh -c {shlex.quote(answers)});")
    program = shutil.which("fish")
    if program is None:
        pytest.skip("no fish on this machine")

    done = subprocess.run(
        [program, "--no-config", "-c", f"{script}\ncomplete --do-complete 'portico c'"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout == "chat\tAsk a model, or an assistant\n"


def test_what_stands_before_the_command_on_the_line_is_not_its_own(tab: Tab) -> None:
    assert tab("true && portico tokens li") == ["tokens", "list"]
