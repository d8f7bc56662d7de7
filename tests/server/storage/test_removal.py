"""A deleted project takes with it what belongs to it: every table of the schema is accounted for."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId, UserId
from portico.server.storage.cache import CacheRow, insert_entries
from portico.server.storage.database import Database
from portico.server.storage.organizations import insert_organization
from portico.server.storage.projects import insert_project
from portico.server.storage.removal import KEPT, REMOVALS, remove_contents
from portico.server.storage.roles import insert_membership, insert_role

pytestmark = pytest.mark.anyio


async def test_every_table_of_a_project_is_removed_or_stated_as_kept(database: Database) -> None:
    query = text(
        "SELECT table_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND column_name = 'project_id'"
    )
    async with database.begin() as connection:
        tables = {row[0] for row in await connection.execute(query)}
    removed = {table for row in REMOVALS for table in row.tables}
    assert tables == removed | set(KEPT), "say in storage/removal.py what becomes of it when its project is deleted"
    assert not removed & set(KEPT)
    assert len({row.noun for row in REMOVALS}) == len(REMOVALS)


async def test_what_is_removed_is_counted_and_the_neighbour_keeps_his(database: Database) -> None:
    async with database.begin() as connection:
        organization = (await insert_organization(connection, "Acme")).organization_id
        mine, theirs = [(await insert_project(connection, organization, name)).project_id for name in ("a", "b")]
        for project in (mine, theirs):
            await fill(connection, organization, project)
        removed = await remove_contents(connection, organization, mine)
        again = await remove_contents(connection, organization, mine)
        left = await remove_contents(connection, organization, theirs)
    assert removed == left
    assert {noun: removed[noun] for noun in ("secrets", "feedback", "requestTexts", "cachedAnswers", "members")} == {
        "secrets": 1,
        "feedback": 1,
        "requestTexts": 1,
        "cachedAnswers": 1,
        "members": 1,
    }
    assert not any(again.values())


async def fill(connection: AsyncConnection, organization: OrganizationId, project: ProjectId) -> None:
    """One row of each of some nouns."""
    place = {"organization": organization, "project": project, "id": str(uuid4())}
    for statement in (
        "INSERT INTO secrets (organization_id, project_id, secret_id, name, sealed)"
        " VALUES (CAST(:organization AS uuid), CAST(:project AS uuid), CAST(:id AS uuid), 'a', '')",
        "INSERT INTO feedback (organization_id, request_id, project_id, origin, answer_score)"
        " VALUES (:organization, :id, :project, 'a', 1)",
        "INSERT INTO request_texts (organization_id, request_id, project_id, at, prompt, input_text, output)"
        " VALUES (:organization, :id, :project, now(), '', '', '')",
        "INSERT INTO users (user_id, email) VALUES (CAST(:id AS uuid), :id || '@acme.example')",
    ):
        names = [name for name in place if f":{name}" in statement]
        await connection.execute(text(statement), {name: place[name] for name in names})
    entry = CacheRow(organization, project, project.encode()[:32].ljust(32), 1.0, b"{}")
    await insert_entries(connection, [entry])
    role = await insert_role(connection, organization, project, "readers", "Frontend", "User")
    await insert_membership(connection, organization, role.role_id, UserId(place["id"]), "a test")
