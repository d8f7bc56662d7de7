"""An installation of an older release, with people's work in it, under the code of today."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from portico.server.access.authenticate import authenticate
from portico.server.access.members import invite_to_organization, invite_to_project
from portico.server.access.members.project_roles import list_all
from portico.server.errors import TokenBlocked
from portico.server.kit.hashing import random_text
from portico.server.storage import migrations
from portico.server.storage.database import Database
from portico.server.storage.migrations import migrate
from portico.server.storage.secrets import InstallationKey
from tests.server.access.house import KEY, open_house

pytestmark = pytest.mark.anyio

OLD = """
INSERT INTO organizations (organization_id, name) VALUES
    ('11111111-1111-4111-8111-111111111111', 'Old'), ('22222222-2222-4222-8222-222222222222', 'Second');
INSERT INTO organizations (organization_id, name, deleted_at) VALUES
    ('33333333-3333-4333-8333-333333333333', 'Gone', now());
INSERT INTO projects (organization_id, project_id, name) VALUES
    ('11111111-1111-4111-8111-111111111111', 'aaaaaaaa-1111-4111-8111-111111111111', 'Default'),
    ('22222222-2222-4222-8222-222222222222', 'bbbbbbbb-1111-4111-8111-111111111111', 'Default');
INSERT INTO projects (organization_id, project_id, name, deleted_at) VALUES
    ('11111111-1111-4111-8111-111111111111', 'cccccccc-1111-4111-8111-111111111111', 'Gone', now());
"""
_TOKEN = """
INSERT INTO tokens (organization_id, token_id, project_id, hash, name)
VALUES ('11111111-1111-4111-8111-111111111111', gen_random_uuid(), CAST(:project AS uuid), :hash, 'Mine')"""


def _migrate_to(connection: Connection, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    (command.upgrade if revision == "0006" else command.downgrade)(config, revision)


async def _make_old(database: Database) -> dict[str, str]:
    """Tables of the release before there were people, and an organization at work. Its tokens."""
    key, made = InstallationKey(KEY), {}
    async with database.begin() as connection:
        await connection.run_sync(_migrate_to, "0006")
        await connection.execute(text("INSERT INTO installation (key_check) VALUES (:check)"), {"check": key.check})
        await connection.execute(text(OLD))
        for name, project in (("organization", None), ("project", "aaaa"), ("gone", "cccc")):
            made[name] = random_text("geai_")
            place = None if project is None else f"{project * 2}-1111-4111-8111-111111111111"
            await connection.execute(text(_TOKEN), {"project": place, "hash": key.hash_token(made[name])})
    return made


async def test_an_older_installation_gets_its_roles_and_keeps_its_tokens(
    empty_database_url: str, tmp_path: Path
) -> None:
    database = await Database.open(empty_database_url)
    tokens = await _make_old(database)
    assert await migrate(database) is True
    async with database.begin() as connection:
        query = """SELECT o.name, p.name, r.name, r.external_id = r.role_id::text FROM roles r
            JOIN organizations o USING (organization_id) LEFT JOIN projects p USING (organization_id, project_id)"""
        found = {tuple(row) for row in await connection.execute(text(query))}
    expected = {(one, None, role) for one in ("Old", "Second") for role in ("Member", "Administrator")}
    assert found == {(one, None, f"Organization {role}", True) for one, _, role in expected} | {
        (one, "Default", role, True)
        for one in ("Old", "Second")
        for role in ("Project Member", "Project Administrator", "Access all Project Assistants")
    }
    async with database.begin() as connection:
        query = (
            "SELECT o.name, p.name, s.name FROM search_profiles s JOIN projects p USING (organization_id, project_id)"
        )
        query += " JOIN organizations o USING (organization_id)"
        found = {tuple(row) for row in await connection.execute(text(query))}
    assert found == {("Old", "Default", "Default"), ("Second", "Default", "Default")}
    await database.close()

    house = await open_house(empty_database_url, tmp_path)
    try:
        assert house.credentials is None  # an installation that was there is not founded again
        owner = authenticate([(b"authorization", b"Bearer " + tokens["organization"].encode())], house.snapshot)
        member = authenticate([(b"authorization", b"Bearer " + tokens["project"].encode())], house.snapshot)
        assert (owner.scope, member.scope, member.project_name) == ("organization", "project", "Default")
        with pytest.raises(TokenBlocked):
            authenticate([(b"authorization", b"Bearer " + tokens["gone"].encode())], house.snapshot)
        assert (await list_all(house.tenancy, member, {})).count == 3
        body = {"userEmail": "ada@example.com", "roles": ["Organization Administrator"]}
        await invite_to_organization(house.tenancy, owner, body)
        headers = [
            (b"authorization", b"Bearer " + tokens["organization"].encode()),
            (b"project-id", b"aaaaaaaa-1111-4111-8111-111111111111"),
        ]
        invited = await invite_to_project(
            house.tenancy, authenticate(headers, house.snapshot), body | {"roles": ["Project Member"]}
        )
        assert [role.name for role in invited.roles] == ["Project Member"]
    finally:
        await house.close()


async def test_the_tables_of_people_can_be_taken_away_again(empty_database_url: str) -> None:
    database = await Database.open(empty_database_url)
    await _make_old(database)
    await migrate(database)
    async with database.begin() as connection:
        await connection.run_sync(_migrate_to, "0005")
    async with database.begin() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM pg_class WHERE relname = 'memberships'")) == 0
    await database.close()
