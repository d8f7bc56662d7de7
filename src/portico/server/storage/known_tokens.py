"""What a process keeps in memory of tokens and projects: the only queries that run over all tenants at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId, TokenId
from portico.server.storage.organizations import organizations
from portico.server.storage.projects import projects
from portico.server.storage.tokens import tokens

BATCH = 500


@dataclass(frozen=True, slots=True)
class KnownToken:
    """One token ever made; `usable` is false when it is blocked or revoked, or its project or tenant is deleted."""

    hash: bytes
    organization_id: OrganizationId
    organization_name: str
    token_id: TokenId
    project_id: ProjectId | None
    project_name: str | None
    usable: bool
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class KnownProject:
    organization_id: OrganizationId
    project_id: ProjectId
    name: str


async def batches_of_known_tokens(
    connection: AsyncConnection, organization_id: OrganizationId | None = None
) -> AsyncIterator[list[KnownToken]]:
    """Of one organization, or of all; in batches, so that a hundred thousand rows do not stop the event loop."""
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
        tokens.c.project_id,
        projects.c.name,
        usable,
        tokens.c.expires_at,
    ).select_from(tokens.join(organizations).outerjoin(projects, same_project))
    if organization_id is not None:
        query = query.where(tokens.c.organization_id == organization_id)
    async for rows in (await connection.stream(query)).partitions(BATCH):
        yield [KnownToken(*row) for row in rows]


async def list_known_projects(
    connection: AsyncConnection, organization_id: OrganizationId | None = None
) -> list[KnownProject]:
    """Living ones, of one organization or of all."""
    query = select(projects.c.organization_id, projects.c.project_id, projects.c.name)
    query = query.where(projects.c.deleted_at.is_(None))
    if organization_id is not None:
        query = query.where(projects.c.organization_id == organization_id)
    return [KnownProject(*row) for row in await connection.execute(query)]


async def fingerprints(
    connection: AsyncConnection, organization_id: OrganizationId | None = None
) -> dict[OrganizationId, str]:
    """One per organization (or of one), changing with any of its rows read here; costs the database a scan."""
    where = "" if organization_id is None else " WHERE organization_id = :organization_id"
    rows = " UNION ALL ".join(
        f"SELECT organization_id, hashtextextended(t::text, 0) AS h FROM {table} t{where}"
        for table in ("organizations", "projects", "tokens")
    )
    query = text(f"SELECT organization_id::text, count(*) || ' ' || sum(h) FROM ({rows}) AS r GROUP BY 1")
    found = await connection.execute(query, {} if organization_id is None else {"organization_id": organization_id})
    return {OrganizationId(row[0]): row[1] for row in found}
