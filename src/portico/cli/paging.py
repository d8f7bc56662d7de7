"""`--limit N` and `--all` of every listing, and the walk through its pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
DEFAULT_LIMIT = 100


def paging_options(command: F) -> F:
    """`--limit` and `--all`; the command takes one parameter `limit`, None for all there are."""
    everything = click.option("--all", "everything", is_flag=True, expose_value=False, is_eager=True,
                              callback=_remember, help="As many as there are.")  # fmt: skip
    limit = click.option(
        "--limit",
        type=click.IntRange(1),
        metavar="N",
        callback=_chosen,
        help=f"How many at most ({DEFAULT_LIMIT}).",
    )
    return limit(everything(command))


async def gather(items: AsyncIterator[T]) -> list[T]:
    """All that a listing of the SDK gives, for `remote.run`."""
    return [item async for item in items]


def _remember(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    context.meta["portico.everything"] = value


def _chosen(context: click.Context, parameter: click.Parameter, value: int | None) -> int | None:
    everything = context.meta.get("portico.everything")
    if everything and value is not None:
        raise click.UsageError("--all and --limit say different things", ctx=context)
    return None if everything else value or DEFAULT_LIMIT
