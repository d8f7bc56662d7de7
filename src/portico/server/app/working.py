"""From settings to a worker that takes jobs, and from a signal to an orderly end. No door, no tokens, no port."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack

import uvloop

from portico.server.app.ground import Ground, open_ground
from portico.server.app.machinery import open_machinery
from portico.server.app.searching import open_library, open_reading
from portico.server.jobs import evaluate_profile, ingest_document
from portico.server.jobs.evaluate_profile import EvaluateProfile
from portico.server.jobs.faults import Faults
from portico.server.jobs.identity import take_identity
from portico.server.jobs.ingest_document import IngestDocument
from portico.server.jobs.slots import Slots
from portico.server.jobs.steps import Steps
from portico.server.jobs.turns import Turns
from portico.server.jobs.worker import Worker
from portico.server.jobs.workflow import Job
from portico.server.kit.shared_process import report_ready
from portico.server.settings import Settings
from portico.server.storage.jobs import CHANNEL
from portico.server.telemetry.logs import configure_logs

LONGEST_GRACE_S = 3.0
"""A step that is stopped is done again, here or elsewhere, so nobody has to wait for it for long."""


def work(settings: Settings, announce: Callable[[str], None]) -> None:
    """Until SIGINT or SIGTERM. Raises StartError, CatalogError, OSError."""
    configure_logs(settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_work(settings, announce))


async def _work(settings: Settings, announce: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        ground = await open_ground(settings, stack)
        worker_id = stack.enter_context(take_identity(settings.data_dir / "run"))
        worker = await _open_worker(ground, worker_id)
        ground.changes.hear(CHANNEL, worker.dispatcher.hear)
        await ground.start_changes()
        async with worker:
            report_ready({"worker_id": worker_id})
            announce(f"Worker {worker_id} takes jobs, {settings.worker_jobs} at once")
            await stop.wait()


async def _open_worker(ground: Ground, worker_id: str) -> Worker:
    """What is done for the jobs of each name stands here."""
    settings = ground.settings
    below = await open_machinery(ground, pull=False)
    library = open_library(ground, below.board)
    faults, turns = Faults(os.environ), Turns(ground.database, Slots(settings.worker_jobs))
    steps, reading = Steps(faults, turns.progressed), open_reading(library, below.board)
    jobs: dict[str, Job] = {
        ingest_document.NAME: IngestDocument(library, steps),
        evaluate_profile.NAME: EvaluateProfile(reading, steps),
    }
    grace_s = min(settings.shutdown_grace_s, LONGEST_GRACE_S)
    return Worker(ground.database, worker_id, jobs, turns=turns, faults=faults, grace_s=grace_s)
