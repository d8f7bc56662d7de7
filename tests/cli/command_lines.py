"""Command lines that a person reads somewhere, checked against the commands there are, without running them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

import click

from portico.cli.main import portico

_ENDS = re.compile(r"[|&;()<>]+")
_SUBSTITUTION = re.compile(r"\$\([^()]*\)")
_SETTING = re.compile(r"\w+=.*", re.S)


def commands_in(line: str) -> Iterator[list[str]]:
    """The words behind each `portico` of one line of shell; settings before it and redirections after it are left
    out. Raises ValueError for a line that ends within quotes."""
    found = shlex.shlex(_SUBSTITUTION.sub("x", line), posix=True, punctuation_chars=True)
    found.whitespace_split = True
    words: list[str] = []
    for word in [*found, ";"]:
        if not _ENDS.fullmatch(word):
            words.append(word)
            continue
        while words and _SETTING.fullmatch(words[0]):
            words.pop(0)
        if words and words[0] == "portico":
            yield words[1:]
        # What stands behind < or > is a file.
        words = [""] if set(word) <= set("<>") else []


def mistake_in(words: Sequence[str]) -> str:
    """Which command, option or choice of this line there is not; empty when all is well."""
    command: click.Command = portico
    context = click.Context(portico, info_name="portico")
    rest = list(words)
    try:
        while True:
            parser = command.make_parser(context)
            given, rest, _ = parser.parse_args(rest)
            for parameter in command.get_params(context):
                if isinstance(parameter.type, click.Choice) and isinstance(given.get(parameter.name), str):
                    parameter.type_cast_value(context, given[parameter.name])
            if not isinstance(command, click.Group) or not rest:
                return ""
            _, found, rest = command.resolve_command(context, rest)
            assert found is not None
            context = click.Context(found, info_name=rest[0] if rest else "", parent=context)
            command = found
    except click.UsageError as error:
        return f"portico {shlex.join(words)}: {error.format_message()}"
