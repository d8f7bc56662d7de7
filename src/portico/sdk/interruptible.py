"""Waiting that Ctrl-C can end: the HTTP library does not look at signals while it waits, Python's own queues do.

So the main thread hands blocking work to a thread beside it and waits there (6 microseconds a turn). Other threads
get no signals and wait in place.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
Job = tuple[Callable[[], Any], "SimpleQueue[tuple[Any, BaseException | None]]"]


class Waiter:
    """Runs blocking work; `on_interrupt` is called when the wait was broken off and the work goes on unheeded."""

    def __init__(self, on_interrupt: Callable[[], None]) -> None:
        self._on_interrupt = on_interrupt
        self._jobs: SimpleQueue[Job | None] | None = None
        self._pid = 0

    def wait(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises; KeyboardInterrupt (or what a signal handler raises) at once."""
        if threading.current_thread() is not threading.main_thread():
            return work()
        answer: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        self._queue().put((work, answer))
        try:
            result, error = answer.get()
        except BaseException:
            self.close()  # that thread is stuck in its work; the next wait gets another one
            self._on_interrupt()
            raise
        if error is not None:
            try:
                raise error
            finally:
                del error  # the frame and its exception must not keep each other alive
        value: T = result
        return value

    def close(self) -> None:
        """Lets the thread end when its work is done."""
        jobs, self._jobs = self._jobs, None
        if jobs is not None:
            jobs.put(None)

    def __del__(self) -> None:
        self.close()

    def _queue(self) -> SimpleQueue[Job | None]:
        if self._jobs is None or self._pid != os.getpid():
            self._jobs = SimpleQueue()
            self._pid = os.getpid()
            threading.Thread(target=_work, args=(self._jobs,), name="portico-io", daemon=True).start()
        return self._jobs


def import_for_good(name: str) -> None:
    """Imports a module in a thread that does not end before the program.

    The HTTP library (0.15) crashes the interpreter when the thread that imported it has ended and another one makes
    a client. So: the main thread, or one that is kept for nothing else.
    """
    if name in sys.modules:
        return
    if threading.current_thread() is threading.main_thread():
        import_module(name)
        return
    imported = threading.Event()

    def stay() -> None:
        try:
            import_module(name)
        finally:
            imported.set()
        threading.Event().wait()

    threading.Thread(target=stay, name="portico-import", daemon=True).start()
    imported.wait()


def _work(jobs: SimpleQueue[Job | None]) -> None:
    while (job := jobs.get()) is not None:
        work, answer = job
        try:
            answer.put((work(), None))
        except BaseException as error:  # handed over to the thread that waits
            answer.put((None, error))
        del job, work, answer  # while idle, keep nothing alive
