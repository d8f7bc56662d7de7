"""The assistants of a project, as the Organization API lists them and as a client shows them to choose from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from portico.server.access.caller import Caller
from portico.server.access.places import find_place
from portico.server.access.policy import require
from portico.server.access.refusals import OrganizationNotFound
from portico.server.access.tenancy import Tenancy
from portico.server.assistants.definitions import read_revision
from portico.server.assistants.render import FindId, show_item
from portico.server.errors import OutOfRange, OutOfScope
from portico.server.storage.assistants import AssistantRow, RevisionRow, list_assistants, list_revisions
from portico.wire.assistants import AssistantList
from portico.wire.projects import Plugin, PluginList


async def list_items(tenancy: Tenancy, caller: Caller, query: Mapping[str, str], find_id: FindId) -> AssistantList:
    """With `detail=full` all revisions of each. A token of the organization names the project: header or `projectId`.

    Raises OutOfScope (403, id 7) when it does not, ProjectNotInOrganization (404, id 2006), OutOfRange (400, id 8).
    """
    require(caller, "organization_reads")
    detail, named = query.get("detail", "summary").lower(), query.get("projectid")
    if detail not in ("summary", "full"):
        raise OutOfRange("detail", "send summary or full")
    if named is None and caller.project_id is None:
        raise OutOfScope
    async with tenancy.database.begin() as connection:
        project = (await find_place(connection, caller, named)).project
        place = project.organization_id, project.project_id
        rows = await list_assistants(connection, place)
        spoken = await list_revisions(connection, place) if detail == "full" else None
    revisions = None if spoken is None else _by_assistant(spoken)
    items = [show_item(row, None if revisions is None else revisions[row.assistant_id], find_id) for row in rows]
    return AssistantList(project_id=project.project_id, project_name=project.name, assistants=items)


async def list_plugins(tenancy: Tenancy, caller: Caller, query: Mapping[str, str]) -> PluginList:
    """Enabled assistants of `project`, the caller's by default; a user sees those that he may execute.

    Raises OrganizationNotFound (404, id 2004), NoProjectChosen (400, id 9), ProjectNotInOrganization (404, id 2006).
    """
    require(caller, "catalog")
    organization = query.get("organization")
    if organization is not None and organization not in (caller.organization_id, caller.organization_name):
        raise OrganizationNotFound
    async with tenancy.database.begin() as connection:
        project = (await find_place(connection, caller, query.get("project"))).project
        place = project.organization_id, project.project_id
        rows = await list_assistants(connection, place)
        active = {row.assistant_id: row for row in await list_revisions(connection, place, active=True)}
    opened = None if caller.roles is None else caller.roles.assistants
    return PluginList(
        plugins=[
            _plugin(row, active[row.assistant_id])
            for row in rows
            if row.enabled and row.assistant_id in active and (opened is None or row.assistant_id in opened)
        ]
    )


def _plugin(row: AssistantRow, active: RevisionRow) -> Plugin:
    settings = read_revision(active).settings
    return Plugin(
        plugin_id=row.assistant_id,
        plugin_name=row.name,
        plugin_description=row.description,
        plugin_type=row.type,
        max_output_tokens=settings.max_tokens or 0,
        upload_files=settings.upload_files,
    )


def _by_assistant(revisions: Iterable[RevisionRow]) -> Mapping[str, list[RevisionRow]]:
    found: defaultdict[str, list[RevisionRow]] = defaultdict(list)
    for one in revisions:
        found[one.assistant_id].append(one)
    return found
