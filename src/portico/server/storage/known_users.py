"""What a process keeps in memory of people: users, their sessions, their roles; read over all tenants at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId, UserId

_PAGE = 500


@dataclass(frozen=True, slots=True)
class KnownUser:
    user_id: UserId
    email: str
    active: bool
    system_administrator: bool


@dataclass(frozen=True, slots=True)
class KnownSession:
    """`ended_by` "" while it lives. Ended ones are kept until their token would have expired, to say why."""

    access_hash: bytes
    session_id: str
    user_id: UserId
    expires_at: datetime
    ended_by: str


@dataclass(frozen=True, slots=True)
class KnownGrant:
    """A role that a user holds in a living organization, or in a living project of one."""

    user_id: UserId
    organization_id: OrganizationId
    organization_name: str
    project_id: ProjectId | None
    role: str
    backend: bool
    system: bool
    assistants: frozenset[str]


async def fingerprint(connection: AsyncConnection) -> str:
    """Changes with any row read here."""
    tables = ("users", "sessions", "roles", "memberships", "projects", "organizations")
    rows = " UNION ALL ".join(f"SELECT hashtextextended(t::text, 0) AS h FROM {table} t" for table in tables)
    found: str = (await connection.execute(text(f"SELECT count(*) || ' ' || sum(h) FROM ({rows}) AS r"))).scalar_one()
    return found


async def list_known_users(connection: AsyncConnection, user_ids: Collection[str] | None) -> list[KnownUser]:
    """These, or (None) all."""
    query = "SELECT user_id::text, email, active, system_administrator FROM users u WHERE true" + _only(user_ids)
    rows = await _read(connection, query, "u.user_id", (0,), _ids(user_ids))
    return [KnownUser(UserId(row[0]), *row[1:]) for row in rows]


async def list_known_sessions(connection: AsyncConnection, user_ids: Collection[str] | None) -> list[KnownSession]:
    query = (
        "SELECT access_hash, session_id::text, user_id::text, access_expires_at,"
        " CASE WHEN revoked_at IS NULL THEN '' ELSE ended_by END FROM sessions s WHERE refresh_expires_at > now()"
        + _only(user_ids)
    )
    rows = await _read(connection, query, "s.session_id", (1,), _ids(user_ids))
    return [KnownSession(row[0], row[1], UserId(row[2]), row[3], row[4]) for row in rows]


async def list_known_grants(connection: AsyncConnection, organization_ids: Collection[str] | None) -> list[KnownGrant]:
    """Of these organizations, or (None) of all."""
    query = """
        SELECT m.user_id::text, o.organization_id::text, o.name, p.project_id::text, r.name,
            r.type = 'Backend', r.origin = 'System', r.assistants::text[], m.role_id::text
        FROM memberships m
        JOIN roles r ON r.organization_id = m.organization_id AND r.role_id = m.role_id
        JOIN organizations o ON o.organization_id = m.organization_id AND o.deleted_at IS NULL
        LEFT JOIN projects p ON p.organization_id = r.organization_id AND p.project_id = r.project_id
        WHERE (r.project_id IS NULL OR p.deleted_at IS NULL)"""
    if organization_ids is not None:
        query += " AND m.organization_id = ANY(CAST(:ids AS uuid[]))"
    key = "m.organization_id, m.role_id, m.user_id"
    return [
        KnownGrant(
            UserId(row[0]),
            OrganizationId(row[1]),
            row[2],
            None if row[3] is None else ProjectId(row[3]),
            row[4],
            row[5],
            row[6],
            frozenset(row[7]),
        )
        for row in await _read(connection, query, key, (1, 8, 0), _ids(organization_ids))
    ]


async def _read(
    connection: AsyncConnection, query: str, key: str, places: tuple[int, ...], values: dict[str, object]
) -> list[Sequence[Any]]:
    """A page at a time: between two of them the event loop serves requests. `key` are ids by which rows are told
    apart, and `places` where they stand in a row. What changes meanwhile is announced, and read anew."""
    names = [f":after{number}" for number in range(len(places))]
    behind = f" AND ({key}) > ({', '.join(f'CAST({name} AS uuid)' for name in names)})"
    end = f" ORDER BY {key} LIMIT {_PAGE}"
    found: list[Sequence[Any]] = []
    while True:
        after = {f"after{number}": found[-1][place] for number, place in enumerate(places)} if found else {}
        page = await connection.execute(text(query + (behind if found else "") + end), values | after)
        rows = page.all()
        found += rows
        if len(rows) < _PAGE:
            return found


def _only(user_ids: Collection[str] | None) -> str:
    return "" if user_ids is None else " AND user_id = ANY(CAST(:ids AS uuid[]))"


def _ids(ids: Collection[str] | None) -> dict[str, object]:
    return {} if ids is None else {"ids": list(ids)}
