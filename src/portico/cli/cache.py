"""`portico cache`: the answers that are given again."""

from __future__ import annotations

import click

from .groups import Command, Group
from .output import emit
from .shared_options import project_option


@click.group(cls=Group, examples=["portico cache clear"])
def cache() -> None:
    """Forget cached answers of a project."""


@cache.command(cls=Command, examples=["portico cache clear", "portico cache clear --project ID --alias organization"])
@project_option
def clear(project_id: str | None) -> None:
    """Forget all cached answers of the project."""
    from .remote import opened

    with opened() as remote:
        emit(remote.run(remote.cache.clear_cache(project_id=project_id)))
