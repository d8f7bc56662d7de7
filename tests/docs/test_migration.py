"""The page for those who come from pygeai names what exists, on both sides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest

from portico import Portico
from portico.cli.main import portico

# The vendor's package warns on import.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::SyntaxWarning")

PAGE = (Path(__file__).resolve().parents[2] / "docs/migration.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\| `geai ([^`]+)` \| `portico ([^`]+)` \|$", PAGE, re.M)
METHODS = re.findall(r"^\| `(pygeai\.[^`]+)` \| (.+) \|$", PAGE, re.M)


def vendor_commands(commands: list[Any], words: tuple[str, ...] = ()) -> Iterator[str]:
    for command in commands:
        line = (*words, command.identifiers[0])
        yield " ".join(line)
        yield from vendor_commands(command.subcommands or [], line)


def test_every_command_is_one_of_both_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    theirs = set(vendor_commands(import_module("pygeai.cli.commands.base").base_commands))

    assert len(COMMANDS) > 40
    assert [old for old, _ in COMMANDS if old not in theirs] == []
    assert [new for _, new in COMMANDS if not is_command(new.split())] == []


def is_command(words: list[str]) -> bool:
    here: click.Command | None = portico
    for word in words:
        here = here.get_command(click.Context(here), word) if isinstance(here, click.Group) else None
    return here is not None


@pytest.mark.parametrize(("old", "new"), METHODS)
def test_every_method_is_one_of_both_libraries(
    old: str, new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    module, kind, method = old.rsplit(".", 2)
    assert callable(getattr(getattr(import_module(module), kind), method))

    with Portico("key", "http://host.example") as client:
        for path in re.findall(r"`client\.(\w+)\.(\w+)`", new):
            assert callable(getattr(getattr(client, path[0]), path[1]))
    assert "client." in new
