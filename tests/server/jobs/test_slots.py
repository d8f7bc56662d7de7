"""Places for so many jobs, given in the order in which they were asked for; a job that is to be alone gets all."""

from __future__ import annotations

import asyncio
import random

import pytest

from portico.server.jobs.slots import Slots

pytestmark = pytest.mark.anyio


class Hall:
    """Jobs that hold their place until they are told to go."""

    def __init__(self, limit: int) -> None:
        self.slots = Slots(limit)
        self.inside: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._doors: dict[str, asyncio.Event] = {}

    async def come(self, name: str, *, alone: bool = False) -> None:
        """Comes, and waits where it must."""
        self._doors[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._stay(name, alone))
        await settle()

    async def go(self, *names: str) -> None:
        for name in names:
            self._doors[name].set()
            await self.tasks[name]
        await settle()

    async def _stay(self, name: str, alone: bool) -> None:
        async with self.slots.enter(name), self.slots.take(alone=alone):
            self.inside.append(name)
            try:
                await self._doors[name].wait()
            finally:
                self.inside.remove(name)


async def settle() -> None:
    """Everybody goes as far as they can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_so_many_have_a_place_and_the_others_come_in_their_order() -> None:
    hall = Hall(2)
    for name in "abcd":
        await hall.come(name)
    assert hall.inside == ["a", "b"] and hall.slots.running == 4
    await hall.go("b")
    assert hall.inside == ["a", "c"]
    await hall.go("a", "c", "d")
    assert hall.slots.running == 0


async def test_who_is_to_be_alone_waits_for_those_before_and_is_waited_for_by_those_after() -> None:
    hall = Hall(3)
    await hall.come("a")
    await hall.come("b")
    await hall.come("alone", alone=True)
    await hall.come("after")
    assert hall.inside == ["a", "b"], "there would be a place for the last one, but it did not come first"
    await hall.go("a")
    assert hall.inside == ["b"]
    await hall.go("b")
    assert hall.inside == ["alone"]
    await hall.go("alone")
    assert hall.inside == ["after"]
    await hall.go("after")


async def test_several_that_are_to_be_alone_are_so_one_after_the_other() -> None:
    hall = Hall(2)
    for name in "abc":
        await hall.come(name, alone=True)
    for name in "abc":
        assert hall.inside == [name]
        await hall.go(name)


async def test_no_new_jobs_are_taken_while_one_is_or_waits_to_be_alone() -> None:
    hall = Hall(4)
    await hall.come("a")
    await hall.come("alone", alone=True)
    room = asyncio.create_task(hall.slots.wait_for_room())
    await settle()
    assert not room.done()
    await hall.go("a")
    assert not room.done()
    await hall.go("alone")
    await asyncio.wait_for(room, 60)


@pytest.mark.parametrize("alone", [False, True])
async def test_who_is_stopped_while_waiting_holds_nobody_up(alone: bool) -> None:
    hall = Hall(1)
    await hall.come("a")
    await hall.come("stopped", alone=alone)
    await hall.come("c")
    hall.tasks["stopped"].cancel()
    await settle()
    await hall.go("a")
    assert hall.inside == ["c"]
    await hall.go("c")
    await asyncio.wait_for(hall.slots.wait_for_room(), 60)


async def test_who_is_stopped_in_the_moment_of_its_turn_gives_it_back() -> None:
    hall = Hall(1)
    for name in "abc":
        await hall.come(name, alone=name == "b")
    hall._doors["a"].set()
    while not hall.tasks["a"].done():
        await asyncio.sleep(0)
    hall.tasks["b"].cancel()
    await settle()
    assert hall.inside == ["c"]
    await hall.go("c")


async def test_nobody_waits_for_ever_whatever_happens() -> None:
    """Many jobs of both kinds, some stopped on the way: all end, and nobody is beside one that is alone."""
    chance, slots = random.Random(7), Slots(3)
    inside: list[bool] = []

    async def job(alone: bool) -> None:
        async with slots.enter("job"), slots.take(alone=alone):
            inside.append(alone)
            try:
                assert len(inside) <= 3 and (len(inside) == 1 or not any(inside))
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)
            finally:
                inside.remove(alone)

    tasks = []
    for _ in range(500):
        tasks.append(asyncio.create_task(job(chance.random() < 0.3)))
        if chance.random() < 0.2:
            chance.choice(tasks).cancel()
        if chance.random() < 0.5:
            await asyncio.sleep(0)
    async with asyncio.timeout(60):
        done = await asyncio.gather(*tasks, return_exceptions=True)
    assert not [one for one in done if isinstance(one, Exception)]
    assert slots.running == 0
