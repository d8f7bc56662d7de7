"""The audit log: what is written, that it can only be added to, and that whatever is spoilt is found and named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portico.server.access import audit, organizations, tokens
from portico.server.access.audit.log import check, check_chain, list_entries
from portico.server.access.host.first_start import replace_first_tokens
from portico.server.access.organizations import projects
from portico.server.errors import OutOfRange, OutOfScope, PatternMismatch
from portico.server.ids import OrganizationId
from portico.server.storage.audit import KEY_PURPOSE
from portico.wire.audit import AuditCheck
from tests.server.access.house import House

pytestmark = pytest.mark.anyio


async def verify(house: House, head: str | None = None) -> AuditCheck:
    key = house.tenancy.key.for_purpose(KEY_PURPOSE)
    return await check(house.tenancy.database, key, house.owner, head)


async def told(house: House, **query: str) -> list[tuple[str, str, str]]:
    page = await list_entries(house.tenancy.database, house.owner, query)
    return [(entry.action, entry.kind, entry.target_name) for entry in page.entries]


async def fill(house: House, count: int = 9) -> None:
    """Up to `count` entries: the first start has made one."""
    for number in range(count - 1):
        async with house.tenancy.database.begin() as connection:
            await audit.record(connection, house.tenancy, house.owner, "update", "thing", f"id-{number}", f"t{number}")


async def spoil(house: House, *statements: str) -> None:
    """By somebody who may do everything in the database, and switches the trigger off."""
    async with house.tenancy.database.begin() as connection:
        await connection.execute(text("ALTER TABLE audit DISABLE TRIGGER audit_is_kept"))
        for statement in statements:
            await connection.execute(text(statement))
        await connection.execute(text("ALTER TABLE audit ENABLE TRIGGER audit_is_kept"))


async def test_an_entry_says_who_did_what_to_what_and_when(house: House) -> None:
    made = await tokens.create_token(house.tenancy, house.member, "ci")
    (entry,) = (await list_entries(house.tenancy.database, house.owner, {"kind": "token"})).entries
    assert (entry.action, entry.kind, entry.target_name) == ("create", "token", "ci")
    assert entry.target_id == made.api_token_id
    assert (entry.actor.kind, entry.actor.id) == ("token", house.member.token_id)
    assert entry.project_id == house.member.project_id
    assert entry.sequence == 2 and len(entry.hash) == len(entry.previous) == 64
    assert made.id not in str(entry), "the text of a token is in no entry"


async def test_management_of_tokens_projects_and_the_host_is_told(house: House) -> None:
    made = await tokens.create_token(house.tenancy, house.member, "ci")
    await tokens.change_token(house.tenancy, house.member, made.api_token_id, status="blocked")
    await tokens.change_token(house.tenancy, house.member, made.api_token_id, status="active")
    await tokens.delete_token(house.tenancy, house.member, made.api_token_id)
    project = (await projects.create(house.tenancy, house.owner, "Sales")).project
    await projects.change(house.tenancy, house.owner, project.project_id, name="Sells")
    await projects.delete(house.tenancy, house.owner, project.project_id)
    owner = house.owner
    await replace_first_tokens(house.tenancy.database, house.tenancy.key, house.first.path.parent, "http://x")
    page = await list_entries(house.tenancy.database, owner, {})
    assert [(one.action, one.kind) for one in reversed(page.entries)] == [
        ("create", "organization"),
        ("create", "token"),
        ("block", "token"),
        ("unblock", "token"),
        ("revoke", "token"),
        ("create", "project"),
        ("update", "project"),
        ("delete", "project"),
        ("update", "first_tokens"),
    ]
    assert page.entries[0].actor.kind == "system"


async def test_a_change_that_fails_is_not_told(house: House) -> None:
    await tokens.create_token(house.tenancy, house.member, "ci")
    with pytest.raises(Exception, match="exists"):
        await tokens.create_token(house.tenancy, house.member, "ci")
    assert await told(house, kind="token") == [("create", "token", "ci")]


async def test_many_at_once_make_one_chain_without_gaps(house: House) -> None:
    await asyncio.gather(*(tokens.create_token(house.tenancy, house.member, f"t{n}") for n in range(12)))
    found = await verify(house)
    assert (found.valid, found.entries) == (True, 13)


async def test_organizations_have_chains_of_their_own(house: House) -> None:
    before = await verify(house)
    async with house.tenancy.database.begin() as connection:
        other = OrganizationId("5f0c2f6e-8f0a-4a5e-9b1a-7d6f1c2b3a49")
        await audit.record_system(connection, house.tenancy, other, audit.HOST, "create", "organization", other)
    assert await verify(house) == before
    assert [kind for _, kind, _ in await told(house)] == ["organization"]


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor_name = 'x'", "DELETE FROM audit", "TRUNCATE audit"])
async def test_the_database_refuses_to_change_entries(house: House, statement: str) -> None:
    with pytest.raises(DBAPIError, match="can only be added to"):
        async with house.tenancy.database.begin() as connection:
            await connection.execute(text(statement))


SPOILT: dict[str, tuple[list[str], int, str]] = {
    "changed": (["UPDATE audit SET target_name = 'other' WHERE sequence = 4"], 4, "entry 4 was changed"),
    "time changed": (["UPDATE audit SET at = at - interval '1 us' WHERE sequence = 2"], 2, "entry 2 was changed"),
    "time beyond all": (["UPDATE audit SET at = 'infinity' WHERE sequence = 3"], 3, "entry 3 was changed"),
    "deleted": (["DELETE FROM audit WHERE sequence = 5"], 5, "entry 5 is missing"),
    "first deleted": (["DELETE FROM audit WHERE sequence <= 2"], 1, "entry 1 is missing"),
    "inserted": (
        [
            "UPDATE audit SET sequence = -sequence WHERE sequence >= 6",
            "INSERT INTO audit SELECT organization_id, 6, at, actor_kind, actor_id, actor_name, action, kind,"
            " target_id, 'forged', project_id, request_id, details, previous, hash FROM audit WHERE sequence = -6",
            "UPDATE audit SET sequence = 1 - sequence WHERE sequence < 0",
        ],
        6,
        "entry 6 was changed, or was not written by this server",
    ),
    "inserted at the end": (
        ["INSERT INTO audit SELECT organization_id, 10, at, actor_kind, actor_id, actor_name, action, kind, target_id,"
         " target_name, project_id, request_id, details, hash, previous FROM audit WHERE sequence = 9"],
        10,
        "entry 10 was changed, or was not written by this server",
    ),
    "inserted before the beginning": (
        ["INSERT INTO audit SELECT organization_id, 0, at, actor_kind, actor_id, actor_name, action, kind, target_id,"
         " target_name, project_id, request_id, details, hash, previous FROM audit WHERE sequence = 9"],
        1,
        "entry 0 stands before the beginning",
    ),
    "reordered": (
        [
            "UPDATE audit SET sequence = 100 WHERE sequence = 7",
            "UPDATE audit SET sequence = 7 WHERE sequence = 8",
            "UPDATE audit SET sequence = 8 WHERE sequence = 100",
        ],
        7,
        "entry 7 was changed",
    ),
    "another chain": (
        ["UPDATE audit SET previous = decode(repeat('ab', 32), 'hex') WHERE sequence = 3"], 3, "entry 3 was changed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", SPOILT)
async def test_what_is_spoilt_behind_our_back_is_found_and_named(house: House, what: str) -> None:
    statements, at, reason = SPOILT[what]
    await fill(house)
    whole = await verify(house)
    assert (whole.valid, whole.entries) == (True, 9)
    await spoil(house, *statements)
    found = await verify(house)
    assert (found.valid, found.broken_at, found.entries) == (False, at, at - 1)
    assert isinstance(found.reason, str) and found.reason.startswith(reason)


async def test_an_end_that_was_cut_off_shows_against_a_head_noted_earlier(house: House) -> None:
    await fill(house)
    noted = (await verify(house)).head
    await fill(house, 5)
    assert (await verify(house, noted.upper())).valid, "the chain may have grown meanwhile"
    await spoil(house, "DELETE FROM audit WHERE sequence > 8")
    assert (await verify(house)).valid, "the chain itself does not know how long it was"
    found = await verify(house, noted)
    assert (found.valid, found.broken_at, found.entries) == (False, 9, 8)


async def test_the_check_goes_through_long_chains_in_steps(house: House) -> None:
    await fill(house, 20)
    key = house.tenancy.key.for_purpose(KEY_PURPOSE)
    for step in (1, 7, 20):
        found = await check_chain(house.tenancy.database, key, house.owner.organization_id, step=step)
        assert (found.valid, found.entries) == (True, 20)


async def test_pages_follow_the_cursor_newest_first(house: House) -> None:
    await fill(house)
    first = await list_entries(house.tenancy.database, house.owner, {"count": "4"})
    assert [entry.sequence for entry in first.entries] == [9, 8, 7, 6]
    rest = await list_entries(house.tenancy.database, house.owner, {"count": "5", "cursor": str(first.next_cursor)})
    assert [entry.sequence for entry in rest.entries] == [5, 4, 3, 2, 1]
    assert "nextCursor" not in repr(rest) and rest.next_cursor is not first.next_cursor


Query = Callable[[House], dict[str, str]]
FILTERS: dict[str, tuple[Query, int]] = {
    "action": (lambda house: {"action": "create"}, 1),
    "kind": (lambda house: {"kind": "thing"}, 8),
    "target by id": (lambda house: {"target": "id-3"}, 1),
    "target by name": (lambda house: {"target": "t4"}, 1),
    "actor by id": (lambda house: {"actor": house.owner.token_id}, 8),
    "actor by name": (lambda house: {"actor": "host"}, 1),
    "since": (lambda house: {"since": "2099-01-01"}, 0),
    "until": (lambda house: {"until": "2001-01-01T00:00:00Z"}, 0),
    "both": (lambda house: {"since": "2001-01-01", "until": "2099-01-01"}, 9),
}


@pytest.mark.parametrize("name", FILTERS)
async def test_filters(house: House, name: str) -> None:
    await fill(house)
    query, count = FILTERS[name]
    assert len(await told(house, **query(house))) == count


async def test_a_project_token_reads_of_its_project_only(house: House) -> None:
    await tokens.create_token(house.tenancy, house.member, "mine")
    await projects.create(house.tenancy, house.owner, "Sales")
    page = await list_entries(house.tenancy.database, house.member, {})
    assert [entry.target_name for entry in page.entries] == ["mine"]
    with pytest.raises(OutOfScope):
        await check(house.tenancy.database, b"", house.member, None)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"count": "0"}, OutOfRange),
        ({"count": "1001"}, OutOfRange),
        ({"cursor": "x"}, OutOfRange),
        ({"cursor": "9" * 30}, OutOfRange),
        ({"since": "yesterday"}, PatternMismatch),
        ({"until": "9999-12-31"}, PatternMismatch),
    ],
)
async def test_bad_queries_are_400_with_the_field(house: House, query: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error, match=next(iter(query))):
        await list_entries(house.tenancy.database, house.owner, query)


async def test_a_head_that_is_none_is_400(house: House) -> None:
    with pytest.raises(PatternMismatch, match="head"):
        await verify(house, "abc")


async def test_odd_texts_and_long_details_are_kept_as_they_can_be(house: House) -> None:
    async with house.tenancy.database.begin() as connection:
        details = {"list": ["x" * 9_000]}
        await audit.record(
            connection, house.tenancy, house.owner, "update", "thing", "i\0d", "na\ud800me" * 100, details=details
        )
    (entry,) = (await list_entries(house.tenancy.database, house.owner, {"kind": "thing"})).entries
    assert (entry.target_id, len(entry.target_name), entry.details) == ("id", 500, {"tooLong": True})
    assert (await verify(house)).valid


async def test_an_organization_of_the_host_is_told(house: House) -> None:
    made = await organizations.create(house.tenancy, "Acme")
    key = house.tenancy.key.for_purpose(KEY_PURPOSE)
    found = await check_chain(house.tenancy.database, key, made.organization.organization_id)
    assert found.valid
