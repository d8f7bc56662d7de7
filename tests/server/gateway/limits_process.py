"""A worker process for the tests of limits. Arguments: database URL, folder, organization, project, seed.

Each line of standard input is `<calls> <worst> <least>`: so many calls at once, each holding `worst` and settling at
least `least`. Answers one JSON line: how many were admitted and refused, and what was spent. `die` is kill -9.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from pathlib import Path

import uvloop

from portico.server.access.caller import Caller
from portico.server.errors import QuotaExceeded
from portico.server.gateway.limits import bank
from tests.server.gateway.limits_house import Worker, caller_of


async def call(worker: Worker, caller: Caller, worst: int, real: int) -> int | None:
    await asyncio.sleep(random.random() * 0.05)
    try:
        ticket = await worker.take(caller, worst, 10)
    except QuotaExceeded:
        return None
    await asyncio.sleep(random.random() * 0.02)
    ticket.settle(real, 10)
    return real


async def answer(worker: Worker, caller: Caller, calls: int, worst: int, least: int) -> dict[str, int]:
    results = await asyncio.gather(*(call(worker, caller, worst, random.randint(least, worst)) for _ in range(calls)))
    spent = [one for one in results if one is not None]
    return {"admitted": len(spent), "refused": calls - len(spent), "spent": sum(spent)}


async def main(url: str, folder: str, organization_id: str, project_id: str, seed: str) -> None:
    random.seed(int(seed))
    bank.PATIENCE_S = 60.0  # for what the others hold and do not use, however busy the machine is
    worker = await Worker.open(url, Path(folder))
    caller = caller_of(organization_id, project_id)
    print("ready", flush=True)
    while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
        if line == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        calls, worst, least = map(int, line.split())
        print(json.dumps(await answer(worker, caller, calls, worst, least)), flush=True)
    await worker.close()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
