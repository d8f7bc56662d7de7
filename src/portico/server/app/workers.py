"""Several server processes on one socket: started together, restarted when one dies, ended together.

Each worker is a whole server; they share the database, the local models and nothing else.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from portico.server.kit.shared_process.child import die_with_parent
from portico.server.settings import Settings

Ready = Callable[[str | None], None]
"""Told once, with the set-up link when this was the first start."""
Work = Callable[[Settings, socket.socket, Ready], None]
RESTART_S = 1.0
KILL_AFTER_S = 15.0
"""On top of the time of grace: how long a worker may take to close its rooms."""
_processes = multiprocessing.get_context("spawn")  # a fork would copy the parent's threads and locks half-way


def run_workers(settings: Settings, listening: socket.socket, work: Work, on_ready: Ready) -> int:
    """Until SIGINT or SIGTERM, or until a worker cannot start; the exit code."""
    crew = _Crew(settings, listening, work)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: crew.stop())
    return crew.run(on_ready)


class _Crew:
    def __init__(self, settings: Settings, listening: socket.socket, work: Work) -> None:
        self._settings = settings
        self._listening = listening
        self._work = work
        self._workers: dict[BaseProcess, Connection] = {}
        self._stopping = False
        self._kill_at = math.inf
        self._started: set[BaseProcess] = set()

    def run(self, on_ready: Ready) -> int:
        for _ in range(self._settings.workers):
            self._hire()
        first: str | None = None
        announced = False
        while self._workers:
            wait([*(w.sentinel for w in self._workers), *self._open_pipes()], timeout=1.0)
            if time.monotonic() > self._kill_at:
                self._kill()
            first = self._hear() or first
            if not announced and len(self._started) == self._settings.workers:
                announced = True
                on_ready(first)
            code = self._bury(announced)
            if code is not None:
                return code
        return 0

    def stop(self) -> None:
        """Called by a signal, at any moment: a worker that is being made right now is ended by `_hire`."""
        if not self._stopping:
            self._stopping = True
            self._kill_at = time.monotonic() + self._settings.shutdown_grace_s + KILL_AFTER_S
            for worker in self._workers:
                worker.terminate()

    def _hire(self) -> None:
        if self._stopping:
            return
        ours, theirs = _processes.Pipe(duplex=False)
        worker = _processes.Process(
            target=_run_worker, args=(self._settings, self._listening, self._work, theirs), name="portico worker"
        )
        worker.start()
        theirs.close()
        self._workers[worker] = ours
        if self._stopping:
            worker.terminate()

    def _open_pipes(self) -> list[Connection]:
        return [pipe for worker, pipe in self._workers.items() if worker not in self._started]

    def _hear(self) -> str | None:
        """Who has become ready; the set-up link, when one of them made the first organization."""
        first: str | None = None
        for worker, pipe in self._workers.items():
            if worker not in self._started and pipe.poll():
                try:
                    first = pipe.recv() or first
                    self._started.add(worker)
                except EOFError:  # it ended before it was ready; its sentinel says so
                    pass
        return first

    def _bury(self, announced: bool) -> int | None:
        """Replaces workers that died; gives the exit code when one could not even start."""
        for worker in [w for w in self._workers if not w.is_alive()]:
            self._workers.pop(worker).close()
            self._started.discard(worker)
            if self._stopping:
                continue
            if not announced:
                self._stop_all()
                return worker.exitcode or 1
            print(f"a worker ended with code {worker.exitcode}; starting another", file=sys.stderr)  # noqa: T201
            time.sleep(RESTART_S)
            self._hire()
        return None

    def _stop_all(self) -> None:
        self.stop()
        for worker in self._workers:
            worker.join(max(0.0, self._kill_at - time.monotonic()))
        self._kill()

    def _kill(self) -> None:
        """Whoever hangs in its own shutdown must not hang the whole server."""
        for worker in self._workers:
            if worker.is_alive():
                worker.kill()


def _run_worker(settings: Settings, listening: socket.socket, work: Work, pipe: Connection) -> None:
    parent = multiprocessing.parent_process()
    die_with_parent(signal.SIGTERM, parent.pid if parent is not None and parent.pid is not None else os.getppid())
    try:
        work(settings, listening, pipe.send)
    except Exception as error:  # the parent has the way to say it to a person: the exit code and one line
        sys.exit(f"worker: {error}")
