"""Who is a member of what: members of one place, page by page, and the places of one user."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId, RoleId, UserId


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role that somebody holds."""

    role_id: RoleId
    name: str
    external_id: str
    type: str
    origin: str


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A user and the roles it holds in the place asked for. `name` is the address where no other name is known."""

    user_id: UserId
    email: str
    name: str
    last_login_at: datetime | None
    roles: tuple[HeldRole, ...]


@dataclass(frozen=True, slots=True)
class MembershipRow:
    """One role that a user holds in an organization or, with a project, in one of its projects."""

    organization_id: OrganizationId
    organization_name: str
    project_id: ProjectId | None
    project_name: str
    project_description: str
    project_active: bool
    role: HeldRole


@dataclass(frozen=True, slots=True)
class InvitationRow:
    """One entry of the audit log about a member; `details` is JSON text or ""."""

    action: str
    at: datetime
    by: str
    email: str
    user_id: str
    details: str


_ROLE = """json_build_object('role_id', r.role_id, 'name', r.name, 'external_id', r.external_id,
    'type', r.type, 'origin', r.origin)"""
_HOLDERS = f"""
    SELECT m.user_id, json_agg({_ROLE} ORDER BY lower(r.name)) AS roles
    FROM memberships m JOIN roles r ON r.organization_id = m.organization_id AND r.role_id = m.role_id
    WHERE m.organization_id = CAST(:organization AS uuid)
      AND r.project_id IS NOT DISTINCT FROM CAST(:project AS uuid)
      AND r.type = ANY(CAST(:types AS text[]))
    GROUP BY m.user_id"""
_NAME = "COALESCE(NULLIF(btrim(u.first_name || ' ' || u.last_name), ''), u.email)"
_MEMBERS = f"""
    WITH holders AS ({_HOLDERS})
    SELECT h.user_id::text, u.email, {_NAME} AS name, u.last_login_at, h.roles
    FROM holders h JOIN users u ON u.user_id = h.user_id
    ORDER BY %s, h.user_id LIMIT :size OFFSET :offset"""
_ORDERS = {
    ("name", False): f'{_NAME} COLLATE "C" ASC',
    ("name", True): f'{_NAME} COLLATE "C" DESC',
    ("email", False): 'u.email COLLATE "C" ASC',
    ("email", True): 'u.email COLLATE "C" DESC',
}
_MEMBERSHIPS = f"""
    SELECT o.organization_id::text, o.name, p.project_id::text, p.name, p.description, p.active, {_ROLE}
    FROM memberships m
    JOIN roles r ON r.organization_id = m.organization_id AND r.role_id = m.role_id
    JOIN organizations o ON o.organization_id = m.organization_id AND o.deleted_at IS NULL
    LEFT JOIN projects p ON p.organization_id = r.organization_id AND p.project_id = r.project_id
    WHERE m.user_id = CAST(:user AS uuid) AND r.type = ANY(CAST(:types AS text[]))
      AND (r.project_id IS NULL OR p.deleted_at IS NULL)
      AND (CAST(:organization AS uuid) IS NULL OR m.organization_id = CAST(:organization AS uuid))
    ORDER BY o.name COLLATE "C", o.organization_id, p.name COLLATE "C" NULLS FIRST, p.project_id, lower(r.name)"""

_HISTORY = """FROM audit WHERE organization_id = CAST(:organization AS uuid) AND project_id = CAST(:project AS text)
    AND kind = 'member'"""


async def list_members(
    connection: AsyncConnection,
    organization_id: OrganizationId,
    project_id: ProjectId | None,
    types: Collection[str],
    *,
    order: str = "name",
    descending: bool = False,
    size: int,
    offset: int = 0,
) -> tuple[int, list[MemberRow]]:
    """How many members a project (None: the organization itself) has, and one page of them.

    Members and roles of the types named only; `order` is `name` or `email`.
    """
    where: dict[str, object] = {"organization": organization_id, "project": project_id, "types": list(types)}
    count = (await connection.execute(text(f"SELECT count(*) FROM ({_HOLDERS}) AS h"), where)).scalar_one()
    query = text(_MEMBERS % _ORDERS[order, descending])
    rows = await connection.execute(query, {**where, "size": size, "offset": offset})
    return count, [_read_member(row) for row in rows]


async def maybe_member(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId | None, user_id: UserId
) -> MemberRow | None:
    """A user with all its roles in a place; None when it holds none there."""
    query = text(
        f"WITH holders AS ({_HOLDERS}) SELECT h.user_id::text, u.email, {_NAME}, u.last_login_at, h.roles"
        " FROM holders h JOIN users u ON u.user_id = h.user_id WHERE h.user_id = CAST(:user AS uuid)"
    )
    where = {
        "organization": organization_id,
        "project": project_id,
        "types": ["Backend", "Frontend"],
        "user": user_id,
    }
    row = (await connection.execute(query, where)).one_or_none()
    return None if row is None else _read_member(row)


async def list_memberships(
    connection: AsyncConnection, organization_id: OrganizationId | None, user_id: UserId, types: Collection[str]
) -> list[MembershipRow]:
    """What a user holds in one organization, or (None) everywhere; ordered by organization, project and role."""
    where = {"user": user_id, "organization": organization_id, "types": list(types)}
    return [_read_membership(row) for row in await connection.execute(text(_MEMBERSHIPS), where)]


async def maybe_user_id(
    connection: AsyncConnection, organization_id: OrganizationId | None, email: str
) -> UserId | None:
    """The user with this address, any case; of one organization only a user that holds a role in it."""
    query = """
        SELECT u.user_id::text FROM users u WHERE u.email = lower(:email)
          AND (CAST(:organization AS uuid) IS NULL OR EXISTS (SELECT 1 FROM memberships m
               WHERE m.user_id = u.user_id AND m.organization_id = CAST(:organization AS uuid)))"""
    found = await connection.scalar(text(query), {"organization": organization_id, "email": email})
    return None if found is None else UserId(found)


async def list_invitations(
    connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId, *, size: int, offset: int = 0
) -> list[InvitationRow]:
    """Who was invited to a project and removed from it, newest first."""
    query = text(
        f"SELECT action, at, COALESCE(NULLIF(actor_name, ''), actor_id), target_name, target_id, details {_HISTORY}"
        " ORDER BY sequence DESC LIMIT :size OFFSET :offset"
    )
    where = {"organization": organization_id, "project": project_id, "size": size, "offset": offset}
    return [InvitationRow(*row) for row in await connection.execute(query, where)]


async def count_invitations(connection: AsyncConnection, organization_id: OrganizationId, project_id: ProjectId) -> int:
    query = text(f"SELECT count(*) {_HISTORY}")
    where = {"organization": organization_id, "project": project_id}
    return int(await connection.scalar(query, where) or 0)


def _read_member(row: Sequence[Any]) -> MemberRow:
    user_id, email, name, last_login_at, roles = row
    return MemberRow(UserId(user_id), email, name, last_login_at, tuple(_read_role(role) for role in roles))


def _read_membership(row: Sequence[Any]) -> MembershipRow:
    organization_id, organization_name, project_id, name, description, active, role = row
    return MembershipRow(
        OrganizationId(organization_id),
        organization_name,
        None if project_id is None else ProjectId(project_id),
        name or "",
        description or "",
        bool(active),
        _read_role(role),
    )


def _read_role(role: Mapping[str, Any]) -> HeldRole:
    return HeldRole(RoleId(role["role_id"]), role["name"], role["external_id"], role["type"], role["origin"])
