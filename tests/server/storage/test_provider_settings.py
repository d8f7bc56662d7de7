"""Rows of provider keys, aliases and own entries: whose they are, what is unique, and that changes are announced."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError

from portico.server.ids import OrganizationId
from portico.server.storage import provider_settings as rows
from portico.server.storage.database import Database
from portico.server.storage.organizations import insert_organization
from portico.server.storage.projects import insert_project

pytestmark = pytest.mark.anyio


async def make_organization(database: Database, name: str) -> OrganizationId:
    async with database.begin() as connection:
        return (await insert_organization(connection, name)).organization_id


async def add_key(database: Database, owner: OrganizationId | None, **more: object) -> rows.KeyRow:
    async with database.begin() as connection:
        values = {"sealed": b"sealed", "tail": "1234", **more}
        return await rows.insert_key(connection, owner, None, rows.new_key_id(), "openai", **values)  # type: ignore[arg-type]


async def test_a_key_is_found_by_its_owner_only(database: Database) -> None:
    acme, other = await make_organization(database, "Acme"), await make_organization(database, "Other")
    key = await add_key(database, acme, options={"region": "eu"}, weight=3)
    ours = await add_key(database, None)
    assert (key.options, key.weight, key.blocked, key.sealed) == ({"region": "eu"}, 3, False, b"sealed")
    async with database.begin() as connection:
        assert await rows.list_keys(connection, acme, "openai") == [key]
        assert await rows.list_keys(connection, None, "openai") == [ours]
        assert await rows.list_keys(connection, other, "openai") == []
        assert await rows.list_keys(connection, acme, "xai") == []
        assert await rows.maybe_key(connection, acme, key.key_id) == key
        for stranger in (other, None):
            assert await rows.maybe_key(connection, stranger, key.key_id) is None
            await rows.delete_key(connection, stranger, key.key_id)
        assert await rows.maybe_key(connection, acme, key.key_id) == key
        await rows.delete_key(connection, acme, key.key_id)
        assert await rows.maybe_key(connection, acme, key.key_id) is None


async def test_a_change_touches_what_it_names(database: Database) -> None:
    acme = await make_organization(database, "Acme")
    key = await add_key(database, acme, name="main")
    async with database.begin() as connection:
        changed = await rows.update_key(connection, acme, key.key_id, {"weight": 9, "base_url": "never"})
    assert (changed.weight, changed.base_url, changed.name, changed.sealed) == (9, "", "main", b"sealed")
    assert changed.changed_at > key.changed_at


@pytest.mark.parametrize("whose", ["organization", "installation"])
async def test_names_are_unique_within_a_place(database: Database, whose: str) -> None:
    owner = await make_organization(database, "Acme") if whose == "organization" else None
    await add_key(database, owner, name="main")
    await add_key(database, owner)
    await add_key(database, owner)
    with pytest.raises(IntegrityError):
        await add_key(database, owner, name="main")


async def test_an_alias_is_one_per_place_in_any_case(database: Database) -> None:
    acme = await make_organization(database, "Acme")
    async with database.begin() as connection:
        project = (await insert_project(connection, acme, "Default")).project_id
        target = {"model": "openai/gpt-4o", "weight": 1, "tier": 0}
        first = await rows.put_alias(connection, acme, None, "team/fast", [target], "weighted")
        again = await rows.put_alias(connection, acme, None, "Team/Fast", [target, target], "least_busy")
        await rows.put_alias(connection, acme, project, "team/fast", [target], "weighted")
        listed = await rows.list_aliases(connection, acme)
    assert first.created_at == again.created_at
    assert [(one.name, one.project_id, len(one.targets), one.strategy) for one in listed] == [
        ("Team/Fast", None, 2, "least_busy"),
        ("team/fast", project, 1, "weighted"),
    ]
    async with database.begin() as connection:
        assert await rows.delete_alias(connection, acme, None, "TEAM/FAST")
        assert not await rows.delete_alias(connection, acme, None, "team/fast")
        assert len(await rows.list_aliases(connection, acme)) == 1


async def test_a_provider_stands_before_its_models_and_goes_with_them(database: Database) -> None:
    acme, other = await make_organization(database, "Acme"), await make_organization(database, "Other")
    async with database.begin() as connection:
        for owner in (acme, other):
            await rows.insert_entry(connection, owner, "acme", "m2", {"name": "m2"})
            await rows.insert_entry(connection, owner, "acme", "", {"name": "acme"})
            await rows.insert_entry(connection, owner, "acme", "M1", {"name": "M1"})
        assert [one.model for one in await rows.list_entries(connection, acme, "ACME")] == ["", "M1", "m2"]
        changed = await rows.update_entry(connection, acme, "Acme", "m2", {"name": "m2", "type": "Chat"})
        assert changed is not None
        assert changed.entry == {"name": "m2", "type": "Chat"}
        assert await rows.update_entry(connection, acme, "acme", "m3", {}) is None
        assert await rows.delete_entries(connection, acme, "acme", "m2") == 1
        assert await rows.delete_entries(connection, acme, "acme") == 2
        assert len(await rows.list_entries(connection, other, "acme")) == 3


async def test_everything_is_read_for_all_or_for_some(database: Database) -> None:
    acme, other = await make_organization(database, "Acme"), await make_organization(database, "Other")
    for owner in (acme, other, None):
        await add_key(database, owner)
    async with database.begin() as connection:
        whole = await rows.read_everything(connection, [])
        some = await rows.read_everything(connection, [acme])
    assert {key.organization_id for key in whole.keys} == {acme, other, None}
    assert [key.organization_id for key in some.keys] == [acme]


async def test_changes_are_announced_with_the_tenant_and_those_of_the_installation_to_all(
    database: Database, database_url: str
) -> None:
    acme = await make_organization(database, "Acme")
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as listening:
        await listening.execute("LISTEN portico_changes")
        await add_key(database, acme)
        await add_key(database, None)
        async with database.begin() as connection:
            await rows.put_alias(connection, acme, None, "fast", [], "weighted")
            await rows.insert_entry(connection, acme, "acme", "", {})
        heard: list[str] = []
        async with asyncio.timeout(60):
            async for notify in listening.notifies():
                heard.append(notify.payload)
                if len(heard) == 4:
                    break
    assert heard == [f"provider_keys {acme}", "", f"model_aliases {acme}", f"catalog_entries {acme}"]
