"""Takes jobs out of the database and starts their workflows, one project after the other.

A job is locked while its workflow is started under the job's own id, and deleted after that: a worker that dies in
between leaves the row, the next one starts the same workflow again, and the engine knows it already.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from itertools import count

from dbos import DBOS, SetWorkflowAttributes, SetWorkflowID

from portico.server.errors import PorticoError
from portico.server.ids import OrganizationId, ProjectId
from portico.server.jobs.faults import Faults
from portico.server.jobs.slots import Slots
from portico.server.jobs.workflow import Workflow
from portico.server.storage import jobs as rows
from portico.server.storage.database import Database

POLL_S = 5.0
"""Notifications are heard at once; this is for one that was sent while the connection was away."""
_AGAIN_S = 1.0
_log = logging.getLogger("portico.jobs")


class Dispatcher:
    """One per worker. `workflows` are those this version knows: jobs of other names are left to others."""

    def __init__(self, database: Database, slots: Slots, workflows: Mapping[str, Workflow], faults: Faults) -> None:
        self._database = database
        self._slots = slots
        self._workflows = workflows
        self._faults = faults
        self._news = asyncio.Event()
        self._turn = count()
        self._served: dict[tuple[OrganizationId, ProjectId], int] = {}

    def hear(self, _payload: str = "") -> None:
        """There are new jobs."""
        self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._slots.wait_for_room()
            self._news.clear()
            try:
                begun = await self.begin_one()
            except PorticoError as error:
                _log.warning("no job was taken: %s", error.message)
                await asyncio.sleep(_AGAIN_S)
            except Exception:
                _log.exception("no job was taken")
                await asyncio.sleep(_AGAIN_S)
            else:
                if not begun:
                    await self._wait_for_news()

    async def begin_one(self) -> bool:
        """Starts the oldest job of the project that was served longest ago. False when there is none to take."""
        async with self._database.begin() as connection:
            projects = await rows.list_projects(connection)
            self._served = {project: self._served.get(project, -1) for project in projects}
            for project in sorted(projects, key=self._served.__getitem__):
                job = await rows.maybe_take(connection, *project, self._workflows)
                if job is not None:
                    self._served[project] = next(self._turn)
                    self._faults.pass_by("dispatch")
                    await self._start(job)
                    self._faults.pass_by("dispatch+")
                    await rows.delete_job(connection, job.organization_id, job.project_id, job.job_id)
                    return True
        return False

    async def _start(self, job: rows.JobRow) -> None:
        attributes = {"project": job.project_id, **job.arguments}
        with SetWorkflowID(job.job_id), SetWorkflowAttributes(attributes):
            await DBOS.start_workflow_async(
                self._workflows[job.name], job.organization_id, job.project_id, dict(job.arguments)
            )

    async def _wait_for_news(self) -> None:
        try:
            async with asyncio.timeout(POLL_S):
                await self._news.wait()
        except TimeoutError:
            return
