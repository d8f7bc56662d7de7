"""`portico users setup-link`: a way in for the first user, made in the database of this host."""

from __future__ import annotations

from pathlib import Path

import click

from .groups import Command
from .output import emit
from .serve import acting_on_host, find_installation
from .shared_options import data_option


@click.command(
    "setup-link",
    cls=Command,
    examples=["portico users setup-link", "portico users setup-link --user ana@acme.example --data ~/portico"],
)
@click.option("--user", "email", metavar="EMAIL", help="For a user who is there, to choose a password.")
@data_option
def setup_link(email: str | None, data_dir: Path | None) -> None:
    """Make a set-up link on the server of this host: it makes a system administrator, once.

    It needs no token, but the right to read the data folder. The link before it is dead.
    """
    import asyncio

    settings = find_installation(data_dir)
    with acting_on_host(settings):
        from portico.server.access.host.first_start import make_setup_link

        link, expires_at = asyncio.run(make_setup_link(settings, email))
    emit({"setupLink": link, "expiresAt": expires_at.strftime("%Y-%m-%dT%H:%M:%S")})
