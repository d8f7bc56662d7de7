"""Assistants of a project: make, read, change, publish, compare, delete. What was said is never written over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access import audit
from portico.server.access.caller import Caller
from portico.server.access.places import find_place
from portico.server.access.policy import require
from portico.server.access.tenancy import Tenancy, refuse_duplicate
from portico.server.assistants.api import members as api
from portico.server.assistants.api.members import Trusts, check_service
from portico.server.assistants.definitions import Definitions
from portico.server.assistants.members import Change, GivenSettings, read_change, read_new, read_type
from portico.server.assistants.models import Models
from portico.server.assistants.refusals import (
    AssistantNameTaken,
    AssistantNotInProject,
    AssistantOfAnotherType,
    AssistantRevisionNotFound,
    PromptEmpty,
    RevisionEmpty,
    RevisionUpdateError,
)
from portico.server.assistants.render import diff, show, show_revision
from portico.server.errors import AssistantNotFound
from portico.server.kit.guids import maybe_guid
from portico.server.kit.texts import storable
from portico.server.storage.assistants import (
    AssistantRow,
    NewRevision,
    Place,
    RevisionRow,
    delete_assistant,
    insert_assistant,
    insert_revision,
    is_elsewhere,
    list_revisions,
    list_words,
    maybe_assistant,
    maybe_revision,
    update_assistant,
)
from portico.server.storage.projects import ProjectRow
from portico.wire.assistants import Assistant, RevisionDiff, RevisionHistory, RevisionSettings

FIRST = RevisionSettings(temperature=0.1)
FIRSTS = {api.KIND: api.FIRST}
"""What a new assistant has where its maker says nothing."""
_read_settings = msgspec.json.Decoder(RevisionSettings).decode


@dataclass(frozen=True, slots=True)
class Assistants:
    """One per process. `trusts` says whether the service at an address may be called."""

    tenancy: Tenancy
    definitions: Definitions
    models: Models
    trusts: Trusts = field(default=lambda url: True)

    async def create(self, caller: Caller, body: dict[str, Any]) -> Assistant:
        """With revision 1, active. Raises ids 2, 2007, 2008, 2009, 2012, 2016, 2030, and 8 or 11 with the member."""
        require(caller, "assistants")
        kind, said = read_type(body), read_new(body)
        assert said.name is not None  # read_new has seen to it
        check_service(kind, said.service, self.trusts, is_new=True)
        first = self._say(caller, said, None, FIRSTS.get(kind, FIRST))
        async with refuse_duplicate(AssistantNameTaken), self._change(caller) as (connection, project):
            place = _place(project)
            row = await insert_assistant(
                connection,
                place,
                type=kind,
                name=said.name,
                description=said.description or "",
                welcome_data=said.welcome_data,
            )
            await insert_revision(connection, place, row.assistant_id, 1, 1, replace(first, name=first.name or "1"))
            await self._record(connection, caller, "create", row)
            made = await _find_revision(connection, row, 1)
        return show(row, [made], project.name)

    async def find(self, caller: Caller, id_or_name: str, *, full: bool = False) -> Assistant:
        """With its active revision or, `full`, with all. Raises AssistantNotFound (404, id 1)."""
        require(caller, "assistants")
        async with self.tenancy.database.begin() as connection:
            project = (await find_place(connection, caller)).project
            row = await _find(connection, caller, _place(project), id_or_name)
            if full:
                revisions = await list_revisions(connection, _place(project), [row.assistant_id])
            else:  # the one that `row` says, though another be published in between
                revisions = [await _find_revision(connection, row, row.active_revision)]
        return show(row, revisions, project.name)

    async def change(self, caller: Caller, id_or_name: str, body: dict[str, Any]) -> Assistant:
        """What the body says; see the reference for `action`. The answer shows the revision concerned.

        Raises AssistantNotFound, ids 2, 2007, 2008, 2011, 2013, 2014, 2015, 2016, 2030, 2032, and 8 or 11.
        """
        require(caller, "assistants")
        said = read_change(body)
        async with refuse_duplicate(AssistantNameTaken), self._change(caller) as (connection, project):
            row = await _find(connection, caller, _place(project), id_or_name, lock=True)
            check_service(row.type, said.service, self.trusts, is_new=False)
            row, concerned = await self._apply(connection, caller, row, said)
            row = replace(
                row,
                name=said.name or row.name,
                description=row.description if said.description is None else said.description,
                enabled=row.enabled if said.enabled is None else said.enabled,
                welcome_data=row.welcome_data if said.action == "publish" else said.welcome_data,
            )
            await update_assistant(connection, row)
            publishes = said.action in ("publish", "savePublishNewRevision")
            await self._record(connection, caller, "publish" if publishes else "update", row, concerned)
            shown = await _find_revision(connection, row, concerned)
        return show(row, [shown], project.name)

    async def delete(self, caller: Caller, id_or_name: str) -> None:
        """With all that it ever said. Raises AssistantNotFound."""
        require(caller, "assistants")
        async with self._change(caller) as (connection, project):
            row = await _find(connection, caller, _place(project), id_or_name, lock=True)
            await delete_assistant(connection, _place(project), row.assistant_id)
            await self._record(connection, caller, "delete", row)

    async def find_data(self, caller: Caller, id_or_name: str) -> NoReturn:
        """The data of a Data Analyst assistant, which no assistant here is.

        Raises AssistantNotFound, AssistantOfAnotherType (400, id 2041).
        """
        await self.find(caller, id_or_name)
        raise AssistantOfAnotherType

    async def compare(self, caller: Caller, id_or_name: str, before: int | None, after: int | None) -> RevisionDiff:
        """Two revisions; without numbers the active one and the newest. Raises AssistantRevisionNotFound."""
        require(caller, "assistants")
        async with self.tenancy.database.begin() as connection:
            project = (await find_place(connection, caller)).project
            row = await _find(connection, caller, _place(project), id_or_name)
            old = await _find_revision(connection, row, row.active_revision if before is None else before)
            new = await _find_revision(connection, row, row.last_revision if after is None else after)
        return diff(row.assistant_id, old, new)

    async def history(self, caller: Caller, id_or_name: str, revision_id: int) -> RevisionHistory:
        """What one revision has ever said, oldest first: `save` adds to it. Raises AssistantRevisionNotFound."""
        require(caller, "assistants")
        async with self.tenancy.database.begin() as connection:
            project = (await find_place(connection, caller)).project
            row = await _find(connection, caller, _place(project), id_or_name)
            words = await list_words(connection, _place(project), row.assistant_id, revision_id)
        if not words:
            raise AssistantRevisionNotFound
        return RevisionHistory(
            assistant_id=row.assistant_id, revision_id=revision_id, words=[show_revision(word) for word in words]
        )

    @asynccontextmanager
    async def _change(self, caller: Caller) -> AsyncIterator[tuple[AsyncConnection, ProjectRow]]:
        """A transaction; after it this process knows the change at once, and the others within a second."""
        async with self.tenancy.database.begin() as connection:
            yield connection, (await find_place(connection, caller)).project
        await self.definitions.refresh(caller.organization_id)

    async def _apply(
        self, connection: AsyncConnection, caller: Caller, row: AssistantRow, said: Change
    ) -> tuple[AssistantRow, int]:
        """What the change does to the revisions; the number of the one concerned."""
        if said.action == "publish":
            return await _publish(connection, row, said)
        if said.action == "save":
            return await self._save(connection, caller, row, said)
        if said.prompt is None:
            raise PromptEmpty(param="prompt")
        base = await _find_revision(connection, row, said.revision_id or row.active_revision)
        number, serial = row.last_revision + 1, row.last_serial + 1
        new = self._say(caller, said, base)
        name = said.revision_name or str(number)
        await insert_revision(connection, _place(row), row.assistant_id, number, serial, replace(new, name=name))
        active = number if said.action == "savePublishNewRevision" else row.active_revision
        return replace(row, last_revision=number, last_serial=serial, active_revision=active), number

    async def _save(
        self, connection: AsyncConnection, caller: Caller, row: AssistantRow, said: Change
    ) -> tuple[AssistantRow, int]:
        """Another word on a revision, the active one by default; without any the assistant itself is changed."""
        names = said.revision_name is not None or said.revision_description is not None
        speaks = said.settings is not None or bool(said.service)
        if said.prompt is None and said.revision_id is not None and (speaks or not names):
            raise PromptEmpty(param="prompt")
        if said.prompt is None and speaks:
            text = "Revision Is Empty: send revisionId and prompt with llmSettings, openApi and authentication"
            raise RevisionEmpty(text, param="revisionId")
        if said.prompt is None and not names:
            return row, row.active_revision
        base = await _find_revision(connection, row, said.revision_id or row.active_revision)
        serial = row.last_serial + 1
        new = self._say(caller, said, base)
        await insert_revision(connection, _place(row), row.assistant_id, base.revision_id, serial, new)
        return replace(row, last_serial=serial), base.revision_id

    def _say(
        self, caller: Caller, said: Change, base: RevisionRow | None, first: RevisionSettings = FIRST
    ) -> NewRevision:
        """A revision: what is said, and for the rest what `base` has. Raises ProviderTypeNotFound, UnknownModel."""
        given = said.settings or GivenSettings()
        named = (base.provider, base.model) if base is not None else None
        provider, model = self.models.find(caller, given.provider, given.model, named)
        before = first if base is None else _read_settings(base.settings)
        settings = msgspec.structs.replace(before, **given.members, **said.service)
        kept = base.description if base is not None else ""
        return NewRevision(
            name=said.revision_name or (base.name if base is not None else ""),
            description=kept if said.revision_description is None else said.revision_description,
            prompt=said.prompt or (base.prompt if base is not None else ""),
            provider=provider,
            model=model,
            settings=msgspec.json.encode(settings).decode(),
            created_by=caller.user_email or caller.token_name,
        )

    async def _record(
        self,
        connection: AsyncConnection,
        caller: Caller,
        action: audit.Action,
        row: AssistantRow,
        revision_id: int | None = None,
    ) -> None:
        details = {"revision": revision_id} if revision_id is not None else None
        await audit.record(
            connection, self.tenancy, caller, action, "assistant", row.assistant_id, row.name, details=details
        )


async def _publish(connection: AsyncConnection, row: AssistantRow, said: Change) -> tuple[AssistantRow, int]:
    """Makes a revision the active one: an older one, too."""
    if said.revision_id is None:
        raise RevisionEmpty("Revision Is Empty: send the revisionId to publish", param="revisionId")
    if said.prompt is not None or said.settings is not None or said.service:
        text = "Assistant Revision Update Error: publish makes a revision active and changes nothing in it"
        raise RevisionUpdateError(text, param="prompt")
    await _find_revision(connection, row, said.revision_id)
    return replace(row, active_revision=said.revision_id), said.revision_id


async def _find(
    connection: AsyncConnection, caller: Caller, place: Place, id_or_name: str, *, lock: bool = False
) -> AssistantRow:
    """By id, then by name. Raises AssistantNotFound; AssistantNotInProject (404, id 2031) for another project's id."""
    guid = maybe_guid(id_or_name)
    if guid:
        row = await maybe_assistant(connection, place, assistant_id=guid, lock=lock)
        if row is not None:
            return row
    name = storable(id_or_name)
    row = await maybe_assistant(connection, place, name=name, lock=lock) if name else None
    if row is not None:
        return row
    if guid and caller.scope == "project" and await is_elsewhere(connection, caller.organization_id, guid):
        raise AssistantNotInProject
    raise AssistantNotFound


async def _find_revision(connection: AsyncConnection, row: AssistantRow, number: int) -> RevisionRow:
    found = await maybe_revision(connection, _place(row), row.assistant_id, revision_id=number)
    if found is None:
        raise AssistantRevisionNotFound
    return found


def _place(row: ProjectRow | AssistantRow) -> Place:
    return row.organization_id, row.project_id
