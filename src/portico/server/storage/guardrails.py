"""Rows of guardrail settings, one per project at most. Every query of one tenant takes the organization first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId


@dataclass(frozen=True, slots=True)
class GuardrailRow:
    """`settings` is JSON without the key; `sealed_key` the key of the moderation endpoint, in its box."""

    organization_id: OrganizationId
    project_id: ProjectId
    settings: str
    sealed_key: bytes | None


_COLUMNS = "CAST(organization_id AS text), CAST(project_id AS text), settings, sealed_key"
_UPSERT = text("""
    INSERT INTO guardrails (organization_id, project_id, settings, sealed_key)
    VALUES (:organization, :project, :settings, :sealed_key)
    ON CONFLICT (organization_id, project_id) DO UPDATE
    SET settings = EXCLUDED.settings, sealed_key = EXCLUDED.sealed_key, changed_at = now()
""")
_IS = "organization_id = :organization AND project_id = :project"


async def upsert_guardrails(connection: AsyncConnection, row: GuardrailRow) -> None:
    await connection.execute(
        _UPSERT,
        {
            "organization": row.organization_id,
            "project": row.project_id,
            "settings": row.settings,
            "sealed_key": row.sealed_key,
        },
    )


async def maybe_guardrails(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId, *, lock: bool = False
) -> GuardrailRow | None:
    """`lock` keeps others from changing it until the transaction ends."""
    query = text(f"SELECT {_COLUMNS} FROM guardrails WHERE {_IS}{' FOR UPDATE' if lock else ''}")
    found = (await connection.execute(query, {"organization": organization_id, "project": project_id})).one_or_none()
    return None if found is None else _read(found)


async def list_guardrails(
    connection: AsyncConnection, organization_ids: Sequence[OrganizationId] = ()
) -> list[GuardrailRow]:
    """Those of these organizations; of all when none is named."""
    where = " WHERE organization_id = ANY(CAST(:organizations AS uuid[]))" if organization_ids else ""
    parameters = {"organizations": list(organization_ids)} if organization_ids else {}
    rows = await connection.execute(text(f"SELECT {_COLUMNS} FROM guardrails{where}"), parameters)
    return [_read(row) for row in rows]


async def delete_guardrails(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId
) -> bool:
    statement = text(f"DELETE FROM guardrails WHERE {_IS}")
    return (await connection.execute(statement, {"organization": organization_id, "project": project_id})).rowcount == 1


def _read(row: Sequence[object]) -> GuardrailRow:
    organization_id, project_id, settings, sealed_key = row
    sealed = bytes(sealed_key) if isinstance(sealed_key, bytes | memoryview) else None
    return GuardrailRow(OrganizationId(str(organization_id)), ProjectId(str(project_id)), str(settings), sealed)
