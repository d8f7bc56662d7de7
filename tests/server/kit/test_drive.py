"""Coroutines run by callbacks: what wakes them, what ends them, and that they end once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from portico.server.kit.drive import Drive, Signal, run

pytestmark = pytest.mark.anyio
Ends = list[tuple[Any, BaseException | None]]


def start(coroutine: Coroutine[Any, None, Any]) -> tuple[Drive[Any], Ends]:
    """A running drive, and the list of its ends: one, when all is well."""
    ends: Ends = []
    drive = Drive(coroutine, lambda value, error: ends.append((value, error)))
    drive.step()
    return drive, ends


async def wait_for(signal: Signal, log: list[str] | None = None) -> str:
    try:
        await signal
    except BaseException as error:
        if log is not None:
            log.append(type(error).__name__)
        raise
    return "done"


async def test_a_coroutine_that_never_waits_ends_at_once() -> None:
    async def work() -> int:
        return 7

    drive, ends = start(work())
    assert drive.done and ends == [(7, None)]


async def test_a_signal_wakes_its_waiter_on_the_stack_of_the_setter() -> None:
    signal = Signal()
    _, ends = start(wait_for(signal))
    assert not ends
    signal.set()
    assert ends == [("done", None)], "without a turn of the loop"
    assert signal.is_set


async def test_a_set_signal_is_no_wait_and_a_cleared_one_is() -> None:
    signal = Signal()
    signal.set()
    signal.set()
    assert start(wait_for(signal))[1] == [("done", None)]
    signal.is_set = False
    _, ends = start(wait_for(signal))
    assert not ends
    signal.set()
    assert ends == [("done", None)]


async def test_an_error_goes_to_on_done() -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise ValueError("x")

    _, ends = start(work())
    await asyncio.sleep(0)
    assert isinstance(ends[0][1], ValueError) and len(ends) == 1


async def test_cancelling_throws_where_it_waits() -> None:
    signal, log = Signal(), list[str]()
    drive, ends = start(wait_for(signal, log))
    drive.cancel()
    assert log == ["CancelledError"] and isinstance(ends[0][1], asyncio.CancelledError)
    signal.set()
    drive.cancel()
    assert len(ends) == 1, "neither a late signal nor a second cancel does anything"


async def test_cancelling_with_an_error_throws_that() -> None:
    drive, ends = start(wait_for(Signal()))
    drive.cancel(TimeoutError())
    assert isinstance(ends[0][1], TimeoutError)


async def test_a_cancelled_coroutine_may_go_on_waiting() -> None:
    first, second = Signal(), Signal()

    async def stubborn() -> str:
        try:
            await first
        except asyncio.CancelledError:
            await second
        return "tidied up"

    drive, ends = start(stubborn())
    drive.cancel()
    first.set()
    assert not ends, "the first signal has nothing to say any more"
    second.set()
    assert ends == [("tidied up", None)]


async def test_a_coroutine_cannot_cancel_itself_while_it_runs() -> None:
    drives: list[Drive[Any]] = []

    async def work() -> str:
        await asyncio.sleep(0)
        drives[0].cancel()
        return "untouched"

    drive, ends = start(work())
    drives.append(drive)
    await asyncio.sleep(0.01)
    assert ends == [("untouched", None)]


async def test_futures_and_tasks_and_sleeps_can_be_awaited() -> None:
    async def slow() -> int:
        await asyncio.sleep(0.01)
        return 5

    async def work() -> list[int]:
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, 1)
        return [await future, await asyncio.create_task(slow()), *await asyncio.gather(slow(), slow())]

    assert await run(work()) == [1, 5, 5, 5]


async def test_the_error_of_a_future_arrives() -> None:
    future = asyncio.get_running_loop().create_future()

    async def work() -> None:
        await future

    _, ends = start(work())
    future.set_exception(KeyError("x"))
    await asyncio.sleep(0)
    assert isinstance(ends[0][1], KeyError)


async def test_cancelling_cancels_the_future_it_waits_for() -> None:
    future = asyncio.get_running_loop().create_future()

    async def work() -> None:
        await future

    drive, ends = start(work())
    drive.cancel()
    assert future.cancelled() and isinstance(ends[0][1], asyncio.CancelledError)


async def test_a_shielded_task_outlives_the_cancelled_drive() -> None:
    async def slow() -> int:
        await asyncio.sleep(0.01)
        return 5

    task = asyncio.create_task(slow())

    async def work() -> int:
        return await asyncio.shield(task)

    drive, _ = start(work())
    drive.cancel()
    assert await task == 5


async def test_a_future_that_was_done_before_the_cancel_does_not_wake_a_later_wait() -> None:
    """Its callback is on its way already; the coroutine waits for something else by then."""
    future, later = asyncio.get_running_loop().create_future(), asyncio.get_running_loop().create_future()

    async def work() -> str:
        try:
            await future
        except asyncio.CancelledError:
            await later
        return "late"

    drive, ends = start(work())
    future.set_result(None)
    drive.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not ends
    later.set_result(None)
    await asyncio.sleep(0)
    assert ends == [("late", None)]


async def test_run_hands_over_result_and_error() -> None:
    signal = Signal()
    asyncio.get_running_loop().call_later(0.01, signal.set)
    assert await run(wait_for(signal)) == "done"

    async def fails() -> None:
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        await run(fails())


async def test_cancelling_the_task_around_run_cancels_the_coroutine() -> None:
    log: list[str] = []
    task = asyncio.create_task(run(wait_for(Signal(), log)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == ["CancelledError"]


async def test_run_within_a_timeout() -> None:
    log: list[str] = []
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await run(wait_for(Signal(), log))
    assert log == ["CancelledError"]


async def test_a_cancel_in_a_sleep_of_nothing_is_not_lost() -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise AssertionError("it went on")

    drive, ends = start(work())
    drive.cancel()
    await asyncio.sleep(0)
    assert [type(error) for _, error in ends] == [asyncio.CancelledError]
