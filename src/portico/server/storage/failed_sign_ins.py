"""Rows of failed sign-ins of some minutes, of all processes. Accounts and addresses are keyed hashes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

FORGOTTEN_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Guess:
    """An account, and the address from which its password was tried."""

    account: bytes
    address: bytes


@dataclass(frozen=True, slots=True)
class Most:
    """How many failures there may be: of the account from the address, of it from everywhere, of the address."""

    of_both: int
    of_account: int
    of_address: int


async def lock_guess(connection: AsyncConnection, guess: Guess) -> None:
    """Who counts and adds a failure does both before the next one with this account or address.

    The account's lock comes first everywhere, so that no two wait for each other.
    """
    for hashed in (guess.account, guess.address):
        key = int.from_bytes(hashed[:8], "big", signed=True)
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


async def maybe_full_at(connection: AsyncConnection, guess: Guess, since: datetime, most: Most) -> datetime | None:
    """The failure that must lie before `since` for one more to have room; None when there is room."""
    newest = "ORDER BY failed_at DESC LIMIT 1 OFFSET"
    query = f"""
        WITH recent AS (
            SELECT account, address, failed_at, forgiven FROM failed_sign_ins
            WHERE (account = :account OR address = :address) AND failed_at > :since)
        SELECT max(failed_at) FROM (
            (SELECT failed_at FROM recent WHERE account = :account AND address = :address AND NOT forgiven
             {newest} :both)
            UNION ALL (SELECT failed_at FROM recent WHERE account = :account {newest} :everywhere)
            UNION ALL (SELECT failed_at FROM recent WHERE address = :address {newest} :everyone)) AS last_of_most"""
    values = {
        "account": guess.account,
        "address": guess.address,
        "since": since,
        "both": most.of_both - 1,
        "everywhere": most.of_account - 1,
        "everyone": most.of_address - 1,
    }
    full_at: datetime | None = await connection.scalar(text(query), values)
    return full_at


async def insert_failure(connection: AsyncConnection, guess: Guess, at: datetime) -> None:
    query = "INSERT INTO failed_sign_ins (account, address, failed_at) VALUES (:account, :address, :at)"
    await connection.execute(text(query), {"account": guess.account, "address": guess.address, "at": at})


async def forgive_failures(connection: AsyncConnection, guess: Guess) -> None:
    """Those of the account from the address. Writes nothing when there are none, as is the rule."""
    where = "account = :account AND address = :address AND NOT forgiven"
    values = {"account": guess.account, "address": guess.address}
    if await connection.scalar(text(f"SELECT EXISTS (SELECT FROM failed_sign_ins WHERE {where})"), values):
        await lock_guess(connection, guess)
        await connection.execute(text(f"UPDATE failed_sign_ins SET forgiven = true WHERE {where}"), values)


async def forget_failures(connection: AsyncConnection, before: datetime) -> None:
    """Some of those that count no more: more than one guess adds. What another process deletes is left to it."""
    query = """
        DELETE FROM failed_sign_ins WHERE failure_id IN (
            SELECT failure_id FROM failed_sign_ins WHERE failed_at <= :before
            ORDER BY failed_at LIMIT :most FOR UPDATE SKIP LOCKED)"""
    await connection.execute(text(query), {"before": before, "most": FORGOTTEN_AT_ONCE})
