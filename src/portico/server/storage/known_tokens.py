"""What a process keeps in memory of tokens and projects: the only queries that run over many tenants at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId, TokenId
from portico.server.storage.organizations import organizations
from portico.server.storage.projects import projects
from portico.server.storage.tokens import tokens


@dataclass(frozen=True, slots=True)
class KnownToken:
    """One token ever made; `usable` is false when it is blocked or revoked, or its project or tenant is deleted."""

    hash: bytes
    organization_id: OrganizationId
    organization_name: str
    token_id: TokenId
    name: str
    project_id: ProjectId | None
    project_name: str | None
    usable: bool
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class KnownProject:
    organization_id: OrganizationId
    project_id: ProjectId
    name: str


async def list_known_tokens(
    connection: AsyncConnection, organization_ids: Sequence[OrganizationId]
) -> list[KnownToken]:
    same_project = and_(
        projects.c.organization_id == tokens.c.organization_id, projects.c.project_id == tokens.c.project_id
    )
    usable = and_(
        tokens.c.revoked_at.is_(None),
        ~tokens.c.blocked,
        organizations.c.deleted_at.is_(None),
        or_(tokens.c.project_id.is_(None), projects.c.deleted_at.is_(None)),
    )
    query = select(
        tokens.c.hash,
        tokens.c.organization_id,
        organizations.c.name,
        tokens.c.token_id,
        tokens.c.name,
        tokens.c.project_id,
        projects.c.name,
        usable,
        tokens.c.expires_at,
    ).select_from(tokens.join(organizations).outerjoin(projects, same_project))
    query = query.where(tokens.c.organization_id.in_(organization_ids))
    return [KnownToken(*row) for row in await connection.execute(query)]


async def list_known_projects(
    connection: AsyncConnection, organization_ids: Sequence[OrganizationId]
) -> list[KnownProject]:
    """Living ones."""
    query = select(projects.c.organization_id, projects.c.project_id, projects.c.name)
    query = query.where(projects.c.organization_id.in_(organization_ids), projects.c.deleted_at.is_(None))
    return [KnownProject(*row) for row in await connection.execute(query)]


async def fingerprints(
    connection: AsyncConnection, organization_ids: Sequence[OrganizationId]
) -> dict[OrganizationId, str]:
    """One for each of these organizations (none named: for all), changing with any of its rows read here.

    Costs the database a scan, and this process a line per organization.
    """
    where = " WHERE organization_id = ANY(CAST(:ids AS uuid[]))" if organization_ids else ""
    rows = " UNION ALL ".join(
        f"SELECT organization_id, hashtextextended(t::text, 0) AS h FROM {table} t{where}"
        for table in ("organizations", "projects", "tokens")
    )
    query = text(f"SELECT organization_id::text, count(*) || ' ' || sum(h) FROM ({rows}) AS r GROUP BY 1")
    found = await connection.execute(query, {"ids": list(organization_ids)} if organization_ids else {})
    return {OrganizationId(row[0]): row[1] for row in found}
