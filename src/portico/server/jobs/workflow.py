"""What a workflow is to the engine: organization, project and the job's arguments in, nothing out."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from dbos import DBOS

from portico.server.ids import OrganizationId, ProjectId
from portico.server.jobs.slots import Slots

Workflow = Callable[[str, str, dict[str, Any]], Coroutine[Any, Any, None]]
Run = Callable[[OrganizationId, ProjectId, dict[str, Any]], Coroutine[Any, Any, None]]
RECOVERIES = 5
"""How often a run is taken up again that ended its worker in the same step; then it is the run that is at fault."""


def make_workflow(name: str, run: Run, slots: Slots) -> Workflow:
    """`run` under the name of its jobs. Jobs are started by it, and found by it when they are taken up again."""

    async def workflow(organization_id: str, project_id: str, arguments: dict[str, Any]) -> None:
        async with slots.take(DBOS.workflow_id or ""):
            await run(OrganizationId(organization_id), ProjectId(project_id), arguments)

    workflow.__qualname__ = name
    made: Workflow = DBOS.workflow(name=name, max_recovery_attempts=RECOVERIES)(workflow)
    return made
