"""Lazy commands, suggestions, global options anywhere in the line."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from portico.cli.main import COMMANDS, portico

from .conftest import Run

HEAVY = ("rich", "pyreqwest", "msgspec", "asyncio", "portico.sdk", "portico.server")


@pytest.mark.parametrize("line", [["--help"], ["--version"], ["chat", "--help"], ["llm", "models", "--help"]])
def test_help_imports_nothing_heavy(line: list[str]) -> None:
    code = (
        "import sys; from portico.cli.main import main; main(sys.argv[1:]);"
        f"sys.stderr.write(','.join(m for m in {HEAVY} if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, *line], capture_output=True, text=True, check=True)

    assert done.stderr == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_can_be_loaded(name: str) -> None:
    command = portico.get_command(click.Context(portico), name)

    assert command is not None
    assert command.name == name


def test_without_a_command_the_help_is_shown(run: Run) -> None:
    assert run().out == run("--help").out
    assert run().code == 0


def test_a_group_without_a_command_shows_its_help_as_it_stands(run: Run) -> None:
    told = run("files")
    assert (told.code, told.out, told.err) == (2, "", run("files", "--help").out)


def test_a_question_that_nobody_can_answer_is_wrong_use(run: Run) -> None:
    told = run("tokens", "delete", "t1")
    assert (told.code, "say --yes" in told.err) == (2, True)
    assert run("tokens", "delete", "t1", stdin="n\n").code == 130


@pytest.mark.parametrize(
    ("line", "suggestion"),
    [
        (["chta"], "Did you mean 'chat'?"),
        (["llm", "modls"], "'models'"),
        (["version", "--outptu", "json"], "'--output'"),
        (["serve", "--prot", "1"], "'--port'"),
    ],
)
def test_a_misspelled_word_gets_a_suggestion(run: Run, line: list[str], suggestion: str) -> None:
    result = run(*line)

    assert result.code == 2
    assert suggestion in result.err
    assert result.err.count("\n") == 1


def test_global_options_work_before_and_after_the_command(run: Run) -> None:
    assert run("-o", "yaml", "version").out == run("version", "-o", "yaml").out
    assert run("-o", "yaml", "version").out.startswith("portico: ")


def test_the_later_word_wins(run: Run) -> None:
    assert run("-o", "yaml", "version", "-o", "json").out.startswith("{")


def test_help_of_a_command_by_name(run: Run) -> None:
    assert run("help", "llm", "models").out == run("llm", "models", "--help").out


def test_help_of_an_unknown_command_is_wrong_use(run: Run) -> None:
    assert run("help", "llm", "modls").code == 2
