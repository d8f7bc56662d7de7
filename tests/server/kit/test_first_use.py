"""What is made at its first use: once, for all who ask, and one thing after the other."""

from __future__ import annotations

import asyncio
import threading

import pytest

from portico.server.kit.first_use import FirstUse

pytestmark = pytest.mark.anyio


class Workshop:
    """Makes things when it is allowed to; counts them, and how many are being made at the same time."""

    def __init__(self) -> None:
        self.allowed = threading.Event()
        self.begun = threading.Event()
        self.made = self.busy = self.busiest = 0
        self.failures: list[Exception] = []

    def make(self) -> int:
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        self.begun.set()
        self.allowed.wait(60)
        self.busy -= 1
        if self.failures:
            raise self.failures.pop()
        self.made += 1
        return self.made

    async def wait_until_begun(self) -> None:
        assert await asyncio.to_thread(self.begun.wait, 60)


@pytest.fixture
def workshop() -> Workshop:
    return Workshop()


async def test_all_who_ask_at_once_and_later_get_the_same_one(workshop: Workshop) -> None:
    use = FirstUse(workshop.make)
    asked = [asyncio.create_task(use.get()) for _ in range(5)]
    await workshop.wait_until_begun()  # the loop goes on meanwhile: it is this that waits here
    workshop.allowed.set()
    assert await asyncio.gather(*asked) == [1] * 5
    assert await use.get() == 1


async def test_nothing_is_made_before_it_is_asked_for(workshop: Workshop) -> None:
    FirstUse(workshop.make)
    assert not workshop.begun.is_set()


async def test_who_hangs_up_does_not_end_it_for_the_others(workshop: Workshop) -> None:
    use = FirstUse(workshop.make)
    impatient, patient = asyncio.create_task(use.get()), asyncio.create_task(use.get())
    await workshop.wait_until_begun()
    impatient.cancel()
    workshop.allowed.set()
    assert await patient == 1
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_a_failure_is_told_and_the_next_one_tries_again(workshop: Workshop) -> None:
    use = FirstUse(workshop.make)
    workshop.failures = [MemoryError("no room")]
    workshop.allowed.set()
    told = await asyncio.gather(use.get(), use.get(), return_exceptions=True)
    assert [str(one) for one in told] == ["no room", "no room"]
    assert await use.get() == 1


async def test_two_things_are_made_one_after_the_other(workshop: Workshop) -> None:
    one, other = FirstUse(workshop.make), FirstUse(workshop.make)
    asked = [asyncio.create_task(one.get()), asyncio.create_task(other.get())]
    await workshop.wait_until_begun()
    workshop.allowed.set()
    assert sorted(await asyncio.gather(*asked)) == [1, 2]
    assert workshop.busiest == 1
