"""`portico requests`: what was asked of the models, what became of it, and an end to what still runs."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import click

from .groups import Command, Group
from .output import Columns, Row, emit
from .paging import paging_options
from .shared_options import project_option

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.requests import AsyncRequestsClient


def _model(row: Row) -> str:
    return "/".join(part for part in (row.get("provider"), row.get("model")) if part)


_COLUMNS: Columns = {
    "Request": "requestId",
    "Time": "timestamp",
    "Status": lambda row: row.get("outcome") or row.get("status"),
    "Model": _model,
    "Tokens": lambda row: (row.get("tokens") or {}).get("total"),
    "USD": "cost",
    "ms": "elapsedTimeMs",
    "Assistant": "assistant",
}


@click.group(
    cls=Group,
    examples=[
        "portico requests export --limit 20",
        "portico requests export --status failed --all -o json > failed.json",
        "portico requests cancel 5b1d2f8e-0000-4000-8000-000000000001",
    ],
)
def requests() -> None:
    """Show the requests of a project, and end one that runs.

    ID is what an answer has as `requestId`, and its header X-Request-Id.
    """


@requests.command(
    cls=Command,
    examples=["portico requests export --assistant Translator", "portico requests export --limit 1000 -o json"],
)
@click.option("--assistant", metavar="NAME", help="Only those addressed to this assistant.")
@click.option("--status", type=click.Choice(["completed", "failed", "cancelled"]), help="Only those that ended so.")
@click.option("--skip", type=click.IntRange(0), default=0, metavar="N", help="Leave out the N newest.")
@paging_options
@project_option
def export(assistant: str | None, status: str | None, skip: int, limit: int | None, project_id: str | None) -> None:
    """List requests that are over, the newest first."""
    answer = _ask(
        lambda client: client.export_request_data(
            skip=skip, count=limit or 0, assistant_name=assistant, status=status, project_id=project_id
        )
    )
    emit(answer, rows=answer.get("items", []), columns=_COLUMNS)


@requests.command(cls=Command, examples=["portico requests status 5b1d2f8e-0000-4000-8000-000000000001"])
@click.argument("request_id", metavar="ID")
def status(request_id: str) -> None:
    """Say what became of a request."""
    emit(_ask(lambda client: client.get_request_status(request_id)))


@requests.command(cls=Command, examples=["portico requests cancel 5b1d2f8e-0000-4000-8000-000000000001"])
@click.argument("request_id", metavar="ID")
def cancel(request_id: str) -> None:
    """End a request that runs; one that is over stays what it was."""
    emit(_ask(lambda client: client.cancel_request(request_id)))


def _ask(call: Callable[[AsyncRequestsClient], Coroutine[Any, Any, JsonObject]]) -> JsonObject:
    from .remote import opened

    with opened() as remote:
        return remote.run(call(remote.requests))
