"""Commands that act on the server of this host, beside `serve` and `models`: new tokens when the old ones are lost."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .errors import RequestFailed
from .groups import Command
from .output import emit
from .serve import explain_os_error, load_settings, server_missing

if TYPE_CHECKING:
    from portico.server.access.credentials import Credentials
    from portico.server.settings import Settings


@click.command("reset", cls=Command, examples=["portico tokens reset", "portico tokens reset --data ~/portico --yes"])
@click.option(
    "--data",
    "data_dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIRECTORY",
    help="Data folder of the server; default as for `portico serve`.",
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def reset_tokens(data_dir: Path | None, yes: bool) -> None:
    """Make new first tokens for the server of this host.

    For when they are lost: it needs no token, but the right to write the data folder. The tokens of the
    first start are refused from then on, all others stay. The new ones are written to the file `credentials`
    in the data folder, and shown on a terminal.
    """
    settings = load_settings(data_dir=data_dir)
    if not yes:
        click.confirm(f"Replace the first tokens of the server in {settings.data_dir}?", abort=True, err=True)
    made = _reset(settings)
    shown = {"credentials": str(made.path), "base_url": made.base_url}
    if sys.stdout.isatty():
        # The one moment to read them; a pipe or a log file gets the path only.
        shown |= {"project_token": str(made.project_token), "organization_token": str(made.organization_token)}
    emit(shown)


def _reset(settings: Settings) -> Credentials:
    import asyncio

    try:
        from portico.server.access.first_start import reset_tokens as reset
        from portico.server.errors import StartError
    except ModuleNotFoundError as error:
        raise server_missing(error) from error
    try:
        return asyncio.run(reset(settings))
    except StartError as error:
        raise RequestFailed(str(error)) from error
    except OSError as error:
        raise RequestFailed(*explain_os_error(error, settings)) from error
