"""A worker whose jobs write down what they do: `python -m tests.server.jobs.toy_worker <database url> <worker id>`.

A job of three steps adds a row to `deeds` in each, and another one at its end. It is told what to do on the way by
files, as the real worker is. Ends in good order when standard input is closed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import uvloop
from sqlalchemy import text

from portico.server.ids import OrganizationId, ProjectId
from portico.server.jobs.faults import Faults
from portico.server.jobs.patience import Patience
from portico.server.jobs.steps import Steps
from portico.server.jobs.worker import Worker
from portico.server.storage.database import Database

STEPS = ("one", "two", "three")
_DEED = text("INSERT INTO deeds (job, what, worker) VALUES (:job, :what, :worker)")


async def main(url: str, worker_id: str) -> None:
    database = await Database.open(url)
    faults = Faults(os.environ)
    steps = Steps(faults)

    async def do(job: int, what: str) -> None:
        async with database.begin() as connection:
            await connection.execute(_DEED, {"job": job, "what": what, "worker": worker_id})

    async def run(_organization: OrganizationId, _project: ProjectId, arguments: dict[str, Any]) -> None:
        for name in STEPS:

            async def body(_: Patience, name: str = name) -> None:
                await do(arguments["number"], name)
                if name == arguments.get("hang"):
                    await asyncio.sleep(600)

            await steps.run(name, body)
        await do(arguments["number"], "end")

    worker = Worker(
        database, worker_id, {"toy": run}, at_once=2, faults=faults, beat_s=0.2, silence_s=float(os.environ["SILENCE"])
    )
    async with worker:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
    await database.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(*sys.argv[1:]))
