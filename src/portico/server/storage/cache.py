"""Rows of cached answers and of the epochs of projects: batches in, single entries and lists of keys out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId

WRITE_LOCK = 0x706F7274_63616368
"""Held by a transaction that writes, so that sequences are committed in their order and a reader misses none."""
TRIM_LOCK = WRITE_LOCK + 1
_TRIM_ROWS = 2_000  # per statement, so that no transaction is long


@dataclass(frozen=True, slots=True)
class CacheRow:
    """One answer. `digest` has 32 bytes, `stored_at` is Unix seconds, `entry` is read by who wrote it."""

    organization_id: OrganizationId
    project_id: ProjectId
    digest: bytes
    stored_at: float
    entry: bytes


_INSERT = text("""
    INSERT INTO cache_entries (organization_id, project_id, digest, stored_at, entry)
    SELECT organization_id, project_id, digest, to_timestamp(at), entry
    FROM unnest(CAST(:organizations AS uuid[]), CAST(:projects AS uuid[]), CAST(:digests AS bytea[]),
                CAST(:times AS double precision[]), CAST(:entries AS bytea[]))
         AS batch (organization_id, project_id, digest, at, entry)
    ON CONFLICT (organization_id, project_id, digest) DO UPDATE
    SET sequence = EXCLUDED.sequence, stored_at = EXCLUDED.stored_at, entry = EXCLUDED.entry
""")
_KNOWN = text("""
    SELECT sequence, substring(digest FROM 1 FOR 16), CAST(extract(epoch FROM stored_at) AS double precision)
    FROM cache_entries WHERE sequence > :after ORDER BY sequence LIMIT :most
""")
_FETCH = text("""
    SELECT entry FROM cache_entries
    WHERE organization_id = :organization AND project_id = :project AND digest = :digest
      AND stored_at > to_timestamp(:oldest)
""")
_TRIM = text(f"""
    DELETE FROM cache_entries WHERE sequence IN (
        SELECT sequence FROM cache_entries
        WHERE stored_at <= to_timestamp(:oldest)
           OR sequence <= (SELECT sequence FROM cache_entries ORDER BY sequence DESC OFFSET :rows LIMIT 1)
        ORDER BY sequence LIMIT {_TRIM_ROWS})
""")
_BUMP = text("""
    INSERT INTO cache_epochs (organization_id, project_id, epoch) VALUES (:organization, :project, 1)
    ON CONFLICT (organization_id, project_id) DO UPDATE SET epoch = cache_epochs.epoch + 1
""")


async def insert_entries(connection: AsyncConnection, rows: Sequence[CacheRow]) -> None:
    """One batch; no two rows of the same digest. An entry that is there already is replaced, and is young again."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITE_LOCK})
    await connection.execute(
        _INSERT,
        {
            "organizations": [row.organization_id for row in rows],
            "projects": [row.project_id for row in rows],
            "digests": [row.digest for row in rows],
            "times": [row.stored_at for row in rows],
            "entries": [row.entry for row in rows],
        },
    )


async def maybe_entry(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId, digest: bytes, oldest: float
) -> bytes | None:
    """The entry, unless it was stored at `oldest` (Unix seconds) or before."""
    found: bytes | None = await connection.scalar(
        _FETCH, {"organization": organization_id, "project": project_id, "digest": digest, "oldest": oldest}
    )
    return found


async def last_sequence(connection: AsyncConnection) -> int:
    """The greatest sequence there is; 0 when there is no entry."""
    return int(await connection.scalar(text("SELECT max(sequence) FROM cache_entries")) or 0)


async def list_known(connection: AsyncConnection, after: int, most: int) -> list[tuple[int, bytes, float]]:
    """Sequence, first 16 bytes of the digest and time of the entries of all tenants behind a sequence, in order."""
    rows = await connection.execute(_KNOWN, {"after": after, "most": most})
    return [(sequence, digest, stored_at) for sequence, digest, stored_at in rows]


async def trim_entries(connection: AsyncConnection, oldest: float, rows: int) -> int:
    """Delete some of what expired or is beyond the newest `rows`; call again until 0.

    0 also when another process is at it.
    """
    if not await connection.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": TRIM_LOCK}):
        return 0
    return (await connection.execute(_TRIM, {"oldest": oldest, "rows": rows})).rowcount


async def delete_entries(connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId) -> int:
    """All entries of a project; returns how many they were."""
    statement = text("DELETE FROM cache_entries WHERE organization_id = :organization AND project_id = :project")
    return (await connection.execute(statement, {"organization": organization_id, "project": project_id})).rowcount


async def bump_epoch(connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId) -> None:
    await connection.execute(_BUMP, {"organization": organization_id, "project": project_id})


async def list_epochs(
    connection: AsyncConnection, organization_ids: Sequence[OrganizationId] = ()
) -> dict[ProjectId, int]:
    """Epochs of the projects that have ever forgotten; of all organizations when none is named."""
    where = " WHERE organization_id = ANY(CAST(:organizations AS uuid[]))" if organization_ids else ""
    statement = text(f"SELECT CAST(project_id AS text), epoch FROM cache_epochs{where}")
    parameters = {"organizations": list(organization_ids)} if organization_ids else {}
    return {ProjectId(project): epoch for project, epoch in await connection.execute(statement, parameters)}
