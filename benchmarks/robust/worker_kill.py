"""kill -9 of one of several workers under load: what callers were given has one usage line each, not none, not two."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from benchmarks.machine import BenchmarkError
from benchmarks.memory import workers_of
from benchmarks.robust.figures import Figure, exactly, told
from benchmarks.robust.house import House, Load, open_house

WORKERS, CALLERS = 3, 24
QUICK_CALLERS, QUICK_PAUSE_S = 9, 0.02
"""They leave a small machine time to start the next worker; those whose worker died still lose their connection."""
LONGEST_S = 30.0


def measure(folder: Path, quick: bool) -> list[Figure]:
    with open_house(folder, PORTICO_WORKERS=str(WORKERS)) as house:
        load = Load(house, QUICK_CALLERS, pause_s=QUICK_PAUSE_S) if quick else Load(house, CALLERS, pause_s=0.0)
        return asyncio.run(_measure(house, load, 2 if quick else 10))


async def _measure(house: House, load: Load, kills: int) -> list[Figure]:
    async with asyncio.timeout(60):  # until all workers have begun: before, the death of one ends the server
        while "answers at" not in house.service.log.read_text():
            await asyncio.sleep(0.05)
    load.start()
    back_s = []
    for _ in range(kills):
        await asyncio.sleep(1.0)
        crew = workers_of(house.service.pids())
        os.kill(max(crew, key=_sockets), signal.SIGKILL)
        began = time.monotonic()
        while not set(workers_of(house.service.pids())) - set(crew):
            if time.monotonic() - began > LONGEST_S:
                raise BenchmarkError(f"no other worker began: {house.service.log.read_text()[-300:]}")
            await asyncio.sleep(0.05)
        back_s.append(time.monotonic() - began)
    await asyncio.sleep(2.0)
    await load.stop()
    case = f"kill -9 of a worker, {kills} times, {WORKERS} workers"
    wanted = {answer.request_id for answer in load.answers if answer.good}
    counts = await asyncio.to_thread(house.wait_for_usage, wanted)
    refused = [answer for answer in load.failed if not answer.broken]
    cut = len(load.failed) - len(refused)
    return [
        told(case, "requests answered", len(wanted)),
        Figure(case, "requests cut off with their worker", str(cut), "some, or nothing was tried", cut > 0),
        exactly(case, "answers that are errors", len(refused), 0),
        exactly(case, "answered requests without a usage line", len(wanted - counts.keys()), 0),
        exactly(case, "requests counted twice", sum(count > 1 for count in counts.values()), 0),
        exactly(case, "more lines than requests", max(0, len(counts) - load.begun), 0),
        told(case, "another worker began after, s", f"{max(back_s):.1f}"),
    ]


def _sockets(pid: int) -> int:
    """How many a process holds: the busiest worker has the most."""
    found = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            found += str(entry.readlink()).startswith("socket:")
    return found
