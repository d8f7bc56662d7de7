"""`portico version` and `portico help`: what runs here, and the help of any command."""

from __future__ import annotations

import platform
from importlib.util import find_spec

import click

from portico import __version__

from .groups import Command
from .output import emit


@click.command(cls=Command, examples=["portico version", "portico version -o json"])
def version() -> None:
    """Print the version of Portico and of what it runs on."""
    emit(
        {
            "portico": __version__,
            "python": platform.python_version(),
            "platform": f"{platform.system()} {platform.machine()}",
            # Found, not imported: the server's parts are heavy.
            "server": "installed" if find_spec("litestar") else "not installed: pip install 'portico[server]'",
        }
    )


@click.command("help", cls=Command, examples=["portico help chat", "portico help tokens create"])
@click.argument("names", metavar="[COMMAND]...", nargs=-1)
@click.pass_context
def help_(context: click.Context, names: tuple[str, ...]) -> None:
    """Show the help of a command, as `portico COMMAND --help` does."""
    here = context.find_root()
    for name in names:
        if not isinstance(here.command, click.Group):
            raise click.UsageError(f"{here.command_path} has no commands of its own", ctx=here)
        _, command, _ = here.command.resolve_command(here, [name])
        if command is None:
            raise click.NoSuchCommand(name, ctx=here)
        here = click.Context(command, info_name=name, parent=here)
    click.echo(here.get_help())
