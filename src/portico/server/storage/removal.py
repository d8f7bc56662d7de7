"""What belongs to a project, noun by noun, and how it goes when the project goes. A new noun adds one row.

A test holds every table with a `project_id` against `REMOVALS` and `KEPT`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId
from portico.server.storage.cache import bump_epoch, delete_entries
from portico.server.storage.roles import delete_roles_of_project

Remove = Callable[[AsyncConnection, OrganizationId, ProjectId | None], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Removal:
    """One noun: the member of the answer that counts it, the tables it lies in, and the function that removes it."""

    noun: str
    tables: tuple[str, ...]
    remove: Remove


def _delete(table: str, kind: str = "uuid") -> Remove:
    """All rows of the project; `kind` is the type of its id columns."""
    statement = text(
        f"DELETE FROM {table} WHERE organization_id = CAST(:organization AS {kind})"
        f" AND project_id IS NOT DISTINCT FROM CAST(:project AS {kind})"
    )

    async def remove(connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId | None) -> int:
        parameters = {"organization": organization_id, "project": project_id}
        return (await connection.execute(statement, parameters)).rowcount

    return remove


def _end(update: str) -> Remove:
    """Rows that stay as a record but are in force no longer."""
    statement = text(
        f"{update} AND organization_id = CAST(:organization AS uuid)"
        " AND project_id IS NOT DISTINCT FROM CAST(:project AS uuid)"
    )

    async def remove(connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId | None) -> int:
        parameters = {"organization": organization_id, "project": project_id}
        return (await connection.execute(statement, parameters)).rowcount

    return remove


async def _forget_answers(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId | None
) -> int:
    if project_id is None:
        return 0
    # The epoch makes every process forget what it has in memory; see storage/cache.py.
    await bump_epoch(connection, organization_id, project_id)
    return await delete_entries(connection, organization_id, project_id)


async def _remove_members(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId | None
) -> int:
    return await delete_roles_of_project(connection, organization_id, project_id)


REMOVALS: tuple[Removal, ...] = (
    Removal("assistants", ("assistants", "assistant_revisions"), _delete("assistants")),
    Removal("jobs", ("jobs",), _delete("jobs")),
    Removal("evaluations", ("search_evaluations", "search_evaluation_answers"), _delete("search_evaluations")),
    Removal("documents", ("documents",), _delete("documents")),
    Removal(
        "searchProfiles",
        ("search_profiles", "search_indexes", "search_threads", "search_logs"),
        _delete("search_profiles"),
    ),
    Removal("assistantRequests", ("assistant_requests",), _delete("assistant_requests")),
    Removal("files", ("files",), _delete("files")),
    Removal("secrets", ("secrets",), _delete("secrets")),
    Removal("feedback", ("feedback",), _delete("feedback", "text")),
    Removal("requestTexts", ("request_texts",), _delete("request_texts", "text")),
    Removal("cachedAnswers", ("cache_entries", "cache_epochs"), _forget_answers),
    Removal("guardrails", ("guardrails",), _delete("guardrails")),
    Removal("providerKeys", ("provider_keys",), _delete("provider_keys")),
    Removal("modelAliases", ("model_aliases",), _delete("model_aliases")),
    Removal("usageRates", ("usage_rates",), _delete("usage_rates")),
    Removal(
        "usageLimits",
        ("usage_limits",),
        _end("UPDATE usage_limits SET cancelled_at = now() WHERE cancelled_at IS NULL AND expired_at IS NULL"),
    ),
    Removal("members", ("roles",), _remove_members),
    Removal("tokens", ("tokens",), _end("UPDATE tokens SET revoked_at = now() WHERE revoked_at IS NULL")),
)
KEPT: Mapping[str, str] = {
    "projects": "the row stays, marked as deleted, so that usage keeps a name and tokens are told apart from unknown",
    "usage": "what was used and what it cost is a record of the organization",
    "audit": "the audit log can only be added to",
}
"""Tables with a `project_id` that a deletion leaves alone, and why."""


async def remove_contents(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId | None
) -> dict[str, int]:
    """Everything that belongs to a project, or (None) to the organization itself; how much of each noun there was."""
    return {row.noun: await row.remove(connection, organization_id, project_id) for row in REMOVALS}
