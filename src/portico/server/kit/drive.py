"""Runs a coroutine by callbacks, without an asyncio task: it goes on in the turn of the loop that wakes it.

A task costs a turn of the loop for every wait; on the hot path a request waits once or twice and costs about 30 us
in all, so the turns are a third of it. A driven coroutine may await `Signal`s and ordinary futures. It may not use
what asks for the current task (asyncio.timeout, TaskGroup): such work goes into a task, and the task is awaited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class Signal(msgspec.Struct, eq=False):
    """Wakes the one coroutine that waits for it, at once and on the caller's stack. To use it once more, make `is_set`
    False again, but only while nobody waits."""

    is_set: bool = False
    _waiter: Any = None

    def set(self) -> None:
        if self.is_set:
            return
        self.is_set = True
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.step()

    def __await__(self) -> Generator[Signal, None, None]:
        while not self.is_set:
            yield self

    def _forget(self) -> None:
        self._waiter = None


class Drive(Generic[T]):
    """One running coroutine. `on_done(value, error)` is called exactly once, when it ends in whatever way."""

    __slots__ = ("_coroutine", "_on_done", "_running", "_waiting", "done")

    def __init__(
        self, coroutine: Coroutine[Any, None, T], on_done: Callable[[T | None, BaseException | None], None]
    ) -> None:
        self._coroutine = coroutine
        self._on_done = on_done
        self._waiting: Signal | asyncio.Future[Any] | asyncio.Handle | None = None
        self._running = False
        self.done = False

    def step(self, error: BaseException | None = None) -> None:
        """Runs the coroutine to its next wait. Called by whoever ends the wait."""
        self._waiting = None
        self._running = True
        try:
            waited = self._coroutine.send(None) if error is None else self._coroutine.throw(error)
        except StopIteration as stop:
            self._finish(stop.value, None)
        except BaseException as failure:
            self._finish(None, failure)
        else:
            self._running = False
            if type(waited) is Signal:
                self._waiting = waited
                waited._waiter = self
            else:
                self._suspend(waited)

    def _suspend(self, waited: asyncio.Future[Any] | None) -> None:
        if waited is None:  # asyncio.sleep(0)
            self._waiting = asyncio.get_running_loop().call_soon(self.step)
        else:
            waited._asyncio_future_blocking = False
            self._waiting = waited
            waited.add_done_callback(self._wake)

    def _wake(self, future: asyncio.Future[Any]) -> None:
        if self._waiting is future:  # else cancelled after the future was done, and long past it
            self.step()  # the future's own __await__ raises its error or hands its result over

    def _finish(self, value: T | None, error: BaseException | None) -> None:
        self._running = False
        self.done = True
        self._on_done(value, error)

    def cancel(self, error: BaseException | None = None) -> None:
        """Throws CancelledError, or `error`, into the coroutine where it waits. No effect once it is done."""
        waiting = self._waiting
        if self.done or self._running or waiting is None:
            return
        if isinstance(waiting, Signal):
            waiting._forget()
        else:
            if isinstance(waiting, asyncio.Future):
                waiting.remove_done_callback(self._wake)
            waiting.cancel()
        self.step(asyncio.CancelledError() if error is None else error)


async def run(coroutine: Coroutine[Any, None, T], begun: Callable[[Drive[T]], None] | None = None) -> T:
    """Awaits a coroutine that needs a driver from an ordinary task; cancelling the task cancels the coroutine.

    `begun` is given the driver, for whoever wants to end it otherwise.
    """
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def on_done(value: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(value)  # type: ignore[arg-type]
        elif isinstance(error, asyncio.CancelledError):
            future.cancel()
        else:
            future.set_exception(error)

    drive = Drive(coroutine, on_done)
    if begun is not None:
        begun(drive)
    drive.step()
    try:
        return await future
    finally:
        drive.cancel()
