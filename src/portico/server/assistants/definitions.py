"""The assistants of all projects in memory, each with its active revision; other revisions are read when asked for.

Filled and kept fresh by `follow`, a subscriber of `Changes`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access.caller import Caller
from portico.server.assistants.refusals import AssistantRevisionNotFound
from portico.server.errors import AssistantNotFound
from portico.server.ids import OrganizationId, ProjectId
from portico.server.storage.assistants import (
    AssistantRow,
    Place,
    RevisionRow,
    list_assistants,
    list_changes,
    list_counts,
    list_revisions,
    maybe_revision,
)
from portico.server.storage.changes import UNKNOWN, Change
from portico.server.storage.database import Database
from portico.wire.assistants import RevisionSettings

__all__ = ["Definition", "Definitions", "Revision", "RevisionSettings", "read_revision"]

REVISIONS_KEPT = 1_000
_TABLE = "assistants"
_NOTHING: Mapping[str, Definition] = {}
_read_settings = msgspec.json.Decoder(RevisionSettings).decode


@dataclass(frozen=True, slots=True)
class Revision:
    """What one revision says. `provider` is empty for an alias of the project."""

    revision_id: int
    name: str
    description: str
    prompt: str
    provider: str
    model: str
    settings: RevisionSettings
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Definition:
    """An assistant as it is run."""

    organization_id: OrganizationId
    project_id: ProjectId
    assistant_id: str
    type: str
    name: str
    description: str
    enabled: bool
    active: Revision


_Shelf = dict[str, tuple[Definition, int]]
"""The assistants of a project by id, each with how often it has changed."""


class Definitions:
    """One per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._marks: dict[Place, str] = {}
        self._shelves: dict[Place, _Shelf] = {}
        self._projects: dict[ProjectId, Mapping[str, Definition]] = {}
        self._read: dict[tuple[object, ...], Revision] = {}
        self._lock = asyncio.Lock()

    def find(self, caller: Caller, name_or_id: str) -> Definition:
        """An enabled assistant of the caller's project. Raises AssistantNotFound (404, id 1)."""
        known = _NOTHING if caller.project_id is None else self._projects.get(caller.project_id, _NOTHING)
        found = known.get(name_or_id) or known.get(_folded(name_or_id))
        if found is None or not found.enabled:
            raise AssistantNotFound(param="model")
        return found

    async def find_revision(self, definition: Definition, revision: int | None, name: str | None) -> Revision:
        """By number or by name; with neither the active one. Raises AssistantRevisionNotFound (404, id 2014)."""
        if revision is None and name is None:
            return definition.active
        place, which = (definition.organization_id, definition.project_id), (revision, name)
        mark = self._marks.get(place)
        key = (definition.assistant_id, mark, *which)
        known = self._read.get(key)
        if known is not None:
            return known
        async with self._database.begin() as connection:
            row = await maybe_revision(
                connection, place, definition.assistant_id, revision_id=revision, name=name or ""
            )
        if row is None:
            raise AssistantRevisionNotFound
        found = read_revision(row)
        if len(self._read) >= REVISIONS_KEPT:
            self._read.clear()
        self._read[key] = found
        return found

    async def follow(self, changes: frozenset[Change]) -> None:
        """Subscriber of `Changes`."""
        if UNKNOWN in changes:
            await self.refresh()
        elif named := {one.organization_id for one in changes if one.organization_id and one.table == _TABLE}:
            await self.refresh(*named)

    async def refresh(self, *organization_ids: OrganizationId) -> None:
        """Bring these organizations, or all, up to date: what has changed since the last time is read again."""
        async with self._lock, self._database.begin() as connection:
            # Before the rows: a change in between is then found the next time, not missed.
            marks = await list_changes(connection, organization_ids)
            held = {place for place in self._marks if not organization_ids or place[0] in organization_ids}
            for place in held - marks.keys():
                del self._marks[place], self._shelves[place], self._projects[place[1]]
            for place, mark in marks.items():
                if self._marks.get(place) != mark:
                    shelf = self._shelves[place] = await _read_shelf(connection, place, self._shelves.get(place))
                    self._projects[place[1]] = _by_name([one for one, _ in shelf.values()])
                    self._marks[place] = mark


async def _read_shelf(connection: AsyncConnection, place: Place, before: _Shelf | None) -> _Shelf:
    """All assistants of a project; those that have not changed are taken over."""
    counts = await list_counts(connection, place)
    held = {key: one for key, one in (before or {}).items() if counts.get(key) == one[1]}
    changed = [key for key in counts if key not in held]
    active = {row.assistant_id: row for row in await list_revisions(connection, place, changed, active=True)}
    for row in await list_assistants(connection, place, changed):
        if row.assistant_id in active:
            held[row.assistant_id] = _define(row, active[row.assistant_id]), counts[row.assistant_id]
    return held


def _by_name(found: Sequence[Definition]) -> Mapping[str, Definition]:
    """And by id, and in any case where that is unambiguous; a name that is another's id does not hide that."""
    folded = Counter(_folded(one.name) for one in found)
    return {
        **{_folded(one.name): one for one in found if folded[_folded(one.name)] == 1},
        **{_folded(one.assistant_id): one for one in found},
        **{one.name: one for one in found},
        **{one.assistant_id: one for one in found},
    }


def _folded(name: str) -> str:
    """For a look in any case; no name begins like this, so that it is found after the exact ones only."""
    return f"\0{name.lower()}"


def _define(row: AssistantRow, active: RevisionRow) -> Definition:
    return Definition(
        row.organization_id,
        row.project_id,
        row.assistant_id,
        row.type,
        row.name,
        row.description,
        row.enabled,
        read_revision(active),
    )


def read_revision(row: RevisionRow) -> Revision:
    return Revision(
        row.revision_id,
        row.name,
        row.description,
        row.prompt,
        row.provider,
        row.model,
        _read_settings(row.settings),
        row.created_at,
    )
