"""Rows of links that let somebody in once, to choose a password; and of codes of the sign-in page. Hashes only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import UserId

LinkKind = Literal["setup", "invitation", "reset"]


@dataclass(frozen=True, slots=True)
class LinkRow:
    """`user_id` None: the first system administrator is still to be made."""

    kind: LinkKind
    user_id: UserId | None


@dataclass(frozen=True, slots=True)
class CodeRow:
    """What the sign-in page promised to a client; see RFC 7636 for `challenge`."""

    user_id: UserId
    client_id: str
    redirect_uri: str
    challenge: str
    scope: str


async def insert_link(
    connection: AsyncConnection, hash: bytes, kind: LinkKind, user_id: UserId | None, expires_at: datetime
) -> None:
    """An older unused link for the same purpose ends with it."""
    where = {"kind": kind, "user": user_id}
    await connection.execute(
        text("DELETE FROM setup_links WHERE kind = :kind AND user_id IS NOT DISTINCT FROM CAST(:user AS uuid)"), where
    )
    query = (
        "INSERT INTO setup_links (hash, kind, user_id, expires_at) VALUES (:hash, :kind, CAST(:user AS uuid), :ends)"
    )
    await connection.execute(text(query), {**where, "hash": hash, "ends": expires_at})


async def maybe_link(connection: AsyncConnection, hash: bytes, now: datetime) -> LinkRow | None:
    """A link that can still be followed. Locks it, so that of two who follow it at once one comes too late."""
    query = """
        SELECT kind, user_id::text FROM setup_links
        WHERE hash = :hash AND used_at IS NULL AND expires_at > :now FOR UPDATE"""
    row = (await connection.execute(text(query), {"hash": hash, "now": now})).one_or_none()
    return None if row is None else LinkRow(row[0], None if row[1] is None else UserId(row[1]))


async def use_link(connection: AsyncConnection, hash: bytes) -> None:
    """Other links of the same user are dead with it: whoever had them must not choose the password after him."""
    await connection.execute(text("UPDATE setup_links SET used_at = now() WHERE hash = :hash"), {"hash": hash})
    others = """
        DELETE FROM setup_links WHERE hash <> :hash
          AND user_id = (SELECT user_id FROM setup_links WHERE hash = :hash)"""
    await connection.execute(text(others), {"hash": hash})


async def insert_code(connection: AsyncConnection, hash: bytes, code: CodeRow, expires_at: datetime) -> None:
    await connection.execute(text("DELETE FROM sign_in_codes WHERE expires_at < now()"))
    query = """
        INSERT INTO sign_in_codes (hash, user_id, client_id, redirect_uri, challenge, scope, expires_at)
        VALUES (:hash, CAST(:user AS uuid), :client, :redirect, :challenge, :scope, :ends)"""
    values = {
        "hash": hash,
        "user": code.user_id,
        "client": code.client_id,
        "redirect": code.redirect_uri,
        "challenge": code.challenge,
        "scope": code.scope,
        "ends": expires_at,
    }
    await connection.execute(text(query), values)


async def take_code(connection: AsyncConnection, hash: bytes, now: datetime) -> CodeRow | None:
    """Once: the code is gone, whether or not it could still be used."""
    query = """
        DELETE FROM sign_in_codes WHERE hash = :hash
        RETURNING user_id::text, client_id, redirect_uri, challenge, scope, expires_at > :now"""
    row = (await connection.execute(text(query), {"hash": hash, "now": now})).one_or_none()
    return CodeRow(UserId(row[0]), row[1], row[2], row[3], row[4]) if row is not None and row[5] else None
