"""What a process knows of tokens, and how soon it knows better."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from portico.server.access import organizations, tokens
from portico.server.access.authenticate import authenticate
from portico.server.access.organizations import projects
from portico.server.access.snapshot import TokenSnapshot
from portico.server.errors import PorticoError
from portico.server.storage.changes import Changes
from tests.server.access.house import House, open_house

pytestmark = pytest.mark.anyio


def state(snapshot: TokenSnapshot, token: str) -> str:
    try:
        return snapshot.find(token).scope
    except PorticoError as refusal:
        return f"refused {refusal.id}"


async def until(check: Callable[[], bool], within_s: float = 60.0) -> None:
    """The promise is one second, on a machine that has one. What no notice brought would not come (house.py)."""
    deadline = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < deadline, "too late"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def neighbour(url: str, data_dir: Path) -> AsyncIterator[House]:
    """Another process, as far as the database can tell: its own pool, its own listener."""
    other = await open_house(url, data_dir)
    yield other
    await other.close()


async def test_tokens_of_the_first_start_are_known_with_their_names(house: House) -> None:
    assert (house.owner.scope, house.owner.project_id) == ("organization", None)
    assert (house.member.scope, house.member.project_name) == ("project", "Default")
    assert house.member.organization_name == house.owner.organization_name == "Portico"
    assert state(house.snapshot, "geai_" + "x" * 64) == "refused 401"


async def test_change_reaches_a_second_process_within_one_second(
    house: House, database_url: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tests.server.access.second_process", database_url, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def ask(token: str) -> str:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(token + "\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        assert process.stdout.readline() == "ready\n"
        made = await tokens.create_token(house.tenancy, house.member, "ci")
        await until(lambda: ask(made.id) == "project")
        await tokens.change_token(house.tenancy, house.member, made.id, status="Blocked")
        await until(lambda: ask(made.id) == "refused 6")
        process.stdin.close()
        assert process.wait(60) == 0


async def test_the_process_that_makes_a_change_knows_it_at_once(house: House) -> None:
    made = await tokens.create_token(house.tenancy, house.member, "ci")
    assert state(house.snapshot, made.id) == "project"
    await tokens.change_token(house.tenancy, house.member, made.id, status="blocked")
    assert state(house.snapshot, made.id) == "refused 6"
    await tokens.change_token(house.tenancy, house.member, made.id, status="Active")
    assert state(house.snapshot, made.id) == "project"
    await tokens.delete_token(house.tenancy, house.member, made.id)
    assert state(house.snapshot, made.id) == "refused 6"


async def test_a_caller_in_the_cache_is_asked_again_after_a_change(house: House) -> None:
    headers = [(b"authorization", house.first.project_token.encode())]
    authenticate(headers, house.snapshot)
    await projects.change(house.tenancy, house.owner, house.member.project_id or "", name="Renamed")
    assert authenticate(headers, house.snapshot).project_name == "Renamed"
    await projects.delete(house.tenancy, house.owner, house.member.project_id or "")
    with pytest.raises(PorticoError) as refusal:
        authenticate(headers, house.snapshot)
    assert refusal.value.id == 6


async def test_deleted_organization_takes_all_its_tokens_with_it(house: House) -> None:
    await organizations.delete(house.tenancy, house.owner.organization_id)
    assert state(house.snapshot, house.first.organization_token) == "refused 6"
    assert state(house.snapshot, house.first.project_token) == "refused 6"


async def test_expired_token_is_unknown(house: House) -> None:
    """Nobody changes anything: it is the clock that ends it."""
    soon = datetime.now(UTC) + timedelta(hours=1)
    made = await tokens.create_token(house.tenancy, house.member, "short", expires_at=soon)
    assert state(house.snapshot, made.id) == "project"
    house.snapshot._clock = lambda: soon.timestamp() - 1
    assert state(house.snapshot, made.id) == "project"
    house.snapshot._clock = lambda: soon.timestamp()
    assert state(house.snapshot, made.id) == "refused 401"


async def test_a_row_changed_by_hand_is_noticed_too(house: House) -> None:
    async with house.tenancy.database.begin() as connection:
        await connection.execute(text("UPDATE tokens SET blocked = true WHERE project_id IS NULL"))
    await until(lambda: state(house.snapshot, house.first.organization_token) == "refused 6")


async def test_a_change_of_one_tenant_leaves_the_others_alone(house: House) -> None:
    acme = await organizations.create(house.tenancy, "Acme")
    await tokens.create_token(house.tenancy, house.member, "ci")
    assert house.snapshot.find(acme.tokens.project).organization_name == "Acme"
    await organizations.delete(house.tenancy, acme.organization.organization_id)
    assert state(house.snapshot, acme.tokens.project) == "refused 6"
    assert state(house.snapshot, house.first.project_token) == "project"


async def test_changes_while_the_listener_was_cut_off_are_found_after_it_is_back(
    house: House, database_url: str, tmp_path: Path
) -> None:
    async with neighbour(database_url, tmp_path) as other:
        async with house.tenancy.database.begin() as connection:
            cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'portico-changes'"
            cut += " AND datname = current_database()"
            await connection.execute(text(cut))
            await connection.execute(text("UPDATE tokens SET blocked = true"))
        for snapshot in (house.snapshot, other.snapshot):
            await until(lambda s=snapshot: state(s, house.first.project_token) == "refused 6")  # type: ignore[misc]


async def test_safety_net_finds_what_was_never_announced(house: House) -> None:
    snapshot = TokenSnapshot(house.tenancy.database, house.tenancy.key)
    changes = Changes(house.tenancy.database.url, safety_net_s=0.1)
    changes.subscribe(snapshot.follow)
    await changes.start()
    async with house.tenancy.database.begin() as connection:
        await connection.execute(text("ALTER TABLE tokens DISABLE TRIGGER ALL"))
        await connection.execute(text("UPDATE tokens SET blocked = true"))
    await until(lambda: state(snapshot, house.first.project_token) == "refused 6")
    assert state(house.snapshot, house.first.project_token) == "project"
    await changes.close()


async def test_a_row_that_is_really_gone_is_forgotten(house: House) -> None:
    acme = await organizations.create(house.tenancy, "Acme")
    async with house.tenancy.database.begin() as connection:
        for table in ("tokens", "roles", "search_profiles", "projects", "organizations"):
            await connection.execute(
                text(f"DELETE FROM {table} WHERE organization_id = :id"), {"id": acme.organization.organization_id}
            )
    await until(lambda: state(house.snapshot, acme.tokens.project) == "refused 401")


async def test_many_changes_at_once_are_followed_within_one_second(
    house: House, database_url: str, tmp_path: Path
) -> None:
    async with neighbour(database_url, tmp_path) as other:
        made = [await organizations.create(house.tenancy, f"Organization {number}") for number in range(50)]
        await until(lambda: all(state(other.snapshot, one.tokens.project) == "project" for one in made))
        async with house.tenancy.database.begin() as connection:
            await connection.execute(text("UPDATE tokens SET blocked = true"))
        await until(lambda: all(state(other.snapshot, one.tokens.project) == "refused 6" for one in made))
