"""Secrets of a project: named values for tools. They go in sealed, and come out for the server's own use only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access import audit
from portico.server.access.caller import Caller
from portico.server.access.places import find_project
from portico.server.access.policy import require
from portico.server.access.refusals import SecretExists, SecretNotUsable
from portico.server.access.secrets.members import (
    BODY,
    Body,
    read_accesses,
    read_body,
    read_description,
    read_name,
    read_status,
    read_value,
)
from portico.server.access.tenancy import Tenancy, clean_text, refuse_duplicate
from portico.server.errors import Conflict, FieldRequired, NotFound, OutOfRange
from portico.server.ids import OrganizationId, ProjectId
from portico.server.kit.clock import wire_time
from portico.server.kit.guids import maybe_guid
from portico.server.settings import Secret
from portico.server.storage.project_secrets import (
    SecretRow,
    delete_secret,
    insert_secret,
    list_secrets,
    maybe_secret,
    new_secret_id,
    update_secret,
)
from portico.server.storage.secrets import SealBroken, SecretBox
from portico.wire.secrets import ProjectSecret, ProjectSecretList, SecretAccess, SecretAccessList

MOST = 1_000


async def create(tenancy: Tenancy, caller: Caller, body: Body) -> ProjectSecret:
    """Raises FieldRequired, OutOfRange, PatternMismatch with the member; SecretExists (409)."""
    require(caller, "secrets")
    place = (caller.organization_id, find_project(caller))
    told = read_body(body)
    name, value = read_name(told), read_value(told)
    status = read_status(told) or "active"
    if name is None or value is None:
        raise FieldRequired(f"{BODY}.{'name' if name is None else 'secretString'}")
    secret_id = new_secret_id()
    sealed = b"" if status == "revoked" else _box(tenancy).seal(value, _context(*place, secret_id))
    description = read_description(told) or ""
    async with refuse_duplicate(lambda: SecretExists(name)), tenancy.database.begin() as connection:
        row = await insert_secret(
            connection, *place, secret_id, name=name, description=description, status=status, sealed=sealed
        )
        await _record(connection, tenancy, caller, "create", row)
    return show(row)


async def list_all(tenancy: Tenancy, caller: Caller, query: Mapping[str, str]) -> ProjectSecretList:
    """By name, `count` (10) of them from `start` (0) on. `name` is looked for in names, in any case; `id` matches
    exactly. The names of `query` are in lower case."""
    require(caller, "secrets")
    place = (caller.organization_id, find_project(caller))
    skip, count = _read_number(query, "start", 0, 2**31 - 1), _read_number(query, "count", 10, MOST)
    wanted = query.get("id")
    secret_id = None if wanted is None else maybe_guid(wanted)
    if wanted is not None and secret_id is None:
        return ProjectSecretList()
    async with tenancy.database.begin() as connection:
        rows, total = await list_secrets(
            connection, *place, name=query.get("name"), secret_id=secret_id, skip=skip, count=count
        )
    return ProjectSecretList(secrets=[show(row) for row in rows], count=total)


async def find(tenancy: Tenancy, caller: Caller, secret_id: str) -> ProjectSecret:
    """Raises NotFound."""
    require(caller, "secrets")
    async with tenancy.database.begin() as connection:
        return show(await _find(connection, caller, secret_id))


async def change(tenancy: Tenancy, caller: Caller, secret_id: str, body: Body) -> ProjectSecret:
    """What is absent stays. One that is revoked has lost its value, and stays so.

    Raises NotFound, SecretExists (409), Conflict (409) for a revoked one, and what `create` raises.
    """
    require(caller, "secrets")
    told = read_body(body)
    name, value, status = read_name(told), read_value(told), read_status(told)
    given = {"name": name, "description": read_description(told), "status": status}
    changes: dict[str, Any] = {column: one for column, one in given.items() if one is not None}
    async with refuse_duplicate(lambda: SecretExists(name or "")), tenancy.database.begin() as connection:
        row = await _find(connection, caller, secret_id, lock=True)
        if row.status == "revoked":
            raise Conflict("Conflict: the secret is revoked; make another one")
        if status == "revoked":
            changes["sealed"] = b""
        elif value is not None:
            place = _context(row.organization_id, row.project_id, row.secret_id)
            changes["sealed"] = _box(tenancy).seal(value, place)
        row = await update_secret(connection, row.organization_id, row.project_id, row.secret_id, changes)
        action: audit.Action = "revoke" if status == "revoked" else "update"
        await _record(connection, tenancy, caller, action, row, changed=sorted(changes))
    return show(row)


async def delete(tenancy: Tenancy, caller: Caller, secret_id: str) -> None:
    """For good. Raises NotFound."""
    require(caller, "secrets")
    async with tenancy.database.begin() as connection:
        row = await _find(connection, caller, secret_id, lock=True)
        await delete_secret(connection, row.organization_id, row.project_id, row.secret_id)
        await _record(connection, tenancy, caller, "delete", row)


async def find_accesses(tenancy: Tenancy, caller: Caller, secret_id: str) -> SecretAccessList:
    """Raises NotFound."""
    require(caller, "secrets")
    async with tenancy.database.begin() as connection:
        return _show_accesses(await _find(connection, caller, secret_id))


async def replace_accesses(tenancy: Tenancy, caller: Caller, secret_id: str, body: Body) -> SecretAccessList:
    """The whole list. Raises NotFound, FieldRequired, PatternMismatch, OutOfRange."""
    require(caller, "secrets")
    accesses = read_accesses(read_body(body))
    async with tenancy.database.begin() as connection:
        row = await _find(connection, caller, secret_id, lock=True)
        changes = {"accesses": accesses}
        row = await update_secret(connection, row.organization_id, row.project_id, row.secret_id, changes)
        await _record(connection, tenancy, caller, "update", row, changed=["accesses"])
    return _show_accesses(row)


async def open_secret(tenancy: Tenancy, organization_id: OrganizationId, project_id: ProjectId, name: str) -> Secret:
    """The value, for a tool that names it in a parameter. Give it to whom it is for, and to no log and no answer.

    Raises SecretNotUsable (400) when the project has none of this name that is active.
    """
    async with tenancy.database.begin() as connection:
        row = await maybe_secret(connection, organization_id, project_id, name=clean_text(name))
    if row is None or row.status != "active":
        raise SecretNotUsable(name)
    try:
        return _box(tenancy).open(row.sealed, _context(organization_id, project_id, row.secret_id))
    except SealBroken as error:
        raise SecretNotUsable(name) from error


def show(row: SecretRow) -> ProjectSecret:
    return ProjectSecret(
        id=row.secret_id,
        name=row.name,
        description=row.description,
        status=row.status,
        created_at=wire_time(row.created_at),
        updated_at=wire_time(row.updated_at),
    )


def _box(tenancy: Tenancy) -> SecretBox:
    return SecretBox([tenancy.key], "project secrets")


def _context(organization_id: OrganizationId, project_id: ProjectId, secret_id: str) -> str:
    return f"{organization_id}/{project_id}/{secret_id}"


async def _find(connection: AsyncConnection, caller: Caller, secret_id: str, *, lock: bool = False) -> SecretRow:
    project_id, wanted = find_project(caller), maybe_guid(secret_id)
    if wanted is None:
        raise NotFound
    row = await maybe_secret(connection, caller.organization_id, project_id, secret_id=wanted, lock=lock)
    if row is None:
        raise NotFound
    return row


async def _record(
    connection: AsyncConnection,
    tenancy: Tenancy,
    caller: Caller,
    action: audit.Action,
    row: SecretRow,
    changed: list[str] | None = None,
) -> None:
    details = {"changed": ["value" if one == "sealed" else one for one in changed]} if changed else None
    await audit.record(
        connection,
        tenancy,
        caller,
        action,
        "secret",
        row.secret_id,
        row.name,
        project_id=row.project_id,
        details=details,
    )


def _show_accesses(row: SecretRow) -> SecretAccessList:
    return SecretAccessList(
        access_list=[
            SecretAccess(access_level=one.get("accessLevel", ""), principal_type=one.get("principalType", ""))
            for one in row.accesses
        ]
    )


def _read_number(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= most):
        raise OutOfRange(name, f"send a whole number from 0 to {most}")
    return int(text)
