"""What tools that fill a profile have to say: the newest remarks of each profile."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.storage.search_profiles import ProfileKey

KEPT = 1_000
"""Remarks of one profile."""
_IS = "organization_id = :organization AND project_id = :project AND profile_id = :profile"
_INSERT = text(
    "INSERT INTO search_logs (organization_id, project_id, profile_id, step, level, name, data)"
    " VALUES (:organization, :project, :profile, :step, :level, :name, :data)"
)
_DELETE_OLD = text(
    f"DELETE FROM search_logs WHERE {_IS} AND entry <= ("
    f"SELECT entry FROM search_logs WHERE {_IS} ORDER BY entry DESC OFFSET {KEPT} LIMIT 1)"
)


@dataclass(frozen=True, slots=True)
class LogEntry:
    step: str
    level: int
    name: str
    data: str


async def insert_entry(connection: AsyncConnection, key: ProfileKey, entry: LogEntry) -> None:
    """The oldest beyond `KEPT` go."""
    place = {"organization": key.organization_id, "project": key.project_id, "profile": key.profile_id}
    await connection.execute(_INSERT, {**place, **asdict(entry)})
    await connection.execute(_DELETE_OLD, place)
