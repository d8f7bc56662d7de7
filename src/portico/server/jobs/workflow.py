"""What a workflow is to the engine: organization, project and the job's arguments in, nothing out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from dbos import DBOS

from portico.server.ids import OrganizationId, ProjectId
from portico.server.jobs.patience import Patience
from portico.server.jobs.slots import Slots
from portico.server.jobs.steps import settle
from portico.server.jobs.turns import GiveUp, Turns

Workflow = Callable[[str, str, dict[str, Any]], Coroutine[Any, Any, None]]
GAVE_UP = "ended its worker again and again"
_log = logging.getLogger("portico.jobs")


class Job(Protocol):
    """What is done for the jobs of one name, in steps."""

    async def run(self, organization_id: OrganizationId, project_id: ProjectId, arguments: dict[str, Any]) -> None: ...

    async def give_up(self, organization_id: OrganizationId, project_id: ProjectId, arguments: dict[str, Any]) -> None:
        """Says to whoever waits for it that nothing will come. No step of the run; may be called twice."""
        ...


def make_workflow(name: str, job: Job, slots: Slots, turns: Turns) -> Workflow:
    """`job` under the name of its jobs. Jobs are started by it, and found by it when they are taken up again."""

    async def workflow(organization_id: str, project_id: str, arguments: dict[str, Any]) -> None:
        run_id = DBOS.workflow_id or ""
        whose = (OrganizationId(organization_id), ProjectId(project_id), arguments)
        async with slots.enter(run_id):
            try:
                async with turns.take(run_id):
                    await job.run(*whose)
            except GiveUp:
                _log.error("run %s of %s %s: it is given up: %s", run_id, name, GAVE_UP, arguments)
                await _give_up(job, whose)
                await turns.forget(run_id)

    workflow.__qualname__ = name
    # The engine counts each start of a worker against every run that is open; `turns` knows better who is at fault.
    made: Workflow = DBOS.workflow(name=name, max_recovery_attempts=None)(workflow)
    return made


async def _give_up(job: Job, whose: tuple[OrganizationId, ProjectId, dict[str, Any]]) -> None:
    async def body(_: Patience) -> None:
        await job.give_up(*whose)

    outcome = await settle("give up", body)
    if outcome:  # the engine keeps it as failed, and the housekeeping finds what it has left
        raise RuntimeError(outcome.get("reason", "it could not be given up"))
