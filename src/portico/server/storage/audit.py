"""The audit log: one chain of entries per organization. Each carries the hash of the one before it, and a keyed hash of
itself, so that a row that was changed, taken out, put in or moved behind our back no longer fits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hmac import digest
from typing import Any, TypeVar

import msgspec
import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId
from portico.server.kit.texts import storable
from portico.server.storage.usage import csv_row

INSTALLATION = OrganizationId("00000000-0000-0000-0000-000000000000")
"""Stands for the organization of what concerns them all, such as an own provider of the host."""
KEY_PURPOSE = "audit"
START = bytes(32)
"""What the first entry of a chain has before it."""
LONGEST_TEXT = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
T = TypeVar("T")
_encode = msgspec.json.Encoder().encode


class NewEntry(msgspec.Struct, frozen=True):
    """What is told. `details` is JSON text or ""; `project_id` "" where no project is concerned."""

    at: datetime
    actor_kind: str
    actor_id: str
    actor_name: str
    action: str
    kind: str
    target_id: str
    target_name: str = ""
    project_id: str = ""
    request_id: str = ""
    details: str = ""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry in its place; `sequence` begins with 1 and has no gaps."""

    organization_id: OrganizationId
    sequence: int
    entry: NewEntry
    previous: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """None: whatever it is. `since` belongs to the range, `until` does not."""

    organization_id: OrganizationId
    project_id: ProjectId | None = None
    action: str | None = None
    kind: str | None = None
    actor: str | None = None
    target: str | None = None
    since: datetime | None = None
    until: datetime | None = None


_ENTRY = NewEntry.__struct_fields__
_COLUMNS = ("organization_id", "sequence", *_ENTRY, "previous", "hash")
_NAMES = ", ".join(_COLUMNS)
# Whoever spoils a row may write a time that Python does not have; it is still to be read, and then found.
_READ = {
    "organization_id": "CAST(organization_id AS text)",
    "at": "least(greatest(at, '0002-01-01'), '9998-12-31') AS told_at",
}
_SELECT = f"SELECT {', '.join(_READ.get(name, name) for name in _COLUMNS)} FROM audit"
# One key per organization among the two-part advisory locks, which nobody else here uses; 64 bits need no luck.
_LOCK_KEY = "hashtextextended('portico audit ' || {}, 0)"
_LOCK = text(f"SELECT pg_advisory_xact_lock({_LOCK_KEY.format('CAST(:organization AS text)')})")
_LAST = text("SELECT sequence, hash FROM audit WHERE organization_id = :organization ORDER BY sequence DESC LIMIT 1")
_INSERT = text(f"INSERT INTO audit ({_NAMES}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)})")


def seal(key: bytes, organization_id: OrganizationId, sequence: int, entry: NewEntry, previous: bytes) -> bytes:
    """The hash of an entry in its place: HMAC-SHA256 over the hash before it and the entry as a JSON list."""
    at, *texts = msgspec.structs.astuple(entry)
    return digest(key, previous + _encode([organization_id, sequence, (at - _EPOCH) // _MICROSECOND, *texts]), "sha256")


def clean(told: str, longest: int = LONGEST_TEXT) -> str:
    """As PostgreSQL can store it: no NUL, no half of a surrogate pair; what is hashed must come back as it was."""
    return storable(told)[:longest]


def link(
    key: bytes, organization_id: OrganizationId, last: tuple[int, bytes], entries: Iterable[NewEntry]
) -> list[AuditRow]:
    """The entries as the next links of a chain whose last one has this sequence and hash."""
    sequence, previous = last
    rows: list[AuditRow] = []
    for entry in entries:
        sequence += 1
        sealed = seal(key, organization_id, sequence, entry, previous)
        rows.append(AuditRow(organization_id, sequence, entry, previous, sealed))
        previous = sealed
    return rows


async def append(
    connection: AsyncConnection, key: bytes, organization_id: OrganizationId, entries: Sequence[NewEntry]
) -> None:
    """Within the caller's transaction, as its last statement: others of the organization wait from here to its end.

    `key` is the installation key for KEY_PURPOSE.
    """
    place = {"organization": organization_id}
    await connection.execute(_LOCK, place)
    last = (await connection.execute(_LAST, place)).one_or_none()
    rows = link(key, organization_id, (0, START) if last is None else (int(last[0]), bytes(last[1])), entries)
    await connection.execute(_INSERT, [dict(zip(_COLUMNS, _values(row), strict=True)) for row in rows])


async def list_audit(
    connection: AsyncConnection, wanted: AuditFilter, *, limit: int, before: int | None = None
) -> list[AuditRow]:
    """Newest first, those below the sequence `before`."""
    where, values = _conditions(wanted)
    if before is not None:
        where.append("sequence < :before")
        values["before"] = before
    query = f"{_SELECT} WHERE {' AND '.join(where)} ORDER BY sequence DESC LIMIT :limit"
    return [_read(row) for row in await connection.execute(text(query), {**values, "limit": limit})]


async def list_chain(
    connection: AsyncConnection, organization_id: OrganizationId, *, after: int | None, limit: int
) -> list[AuditRow]:
    """Oldest first, those above the sequence `after`; None is the beginning, wherever that is."""
    query = f"{_SELECT} WHERE organization_id = :organization AND sequence > :after ORDER BY sequence LIMIT :limit"
    start = -(2**63) if after is None else after
    values = {"organization": organization_id, "after": start, "limit": limit}
    return [_read(row) for row in await connection.execute(text(query), values)]


async def list_chains(connection: AsyncConnection) -> list[OrganizationId]:
    """All that have a chain."""
    query = "SELECT DISTINCT CAST(organization_id AS text) FROM audit ORDER BY 1"
    return [OrganizationId(str(row[0])) for row in await connection.execute(text(query))]


def _conditions(wanted: AuditFilter) -> tuple[list[str], dict[str, Any]]:
    where, values = ["organization_id = :organization"], {"organization": wanted.organization_id}
    conditions: dict[str, tuple[str, Any]] = {
        "project": ("project_id = :project", wanted.project_id),
        "action": ("action = :action", wanted.action),
        "kind": ("kind = :kind", wanted.kind),
        "actor": (":actor IN (actor_id, actor_name)", wanted.actor),
        "target": (":target IN (target_id, target_name)", wanted.target),
        "since": ("at >= :since", wanted.since),
        "until": ("at < :until", wanted.until),
    }
    for name, (condition, value) in conditions.items():
        if value is not None:
            where.append(condition)
            values[name] = value
    return where, values


def _values(row: AuditRow) -> tuple[Any, ...]:
    return (row.organization_id, row.sequence, *msgspec.structs.astuple(row.entry), row.previous, row.hash)


def _read(row: Sequence[Any]) -> AuditRow:
    organization_id, sequence, *told, previous, sealed = row
    return AuditRow(OrganizationId(organization_id), sequence, NewEntry(*told), bytes(previous), bytes(sealed))


_LOCK_PSYCOPG = f"SELECT pg_advisory_xact_lock({_LOCK_KEY.format('%s::text')})"
_LAST_PSYCOPG = "SELECT sequence, hash FROM audit WHERE organization_id = %s ORDER BY sequence DESC LIMIT 1"
_COPY_PSYCOPG = f"COPY audit ({_NAMES}) FROM STDIN (FORMAT csv)"
_SLICE = 50  # linked without giving way to other tasks: a millisecond


async def append_many(
    connection: psycopg.AsyncConnection,
    key: bytes,
    told: Mapping[OrganizationId, Sequence[T]],
    write: Callable[[T], NewEntry],
) -> None:
    """The same for many entries of several organizations, in the transaction of a plain connection.

    `write` makes the entries, a few at a time, so that no other task waits long.
    """
    for organization_id in sorted(told):  # in one order everywhere, so that no two wait for each other
        await connection.execute(_LOCK_PSYCOPG, (organization_id,))
        found = await (await connection.execute(_LAST_PSYCOPG, (organization_id,))).fetchone()
        last = (0, START) if found is None else (int(found[0]), bytes(found[1]))
        entries = told[organization_id]
        async with connection.cursor() as cursor, cursor.copy(_COPY_PSYCOPG) as copy:
            for start in range(0, len(entries), _SLICE):
                rows = link(key, organization_id, last, map(write, entries[start : start + _SLICE]))
                last = (rows[-1].sequence, rows[-1].hash)
                await copy.write(b"".join(map(_csv_row, rows)))
                await asyncio.sleep(0)


def _csv_row(row: AuditRow) -> bytes:
    told = (row.organization_id, row.sequence, *msgspec.structs.astuple(row.entry))
    return csv_row((*told, "\\x" + row.previous.hex(), "\\x" + row.hash.hex()))
