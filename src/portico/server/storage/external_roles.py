"""Roles that the groups of an external issuer stand for: found by name or by external id, given and taken."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, RoleId, UserId

Place = tuple[OrganizationId, RoleId]
_LIVING = """
    FROM roles r JOIN organizations o ON o.organization_id = r.organization_id AND o.deleted_at IS NULL
    LEFT JOIN projects p ON p.organization_id = r.organization_id AND p.project_id = r.project_id
    WHERE (r.project_id IS NULL OR p.deleted_at IS NULL)"""


async def find_by_external_id(connection: AsyncConnection, user_id: UserId, groups: Collection[str]) -> set[Place]:
    """Roles whose external id is one of these. One that somebody chose counts for people who are in that organization
    already, or where there is no other: an organization must not reach those of others by guessing their groups."""
    query = f"""SELECT r.organization_id::text, r.role_id::text {_LIVING}
        AND r.external_id = ANY(CAST(:groups AS text[]))
        AND (r.external_id = r.role_id::text
             OR NOT EXISTS (SELECT 1 FROM organizations other
                            WHERE other.organization_id <> r.organization_id AND other.deleted_at IS NULL)
             OR EXISTS (SELECT 1 FROM memberships m
                        WHERE m.organization_id = r.organization_id AND m.user_id = CAST(:user AS uuid)))"""
    found = await connection.execute(text(query), {"groups": list(groups), "user": user_id})
    return {(OrganizationId(row[0]), RoleId(row[1])) for row in found}


async def find_by_name(connection: AsyncConnection, organization: str, project: str, role: str) -> set[Place]:
    """A role of a project, or ("") of the organization itself; all three by name, in any case of letters."""
    query = f"""SELECT r.organization_id::text, r.role_id::text {_LIVING}
        AND lower(o.name) = lower(:organization) AND lower(COALESCE(p.name, '')) = lower(:project)
        AND lower(r.name) = lower(:role)"""
    where = {"organization": organization, "project": project, "role": role}
    return {(OrganizationId(row[0]), RoleId(row[1])) for row in await connection.execute(text(query), where)}


async def list_granted_by(connection: AsyncConnection, user_id: UserId, granted_by: str) -> set[Place]:
    """What this user was given by an issuer."""
    query = """SELECT organization_id::text, role_id::text FROM memberships
        WHERE user_id = CAST(:user AS uuid) AND granted_by = :by"""
    found = await connection.execute(text(query), {"user": user_id, "by": granted_by})
    return {(OrganizationId(row[0]), RoleId(row[1])) for row in found}
