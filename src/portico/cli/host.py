"""Commands that act on the server of this host, beside `serve` and `models`: new tokens when the old ones are lost."""

from __future__ import annotations

from pathlib import Path

import click

from .groups import Command


@click.command(
    "reset",
    cls=Command,
    examples=["portico tokens reset", "portico tokens reset --data ~/portico --yes"],
)
@click.option(
    "--data",
    "data_dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIRECTORY",
    help="Data folder of the server; default as for `portico serve`.",
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def reset_tokens(data_dir: Path | None, yes: bool) -> None:
    """Make new first tokens for the server of this host, when they are lost.

    Needs no token, but the right to write the data folder. The tokens of the first start are refused from
    then on, all others stay; the new ones are written to the `credentials` file in the data folder.
    """
