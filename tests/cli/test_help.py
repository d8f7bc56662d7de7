"""The help of every command, as it stands in `help.txt`: a change of it shows in review.

UPDATE_SNAPSHOTS=1 writes the file anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from portico.cli.groups import Command, Group
from portico.cli.main import portico

from .command_lines import commands_in, mistake_in
from .conftest import Run

SNAPSHOT = Path(__file__).with_name("help.txt")


def command_lines(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below a group, with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*words, name), command
        if isinstance(command, click.Group):
            yield from command_lines(command, (*words, name))


COMMANDS = list(command_lines(portico))


def test_help_is_as_in_the_snapshot(run: Run) -> None:
    lines = [(), *(words for words, _ in COMMANDS)]
    texts = [f"$ {' '.join(['portico', *words, '--help'])}\n{run(*words, '--help').out}" for words in lines]
    text = "\n".join(texts)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(text)

    assert text == SNAPSHOT.read_text()


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[" ".join(words) for words, _ in COMMANDS])
def test_every_command_has_a_text_an_example_and_the_global_options(
    words: tuple[str, ...], command: click.Command
) -> None:
    assert isinstance(command, Command | Group)
    assert command.help
    assert command.examples
    assert all(" ".join(words[:1]) in example and "portico" in example for example in command.examples)
    assert {"--output", "--alias"} <= {name for parameter in command.params for name in parameter.opts}


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[" ".join(words) for words, _ in COMMANDS])
def test_examples_name_commands_and_options_that_there_are(words: tuple[str, ...], command: click.Command) -> None:
    assert isinstance(command, Command | Group)
    lines = [line for example in command.examples for line in commands_in(example)]

    assert lines
    assert [mistake for line in lines if (mistake := mistake_in(line))] == []


def test_the_page_of_the_command_line_lists_every_command() -> None:
    page = (Path(__file__).parents[2] / "docs/cli.md").read_text(encoding="utf-8")
    table = "".join(line for line in page.splitlines() if line.startswith("|"))

    assert [name for name in portico.lazy if f"`{name}`" not in table and f"`portico {name}`" not in table] == []


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[" ".join(words) for words, _ in COMMANDS])
def test_every_option_has_a_line_of_help(words: tuple[str, ...], command: click.Command) -> None:
    silent = [p.opts for p in command.params if isinstance(p, click.Option) and not p.help]

    assert silent == []
