"""What one of the workers does once in a while: what nobody works on is ordered again or ended, old runs go."""

from __future__ import annotations

import asyncio
import json
import logging

from dbos import DBOS
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.errors import PorticoError
from portico.server.jobs import evaluate_profile, ingest_document
from portico.server.storage import documents_progress as progress
from portico.server.storage import evaluations, turns, workflows
from portico.server.storage.database import Database
from portico.server.storage.jobs import insert_job
from portico.server.storage.search_profiles import ProfileKey

INTERVAL_S = 30.0
STALE_S = 60.0
"""After so long without news of a document somebody looks whether anybody works on it."""
KEPT_S = 24 * 3600.0
"""How long a finished run is remembered."""
FAILURES = 3
_BATCH = 500
_LOCK = 0x504F524A4F4253  # "PORJOBS"
_log = logging.getLogger("portico.jobs")


class Housekeeping:
    """Runs in every worker; a lock lets one of them do it."""

    def __init__(self, database: Database, interval_s: float = INTERVAL_S) -> None:
        self._database = database
        self._interval_s = interval_s

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.order_stale()
                await self.end_stale()
                await self.forget_ended()
            except PorticoError as error:
                _log.warning("the housekeeping of the jobs failed: %s", error.message)
            except Exception:
                _log.exception("the housekeeping of the jobs failed")
            await asyncio.sleep(self._interval_s)

    async def order_stale(self, stale_s: float = STALE_S) -> int:
        """How many documents were found that nobody works on. Ordered again, or failed when that was tried enough."""
        async with self._database.begin() as connection:
            if not await _lock(connection):
                return 0
            stale = await progress.list_stale(connection, stale_s, _BATCH)
            if not stale:
                return 0
            working = {(run.get("document_id"), run.get("revision")) for run in await workflows.list_open(connection)}
            left = [row for row in stale if (row.document_id, row.revision) not in working]
            for row in left:
                await _order_again(connection, row)
        return len(left)

    async def end_stale(self, stale_s: float = STALE_S) -> int:
        """How many evaluations were found that nobody works on: they have failed, and can be ordered again."""
        async with self._database.begin() as connection:
            if not await _lock(connection):
                return 0
            stale = await evaluations.list_stale(connection, stale_s, _BATCH)
            if not stale:
                return 0
            working = {run.get("evaluation_id") for run in await workflows.list_open(connection)}
            left = [(key, one) for key, one in stale if one not in working]
            for key, one in left:
                await evaluations.set_evaluation(connection, key, one, "Failed", evaluate_profile.GAVE_UP)
        return len(left)

    async def forget_ended(self, kept_s: float = KEPT_S) -> int:
        """How many finished runs were deleted."""
        async with self._database.begin() as connection:
            if not await _lock(connection):
                return 0
            await turns.forget_ended_turns(connection)
            ended = await workflows.list_ended(connection, kept_s, _BATCH)
        if ended:
            await DBOS.delete_workflows_async(ended)
        return len(ended)


async def _lock(connection: AsyncConnection) -> bool:
    return bool(await connection.scalar(text(f"SELECT pg_try_advisory_xact_lock({_LOCK})")))


async def _order_again(connection: AsyncConnection, row: progress.StaleRow) -> None:
    arguments = {"profile_id": row.profile_id, "document_id": row.document_id, "revision": row.revision}
    failures, deadly = await workflows.count_failures(connection, json.dumps(arguments))
    if deadly or failures >= FAILURES:
        key = ProfileKey(row.organization_id, row.project_id, row.profile_id)
        await progress.set_status(connection, key, row.document_id, row.revision, "Failed", ingest_document.GAVE_UP)
        return
    _log.warning("document %s was unfinished and nobody worked on it: ordered again", row.document_id)
    await insert_job(connection, row.organization_id, row.project_id, ingest_document.NAME, arguments)
