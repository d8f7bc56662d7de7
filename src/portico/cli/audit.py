"""`portico audit`: who did what, whether the log is whole, and a copy of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .groups import Command, Group
from .output import Columns, Row, emit, to_json
from .paging import gather, paging_options
from .providers import installation_options
from .shared_options import project_option

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.audit import AuditFilter


def _actor(row: Row) -> object:
    actor = row.get("actor") or {}
    return actor.get("name") or actor.get("id")


def _target(row: Row) -> object:
    return row.get("targetName") or row.get("targetId")


_COLUMNS: Columns = {
    "No": "sequence",
    "Time": "at",
    "Who": _actor,
    "Did": "action",
    "What": "kind",
    "Name": _target,
    "Project": "projectId",
}
_CHAINS: Columns = {
    "Organization": "organizationId",
    "Valid": "valid",
    "Entries": "entries",
    "Broken at": "brokenAt",
    "Reason": "reason",
}
_STEP = 1_000


def filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which entries."""
    for option in (
        project_option,
        click.option("--until", metavar="TIME", help="Up to this day, or before this time."),
        click.option("--since", metavar="TIME", help="From this day or time on, in UTC."),
        click.option("--target", metavar="ID|NAME", help="Only what was done to this."),
        click.option("--actor", metavar="ID|NAME", help="Only what this token or user did."),
        click.option("--kind", metavar="KIND", help="Such as token, project, assistant, secret."),
        click.option("--action", metavar="ACTION", help="Such as create, update, delete, run, export."),
    ):
        command = option(command)
    return command


@click.group(
    cls=Group,
    examples=[
        "portico audit list --kind token --since 2026-01-01",
        "portico audit verify --alias organization",
        "portico audit export --alias organization > audit.jsonl",
    ],
)
def audit() -> None:
    """Show who created, changed, published, ran, exported or deleted what, and check that nobody changed the log."""


@audit.command(
    "list",
    cls=Command,
    examples=["portico audit list --actor ana@example.com --limit 20", "portico audit list --installation"],
)
@filters
@installation_options
@paging_options
def list_(limit: int | None, installation: bool, data_dir: Path | None, **told: str | None) -> None:
    """List entries, the newest first; with --installation, what this host did for all organizations."""
    entries = _list_host(data_dir, told, limit) if installation else _list(told, limit)
    emit({"entries": entries}, rows=entries, columns=_COLUMNS)


@audit.command(
    cls=Command,
    examples=[
        "portico audit verify --alias organization",
        "portico audit verify --alias organization --head $(cat head.txt)",
        "portico audit verify --installation",
    ],
)
@click.option("--head", metavar="HEX", help="One that an earlier check gave: finds an end that was cut off.")
@installation_options
def verify(head: str | None, installation: bool, data_dir: Path | None) -> None:
    """Check the log of the organization from its first entry to its last; with --installation, of all.

    Exit code 1 when an entry is missing, was changed, put in or moved. Keep the `head` outside of this server: only
    with it a log whose newest entries were cut off can be told from one that was never longer.
    """
    if installation:
        if head is not None:
            raise click.UsageError("--head belongs to the log of one organization")
        from .host_audit import verify_host

        answer = verify_host(data_dir)
        emit(answer, rows=answer["chains"], columns=_CHAINS)
    else:
        answer = _verify(head)
        emit(answer)
    if not answer.get("valid"):
        raise click.exceptions.Exit(1)


@audit.command(cls=Command, examples=["portico audit export --since 2026-01-01 > audit.jsonl"])
@filters
def export(**told: str | None) -> None:
    """Write all entries to standard output, one JSON object per line, the newest first."""
    from .remote import opened

    cursor: str | None = None
    with opened() as remote:
        while True:
            page = remote.run(remote.audit.list_audit(count=_STEP, cursor=cursor, **_filter(told)))
            for entry in page.get("entries", []):
                click.echo(to_json(entry, indent=None))
            cursor = page.get("nextCursor")
            if not cursor:
                return


def _verify(head: str | None) -> JsonObject:
    from .remote import opened

    with opened() as remote:
        return remote.run(remote.audit.verify_audit(head=head))


def _list_host(data_dir: Path | None, told: dict[str, str | None], limit: int | None) -> list[JsonObject]:
    from .host_audit import list_host

    if told.get("project_id"):
        raise click.UsageError("--project: what the host does for all belongs to no project")
    query = {name: value for name, value in told.items() if value is not None}
    found: list[JsonObject] = []
    while limit is None or len(found) < limit:
        left = _STEP if limit is None else min(_STEP, limit - len(found))
        page = list_host(data_dir, {**query, "count": str(left)})
        found += page["entries"]
        if "nextCursor" not in page:
            break
        query["cursor"] = page["nextCursor"]
    return found


def _list(told: dict[str, str | None], limit: int | None) -> list[JsonObject]:
    from portico.sdk.paging import Page, Place, paged_async

    from .remote import opened

    with opened() as remote:

        async def fetch(place: Place) -> Page[JsonObject]:
            page = await remote.audit.list_audit(count=place.size, cursor=place.cursor, **_filter(told))
            return Page(page.get("entries", []), cursor=page.get("nextCursor"))

        return remote.run(gather(paged_async(fetch, limit=limit, by_cursor=True)))


def _filter(told: dict[str, str | None]) -> AuditFilter:
    return {
        "action": told["action"],
        "kind": told["kind"],
        "actor": told["actor"],
        "target": told["target"],
        "since": told["since"],
        "until": told["until"],
        "project_id": told["project_id"],
    }
