"""RAG assistants of a project: make, list, read, change, delete."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access import audit
from portico.server.access.caller import Caller
from portico.server.access.organizations.projects import ACTIVE, HIDDEN
from portico.server.access.places import find_place
from portico.server.access.policy import require
from portico.server.access.tenancy import Tenancy, refuse_duplicate
from portico.server.assistants.search.find import Profiles, names_of
from portico.server.assistants.search.options import join, section_of
from portico.server.assistants.search.profiles.log import read_entry
from portico.server.assistants.search.profiles.members import GivenProfile, check_size, read_change, read_new
from portico.server.assistants.search.profiles.render import show
from portico.server.assistants.search.reading import Json
from portico.server.assistants.search.refusals import ProfileExists, ProfileInvalid, ProfileNotFound
from portico.server.settings import Secret
from portico.server.storage import documents as documents_rows
from portico.server.storage import search_profiles as rows
from portico.server.storage.projects import ProjectRow
from portico.server.storage.search_logs import insert_entry
from portico.server.storage.search_profiles import ProfileKey, ProfileRow
from portico.server.storage.secrets import SealBroken, SecretBox
from portico.wire.search import ProfileItem, ProfileList

KIND = "search_profile"
_PURPOSE = "search profiles"


@dataclass(frozen=True, slots=True)
class SearchProfiles:
    """One per process. `profiles` reads what is stored."""

    tenancy: Tenancy
    profiles: Profiles

    async def list_all(self, caller: Caller, *, include_disabled: bool = False) -> ProfileList:
        """By name, with what is known of the project. Raises NoProjectChosen."""
        require(caller, "assistants")
        async with self.tenancy.database.begin() as connection:
            project = (await find_place(connection, caller)).project
            found = await rows.list_profiles(
                connection, project.organization_id, project.project_id, include_disabled=include_disabled
            )
        return ProfileList(
            project_id=project.project_id,
            project_name=project.name,
            project_description=project.description,
            project_active=project.active,
            project_status=ACTIVE if project.active else HIDDEN,
            search_profiles=[ProfileItem(name=name, description=description) for name, description in found],
        )

    async def find(self, caller: Caller, name: str) -> Json:
        """Raises ProfileNotFound (404, id 1010)."""
        require(caller, "assistants")
        async with self.tenancy.database.begin() as connection:
            project = (await find_place(connection, caller)).project
            row = await find_row(connection, project, name)
        return self._show(caller, row)

    async def create(self, caller: Caller, body: Mapping[str, Any]) -> Json:
        """Raises NameEmpty (2007), ProfileExists (2020), ProfileInvalid (2024), UnknownModel (2016), and ids 2, 2032;
        8 and 11 for the start page."""
        require(caller, "assistants")
        given = read_new(body)
        name = given.name or ""
        async with refuse_duplicate(ProfileExists), self.tenancy.database.begin() as connection:
            project = (await find_place(connection, caller, lock=True)).project
            base = await _find_template(connection, project, given.template)
            options, kept = ({}, {}) if base is None else (base.options, self._open(base))
            if given.welcome_data is None and "welcomeData" in options:  # a copy begins with the page, too
                given = replace(given, welcome_data=options["welcomeData"])
            row = await rows.insert_profile(
                connection,
                project.organization_id,
                project.project_id,
                name=name,
                description=given.description or "",
                options=self._join(caller, options, given),
            )
            row = replace(row, enabled=given.enabled is not False, sealed=self._seal(row.key, kept, given.keys))
            await rows.update_profile(connection, row)
            await self._record(connection, caller, "create", row)
        return self._show(caller, row)

    async def change(self, caller: Caller, name: str, body: Mapping[str, Any]) -> Json:
        """What is not said stays, but the start page. Raises ProfileNotFound, and what `create` raises but 2007 and
        2020."""
        require(caller, "assistants")
        given = read_change(body)
        async with self._changing(caller, name) as (connection, row):
            row = replace(
                row,
                description=row.description if given.description is None else given.description,
                enabled=row.enabled if given.enabled is None else given.enabled,
                options=self._join(caller, row.options, given),
                sealed=self._seal(row.key, self._open(row), given.keys) if given.keys else row.sealed,
            )
            await rows.update_profile(connection, row)
            await self._record(connection, caller, "update", row)
        return self._show(caller, row)

    async def delete(self, caller: Caller, name: str) -> list[str]:
        """With its documents and what is indexed of them; the keys of their bytes. Raises ProfileNotFound."""
        require(caller, "assistants")
        async with self._changing(caller, name) as (connection, row):
            gone = await documents_rows.delete_documents(connection, row.key)
            await rows.delete_profile(connection, row.key)
            await self._record(connection, caller, "delete", row, {"documents": len(gone)} if gone else None)
        return [blob for blob, _ in gone]

    async def log(self, caller: Caller, name: str, body: Mapping[str, Any]) -> None:
        """Keeps a remark of a tool that fills the profile. Raises ProfileNotFound, ProfileInvalid."""
        require(caller, "assistants")
        entry = read_entry(body)
        async with self._changing(caller, name) as (connection, row):
            await insert_entry(connection, row.key, entry)

    @asynccontextmanager
    async def _changing(self, caller: Caller, name: str) -> AsyncIterator[tuple[AsyncConnection, ProfileRow]]:
        async with self.tenancy.database.begin() as connection:
            project = (await find_place(connection, caller)).project
            yield connection, await find_row(connection, project, name, lock="NO KEY UPDATE")

    def _join(self, caller: Caller, stored: Json, given: GivenProfile) -> Json:
        """The options as they are to be stored: with models that there are."""
        options = join(stored, given)
        before, models = section_of(stored, "searchOptions"), self.profiles.models
        told = given.search
        for section, find in (("llm", models.find_chat), ("embeddings", models.find_embedding)):
            if section in told:
                old, new = section_of(before, section), told[section]
                options["searchOptions"][section] |= find(caller, new, old)
        check_size(options)
        return options

    def _show(self, caller: Caller, row: ProfileRow) -> Json:
        models = self.profiles.models
        embedding = models.embedding(caller, row, as_set="embeddings" in section_of(row.options, "searchOptions"))
        model = models.maybe_model(caller, embedding.model)
        dimensions = embedding.dimensions or (0 if model is None else model.dimensions)
        return show(row, self.profiles.read(caller, row), embedding, dimensions)

    def _seal(self, key: ProfileKey, kept: Mapping[str, str], given: Mapping[str, str]) -> bytes | None:
        """The keys of the profile's own endpoints, encrypted: nobody is ever shown them."""
        keys = {name: value for name, value in {**kept, **given}.items() if value}
        if not keys:
            return None
        return _box(self.tenancy).seal(Secret(msgspec.json.encode(keys).decode()), _context(key))

    def _open(self, row: ProfileRow) -> dict[str, str]:
        if row.sealed is None:
            return {}
        try:
            opened = _box(self.tenancy).open(row.sealed, _context(row.key))
            return msgspec.json.decode(opened.encode(), type=dict[str, str])
        except SealBroken:  # sealed under a key that is lost: they have to be given again
            return {}

    async def _record(
        self,
        connection: AsyncConnection,
        caller: Caller,
        action: audit.Action,
        row: ProfileRow,
        details: Mapping[str, object] | None = None,
    ) -> None:
        await audit.record(
            connection, self.tenancy, caller, action, KIND, row.key.profile_id, row.name, details=details
        )


async def find_row(connection: AsyncConnection, project: ProjectRow, name: str, *, lock: str = "") -> ProfileRow:
    """By its name as it stands in a path. Raises ProfileNotFound."""
    place = project.organization_id, project.project_id
    literal, *others = names_of(name)
    row = await rows.maybe_profile(connection, *place, literal, lock=lock)
    if row is None and others:  # some plus signs may be blanks and some may not
        listed = await rows.list_profiles(connection, *place, include_disabled=True)
        alike = [one for one, _ in listed if one.replace("+", " ") == others[0]]
        chosen = others[0] if others[0] in alike or len(alike) != 1 else alike[0]
        row = await rows.maybe_profile(connection, *place, chosen, lock=lock)
    if row is None:
        raise ProfileNotFound
    return row


async def _find_template(connection: AsyncConnection, project: ProjectRow, name: str | None) -> ProfileRow | None:
    if name is None:
        return None
    try:
        return await find_row(connection, project, name)
    except ProfileNotFound:
        raise ProfileInvalid("template", "there is no RAG assistant of this name") from None


def _box(tenancy: Tenancy) -> SecretBox:
    return SecretBox([tenancy.key], _PURPOSE)


def _context(key: ProfileKey) -> str:
    return f"{key.organization_id}/{key.project_id}/{key.profile_id}"
