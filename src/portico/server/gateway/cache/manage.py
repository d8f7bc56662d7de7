"""Forgetting the cached answers of a project, as its owner asks for it."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access import audit
from portico.server.access.caller import Caller
from portico.server.access.places import find_project
from portico.server.access.policy import require
from portico.server.access.tenancy import Tenancy
from portico.server.gateway.cache.answers import AnswerCache


async def clear(cache: AnswerCache, tenancy: Tenancy, caller: Caller) -> int:
    """How many answers were stored. Raises FieldRequired when no project is chosen."""
    require(caller, "project_tokens")
    project_id = find_project(caller)

    async def told(connection: AsyncConnection, removed: int) -> None:
        details = {"removed": removed}
        await audit.record(
            connection, tenancy, caller, "clear", "cache", project_id, project_id=project_id, details=details
        )

    return await cache.clear(caller.organization_id, project_id, told)
