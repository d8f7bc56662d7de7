"""Commands with examples and global options, and a group that imports a command only when it is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

import click

from .options import GlobalOption, global_options

_SETTINGS = {"help_option_names": ["-h", "--help"]}


class Command(click.Command):
    """A click command that ends its help with examples and takes the global options too.

    `writes_file`: its -o is the file to write, and the form of the answer has only the long name --output.
    """

    def __init__(self, *args: Any, examples: Sequence[str] = (), writes_file: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **{"context_settings": _SETTINGS, **kwargs})
        self.examples = examples
        self.writes_file = writes_file
        self.params.extend(global_options(short_output=not writes_file))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_options(self, ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(self.examples, formatter)
        some = "--output" if self.writes_file else "-o"
        formatter.write(f"\nGlobal options ({some}, --alias, --base-url, ...) work here too; see: portico --help\n")


@dataclass(frozen=True, slots=True)
class Lazy:
    """A command that is imported when it is called: `module:attribute`, and its line in the list."""

    target: str
    help: str


class Group(click.Group):
    """A click group whose commands stand in a table, in the order of the table, and are imported on use."""

    def __init__(
        self, *args: Any, lazy: Mapping[str, Lazy] | None = None, examples: Sequence[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **{"context_settings": _SETTINGS, **kwargs})
        self.lazy = dict(lazy or {})
        self.examples = examples
        self.params.extend(global_options())

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.commands, *self.lazy]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self.lazy[cmd_name].target.partition(":")
        return cast("click.Command", getattr(import_module(module), attribute))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            if ctx.resilient_parsing:
                return None, None, args[1:]
            raise click.NoSuchCommand(args[0], possibilities=self.list_commands(ctx), ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_options(self, ctx, formatter, everything=ctx.parent is None)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, command.get_short_help_str(120)) for name, command in self.commands.items()]
        rows += [(name, entry.help) for name, entry in self.lazy.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(self.examples, formatter)
        if self.epilog:
            formatter.write("\n" + self.epilog + "\n")


def write_options(
    command: click.Command, ctx: click.Context, formatter: click.HelpFormatter, *, everything: bool = False
) -> None:
    """The options of a command; those of every command only where `everything` is asked for."""
    options = (p for p in command.get_params(ctx) if isinstance(p, click.Option))
    shown = (p for p in options if everything or not isinstance(p, GlobalOption))
    rows = [row for p in shown if (row := p.get_help_record(ctx)) is not None]
    if rows:
        with formatter.section("Options"):
            formatter.write_dl(rows)


def write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    """Examples as they are typed: never wrapped, so that they can be copied."""
    if examples:
        formatter.write("\nExamples:\n" + "".join(f"  {line}\n" for line in examples))
