"""Conversations: kept in order, bounded, each profile's own, and forgotten in time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import text

from portico.server.access.places import find_project
from portico.server.assistants.search.questions.history import LONGEST_KEPT, MOST_KEPT, Threads
from portico.server.storage.database import Database
from portico.server.storage.search_profiles import ProfileKey, delete_profile, insert_profile
from portico.server.storage.threads import Turn
from tests.server.access.house import House


@pytest.fixture
async def key(house: House) -> ProfileKey:
    async with house.tenancy.database.begin() as connection:
        row = await insert_profile(
            connection, house.member.organization_id, find_project(house.member), name=str(uuid4())
        )
    return row.key


@pytest.fixture
def threads(house: House) -> Threads:
    return Threads(house.tenancy.database, days=30)


async def age(database: Database, key: ProfileKey, thread_id: str, days: int) -> None:
    statement = text(
        "UPDATE search_threads SET updated_at = now() - make_interval(days => :days)"
        " WHERE profile_id = :profile AND thread_id = :thread"
    )
    async with database.begin() as connection:
        await connection.execute(statement, {"days": days, "profile": key.profile_id, "thread": thread_id})


async def test_turns_are_kept_in_their_order_up_to_a_bound_in_their_profile(threads: Threads, key: ProfileKey) -> None:
    for number in range(4):
        await threads.add(key, "t", f"q{number}", f"a{number}", 3)
    assert await threads.read(key, "t") == [Turn("assistant", "a2"), Turn("user", "q3"), Turn("assistant", "a3")]
    assert await threads.read(key, "other") == []
    assert await threads.read(replace(key, profile_id=str(uuid4())), "t") == []
    assert await threads.read(replace(key, organization_id=type(key.organization_id)(str(uuid4()))), "t") == []


async def test_answers_at_once_are_all_kept(threads: Threads, key: ProfileKey) -> None:
    await asyncio.gather(*(threads.add(key, "t", f"q{number}", f"a{number}", 100) for number in range(12)))
    turns = await threads.read(key, "t")
    assert len(turns) == 24
    pairs = [(turns[place].content[1:], turns[place + 1].content[1:]) for place in range(0, 24, 2)]
    assert all(asked == answered for asked, answered in pairs), "no exchange stands within another"
    assert {asked for asked, _ in pairs} == {str(number) for number in range(12)}


async def test_what_is_kept_is_bounded_and_an_answer_without_a_text_is_not_kept(
    threads: Threads, key: ProfileKey
) -> None:
    await threads.add(key, "t", "q", " \0", 4)
    assert await threads.read(key, "t") == []
    await threads.add(key, "t", "q" * 99_999, "a\0" * 99_999, 10**6)
    turns = await threads.read(key, "t")
    assert [len(turn.content) for turn in turns] == [LONGEST_KEPT, LONGEST_KEPT]
    for _ in range(MOST_KEPT // 2 + 1):
        await threads.add(key, "t", "q", "a", 10**6)
    assert len(await threads.read(key, "t")) == MOST_KEPT


async def test_a_profile_that_is_gone_takes_its_threads_along(house: House, threads: Threads, key: ProfileKey) -> None:
    await threads.add(key, "t", "q", "a", 4)
    async with house.tenancy.database.begin() as connection:
        await delete_profile(connection, key)
    assert await threads.read(key, "t") == []
    await threads.add(key, "t", "q", "a", 4)  # the answer to a question that was asked before; nothing is raised


async def test_old_threads_are_forgotten_and_others_are_not(house: House, threads: Threads, key: ProfileKey) -> None:
    for thread_id, days in (("old", 31), ("new", 29)):
        await threads.add(key, thread_id, "q", "a", 4)
        await age(house.tenancy.database, key, thread_id, days)
    assert await threads.forget() == 1
    assert await threads.read(key, "old") == [] and await threads.read(key, "new") != []
    await threads.add(key, "new", "q", "a", 4)
    await age(house.tenancy.database, key, "nothing", 99)
    assert len(await threads.read(key, "new")) == 4
