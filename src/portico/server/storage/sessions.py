"""Rows of sessions: what a user was given when he signed in. Tokens are kept as keyed hashes only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import UserId

EndedBy = Literal["user", "administrator", "reuse", "password"]
MOST_SESSIONS = 500
"""Of one user; a new one takes the place of the one that was longest not refreshed."""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One sign-in; `ended_by` "" while it lives. A refresh gives it new tokens and a later end."""

    session_id: str
    user_id: UserId
    client_id: str
    scope: str
    created_at: datetime
    used_at: datetime
    access_expires_at: datetime
    refresh_expires_at: datetime
    revoked_at: datetime | None
    ended_by: str


@dataclass(frozen=True, slots=True)
class NewTokens:
    """Hashes of an access token and a refresh token, and when they end."""

    access_hash: bytes
    refresh_hash: bytes
    access_expires_at: datetime
    refresh_expires_at: datetime


_COLUMNS = (
    "session_id::text, user_id::text, client_id, scope, created_at, used_at, access_expires_at, refresh_expires_at,"
    " revoked_at, ended_by"
)


async def insert_session(
    connection: AsyncConnection, user_id: UserId, client_id: str, scope: str, tokens: NewTokens
) -> SessionRow:
    """Sessions of this user that ended long ago are forgotten at the same time, and the oldest of too many: every
    process keeps them all in memory, and a program may sign in before each of its calls."""
    forget = """
        DELETE FROM sessions WHERE user_id = CAST(:user AS uuid)
          AND (refresh_expires_at < now() - interval '7 days' OR session_id IN (
               SELECT session_id FROM sessions WHERE user_id = CAST(:user AS uuid)
               ORDER BY used_at DESC, session_id OFFSET :others))"""
    await connection.execute(text(forget), {"user": user_id, "others": MOST_SESSIONS - 1})
    query = f"""
        INSERT INTO sessions (session_id, user_id, client_id, scope, access_hash, refresh_hash, access_expires_at,
            refresh_expires_at)
        VALUES (CAST(:id AS uuid), CAST(:user AS uuid), :client, :scope, :access, :refresh, :access_ends, :refresh_ends)
        RETURNING {_COLUMNS}"""
    values = {"id": str(uuid4()), "user": user_id, "client": client_id, "scope": scope, **_values(tokens)}
    return _read((await connection.execute(text(query), values)).one())


async def maybe_session_by_refresh(connection: AsyncConnection, refresh_hash: bytes) -> SessionRow | None:
    """The session whose present refresh token this is, ended or not. Locks it."""
    query = f"SELECT {_COLUMNS} FROM sessions WHERE refresh_hash = :hash FOR UPDATE"
    row = (await connection.execute(text(query), {"hash": refresh_hash})).one_or_none()
    return None if row is None else _read(row)


async def maybe_session_by_spent_refresh(connection: AsyncConnection, refresh_hash: bytes) -> SessionRow | None:
    """The session that had this refresh token before."""
    query = f"SELECT {_COLUMNS} FROM sessions JOIN spent_refreshes s USING (session_id) WHERE s.hash = :hash"
    row = (await connection.execute(text(query), {"hash": refresh_hash})).one_or_none()
    return None if row is None else _read(row)


async def maybe_session_by_access(connection: AsyncConnection, access_hash: bytes) -> SessionRow | None:
    query = f"SELECT {_COLUMNS} FROM sessions WHERE access_hash = :hash"
    row = (await connection.execute(text(query), {"hash": access_hash})).one_or_none()
    return None if row is None else _read(row)


async def rotate_session(connection: AsyncConnection, session_id: str, tokens: NewTokens) -> SessionRow:
    """New tokens for the old ones; the old refresh token is remembered, so that its reuse is noticed."""
    remember = """
        INSERT INTO spent_refreshes (hash, session_id)
        SELECT refresh_hash, session_id FROM sessions WHERE session_id = CAST(:id AS uuid)"""
    await connection.execute(text(remember), {"id": session_id})
    query = f"""
        UPDATE sessions SET access_hash = :access, refresh_hash = :refresh, access_expires_at = :access_ends,
            refresh_expires_at = :refresh_ends, used_at = now()
        WHERE session_id = CAST(:id AS uuid) RETURNING {_COLUMNS}"""
    return _read((await connection.execute(text(query), {"id": session_id, **_values(tokens)})).one())


async def end_sessions(
    connection: AsyncConnection,
    user_id: UserId,
    ended_by: EndedBy,
    *,
    session_id: str | None = None,
    spare: str | None = None,
) -> int:
    """One session of a user, or all but the one to `spare`. How many lived until now."""
    if session_id is None:  # nor is one to begin by a code of the sign-in page, which is good for a minute
        await connection.execute(
            text("DELETE FROM sign_in_codes WHERE user_id = CAST(:user AS uuid)"), {"user": user_id}
        )
    query = """
        UPDATE sessions SET revoked_at = now(), ended_by = :by
        WHERE user_id = CAST(:user AS uuid) AND revoked_at IS NULL
          AND (CAST(:id AS uuid) IS NULL OR session_id = CAST(:id AS uuid))
          AND (CAST(:spare AS uuid) IS NULL OR session_id <> CAST(:spare AS uuid))"""
    values = {"by": ended_by, "user": user_id, "id": session_id, "spare": spare}
    return (await connection.execute(text(query), values)).rowcount


async def list_sessions(connection: AsyncConnection, user_id: UserId) -> list[SessionRow]:
    """Those that can still be refreshed, newest first."""
    query = f"""
        SELECT {_COLUMNS} FROM sessions WHERE user_id = CAST(:user AS uuid) AND revoked_at IS NULL
          AND refresh_expires_at > now() ORDER BY created_at DESC, session_id"""
    return [_read(row) for row in await connection.execute(text(query), {"user": user_id})]


def _values(tokens: NewTokens) -> dict[str, object]:
    return {
        "access": tokens.access_hash,
        "refresh": tokens.refresh_hash,
        "access_ends": tokens.access_expires_at,
        "refresh_ends": tokens.refresh_expires_at,
    }


def _read(row: Sequence[Any]) -> SessionRow:
    return SessionRow(row[0], UserId(row[1]), *row[2:])
