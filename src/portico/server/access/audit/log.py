"""Reads the audit log of an organization: a page of entries, and whether the chain is whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from portico.server.access.caller import Caller
from portico.server.access.policy import require
from portico.server.errors import OutOfRange, PatternMismatch
from portico.server.ids import OrganizationId, ProjectId
from portico.server.storage.audit import (
    INSTALLATION,
    START,
    AuditFilter,
    AuditRow,
    list_audit,
    list_chain,
    list_chains,
    seal,
)
from portico.server.storage.database import Database
from portico.wire.audit import AuditActor, AuditCheck, AuditEntry, AuditPage

COUNT, MOST = 100, 1_000
STEP = 500
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_HEAD = re.compile(r"[0-9a-f]{64}")


async def list_entries(database: Database, caller: Caller, query: Mapping[str, str]) -> AuditPage:
    """Newest first. A project token reads of its project; one of the organization all, or of the project it names.

    `query` has names in lower case. Raises OutOfRange (400, id 8), PatternMismatch (400, id 11).
    """
    require(caller, "audit")
    return await _list(database, caller.organization_id, caller.project_id, query)


async def list_installation(database: Database, query: Mapping[str, str]) -> AuditPage:
    """The same of what the host did for all organizations; no token reaches this."""
    return await _list(database, INSTALLATION, None, query)


async def check(database: Database, key: bytes, caller: Caller, head: str | None) -> AuditCheck:
    """The caller's chain; only for a token of the organization. Raises PatternMismatch for a head that is none."""
    require(caller, "audit_check")
    return await check_chain(database, key, caller.organization_id, read_head(head))


async def check_chain(
    database: Database, key: bytes, organization_id: OrganizationId, noted: bytes | None = None, step: int = STEP
) -> AuditCheck:
    """Walks from the first entry to the last, a few hundred at a time; stops at the first that does not fit.

    `noted` is a head that somebody noted earlier: a chain whose end was cut off does not hold it any more.
    """
    sequence, previous, met = 0, START, noted is None
    while True:
        async with database.begin() as connection:
            rows = await list_chain(connection, organization_id, after=sequence or None, limit=step)
        for row in rows:
            reason = _find_fault(key, row, sequence + 1, previous)
            if reason:
                return _broken(sequence, previous, reason)
            sequence, previous = row.sequence, row.hash
            met = met or previous == noted
        if len(rows) < step:
            break
    if not met:
        return _broken(sequence, previous, "the head noted earlier is not in the log: its end was cut off")
    return AuditCheck(valid=True, entries=sequence, head=previous.hex())


async def check_all(database: Database, key: bytes) -> dict[OrganizationId, AuditCheck]:
    """Every chain there is, the one of the installation too; for whoever runs it."""
    async with database.begin() as connection:
        organizations = await list_chains(connection)
    return {one: await check_chain(database, key, one) for one in organizations}


def read_head(text: str | None) -> bytes | None:
    """Raises PatternMismatch."""
    if text is None:
        return None
    if not _HEAD.fullmatch(text.lower()):
        raise PatternMismatch("head", "send the 64 hexadecimal digits that an earlier check gave")
    return bytes.fromhex(text)


def write_entry(row: AuditRow) -> AuditEntry:
    told = row.entry
    return AuditEntry(
        sequence=row.sequence,
        at=told.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f"),
        actor=AuditActor(kind=told.actor_kind, id=told.actor_id, name=told.actor_name),
        action=told.action,
        kind=told.kind,
        target_id=told.target_id,
        target_name=told.target_name,
        project_id=told.project_id,
        request_id=told.request_id,
        details=_read_details(told.details),
        previous=row.previous.hex(),
        hash=row.hash.hex(),
    )


async def _list(
    database: Database, organization_id: OrganizationId, project_id: ProjectId | None, query: Mapping[str, str]
) -> AuditPage:
    wanted = AuditFilter(
        organization_id,
        project_id,
        action=query.get("action"),
        kind=query.get("kind"),
        actor=query.get("actor"),
        target=query.get("target"),
        since=_read_time(query, "since"),
        until=_read_time(query, "until"),
    )
    count = _read_number(query, "count", MOST, f"send a whole number from 1 to {MOST}") or COUNT
    cursor = _read_number(query, "cursor", 2**63 - 1, "send what `nextCursor` was")
    async with database.begin() as connection:
        rows = await list_audit(connection, wanted, limit=count + 1, before=cursor)
    page = AuditPage(entries=[write_entry(row) for row in rows[:count]])
    if len(rows) > count:
        page.next_cursor = str(rows[count - 1].sequence)
    return page


def _find_fault(key: bytes, row: AuditRow, expected: int, previous: bytes) -> str:
    if row.sequence > expected:
        return f"entry {expected} is missing"
    if row.sequence < expected:
        return f"entry {row.sequence} stands before the beginning"
    if row.hash != seal(key, row.organization_id, row.sequence, row.entry, row.previous):
        return f"entry {expected} was changed, or was not written by this server"
    return "" if row.previous == previous else f"entry {expected} does not follow the one before it"


def _broken(sequence: int, previous: bytes, reason: str) -> AuditCheck:
    return AuditCheck(valid=False, entries=sequence, head=previous.hex(), broken_at=sequence + 1, reason=reason)


def _read_details(details: str) -> dict[str, object]:
    """What somebody has spoilt behind our back is still shown; the check tells that it was."""
    try:
        return msgspec.json.decode(details, type=dict[str, object]) if details else {}
    except (msgspec.DecodeError, msgspec.ValidationError):
        return {"text": details}


def _read_number(query: Mapping[str, str], name: str, most: int, hint: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= most):
        raise OutOfRange(name, hint)
    return int(text)


def _read_time(query: Mapping[str, str], name: str) -> datetime | None:
    """A time of ISO 8601, UTC without a zone. A plain day for `until` belongs to the range as a whole."""
    text = query.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        return moment + timedelta(days=1) if name == "until" and _DAY.fullmatch(text) else moment
    except (ValueError, OverflowError):
        raise PatternMismatch(name, "write a day or a time such as 2030-01-31 or 2030-01-31T12:00:00Z") from None
