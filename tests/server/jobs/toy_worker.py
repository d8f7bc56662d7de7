"""A worker whose jobs write down what they do: `python -m tests.server.jobs.toy_worker <database url> <worker id>`.

A job of three steps adds a row to `deeds` in each, and another one at its end. It is told what to do on the way by
files, as the real worker is; one that is `deadly` kills its worker in that step whenever it comes there. Ends in good
order when standard input is closed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from functools import partial
from typing import Any

import uvloop
from sqlalchemy import text

from portico.server.ids import OrganizationId, ProjectId
from portico.server.jobs.faults import Faults
from portico.server.jobs.patience import Patience
from portico.server.jobs.slots import Slots
from portico.server.jobs.steps import Steps
from portico.server.jobs.turns import Turns
from portico.server.jobs.worker import Worker
from portico.server.storage.database import Database

STEPS = ("one", "two", "three")
_DEED = text("INSERT INTO deeds (job, what, worker, beside) VALUES (:job, :what, :worker, :beside)")


class Toy:
    """The job. `beside` of a deed is how many others had a turn at that moment."""

    def __init__(self, database: Database, worker_id: str, steps: Steps) -> None:
        self._database = database
        self._worker_id = worker_id
        self._steps = steps
        self._turns = 0

    async def run(self, _organization: OrganizationId, _project: ProjectId, arguments: dict[str, Any]) -> None:
        self._turns += 1
        try:
            for name in STEPS:
                await self._steps.run(name, partial(self._step, arguments, name))
            await self._do(arguments["number"], "end")
        finally:
            self._turns -= 1

    async def give_up(self, _organization: OrganizationId, _project: ProjectId, arguments: dict[str, Any]) -> None:
        await self._do(arguments["number"], "given up")

    async def _step(self, arguments: dict[str, Any], name: str, _: Patience) -> None:
        await self._do(arguments["number"], name)
        if name == arguments.get("deadly"):
            os.kill(os.getpid(), signal.SIGKILL)
        if name == arguments.get("furthers"):
            await self._steps.come_further()
        if name == arguments.get("hang"):
            await asyncio.sleep(600)

    async def _do(self, job: int, what: str) -> None:
        values = {"job": job, "what": what, "worker": self._worker_id, "beside": self._turns - 1}
        async with self._database.begin() as connection:
            await connection.execute(_DEED, values)


async def main(url: str, worker_id: str) -> None:
    database = await Database.open(url)
    faults, turns = Faults(os.environ), Turns(database, Slots(2))
    toy = Toy(database, worker_id, Steps(faults, turns.progressed))
    worker = Worker(
        database, worker_id, {"toy": toy}, turns=turns, faults=faults, beat_s=0.2,
        silence_s=float(os.environ["SILENCE"]),
    )  # fmt: skip
    async with worker:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
    await database.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(*sys.argv[1:]))
