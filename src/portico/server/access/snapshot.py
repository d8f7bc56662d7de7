"""All tokens of all tenants in memory, by keyed hash: presented text in, Caller out, without any I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access.caller import Caller
from portico.server.access.people import People
from portico.server.errors import ForeignProject, TokenBlocked, Unauthorized
from portico.server.ids import OrganizationId, ProjectId, TokenId
from portico.server.kit.clock import Clock, system_clock
from portico.server.kit.guids import maybe_guid
from portico.server.storage.audit import INSTALLATION
from portico.server.storage.changes import UNKNOWN, Change
from portico.server.storage.database import Database
from portico.server.storage.known_tokens import (
    KnownToken,
    fingerprints,
    list_known_projects,
    list_known_tokens,
)
from portico.server.storage.secrets import InstallationKey

_TABLES = ("organizations", "projects", "tokens")
# Callers remembered by the bytes of their headers; far more than a process has at once, and bounded.
CACHE_ENTRIES = 16_384
# Organizations read at once; between two chunks the event loop serves requests.
_CHUNK = 250


@dataclass(frozen=True, slots=True)
class Known:
    """One token: who it is, whether it may be used, and until when (Unix seconds)."""

    caller: Caller
    usable: bool
    expires_at: float | None


@dataclass(frozen=True, slots=True)
class Tenant:
    """One organization: its tokens by hash, its projects, and a mark that changes with any of its rows."""

    fingerprint: str
    tokens: dict[bytes, Known]
    projects: dict[ProjectId, str]


_NOBODY = Tenant("", {}, {})


class TokenSnapshot:
    """Filled by `refresh`, kept fresh by `follow`, asked by `find` and, through its cache, by `authenticate`."""

    def __init__(self, database: Database, key: InstallationKey, clock: Clock = system_clock) -> None:
        self._database = database
        self._key = key
        self._clock = clock
        self._tokens: dict[bytes, Known] = {}
        self._tenants: dict[OrganizationId, Tenant] = {}
        self._lock = asyncio.Lock()
        # Filled by `authenticate`, which alone knows its keys; emptied here, whenever anything changes.
        self.cache: dict[object, Known] = {}
        self.people = People(database, clock, self._maybe_project_name)

    def find(self, presented: str) -> Caller:
        """Raises Unauthorized (unknown, expired) and TokenBlocked (blocked, revoked, project deleted)."""
        return self.admit(self.find_known(presented))

    def find_known(self, presented: str) -> Known:
        """The token whether or not it may be used. Raises Unauthorized."""
        known = self.maybe_known(self._key.hash_token(presented))
        if known is None:
            raise Unauthorized
        return known

    def hash_of(self, presented: str) -> bytes:
        return self._key.hash_token(presented)

    def maybe_known(self, token_hash: bytes) -> Known | None:
        return self._tokens.get(token_hash)

    def add_root(self, token: str) -> None:
        """The token of the host, from its settings: it administers the installation and does nothing else."""
        caller = Caller(INSTALLATION, "", TokenId(INSTALLATION), "installation", token_name="root")
        self._tokens[self._key.hash_token(token)] = Known(caller, True, None)

    def admit(self, known: Known) -> Caller:
        """Asked at every request, because a token expires without any change of a row."""
        if not known.usable:
            raise TokenBlocked
        if known.expires_at is not None and known.expires_at <= self._clock():
            raise Unauthorized
        return known.caller

    def find_project(self, caller: Caller, project_id: str) -> tuple[ProjectId, str]:
        """Id and name of a project of the caller's organization. Raises ForeignProject, also for unknown ones."""
        tenant = self._tenants.get(caller.organization_id, _NOBODY)
        name = tenant.projects.get(ProjectId(project_id))
        if name is None:
            raise ForeignProject(is_id=maybe_guid(project_id) is not None)
        return ProjectId(project_id), name

    def _maybe_project_name(self, organization_id: OrganizationId, project_id: ProjectId) -> str | None:
        return self._tenants.get(organization_id, _NOBODY).projects.get(project_id)

    def remember(self, key: object, known: Known) -> None:
        if len(self.cache) >= CACHE_ENTRIES:
            self.cache.clear()
        self.cache[key] = known

    async def follow(self, changes: frozenset[Change]) -> None:
        """Subscriber of `Changes`."""
        if UNKNOWN in changes:
            await self.refresh()
        elif named := {one.organization_id for one in changes if one.organization_id and one.table in _TABLES}:
            await self.refresh(*named)
        # After the projects: whose names it asks here.
        await self.people.follow(changes)

    async def refresh(self, *organization_ids: OrganizationId) -> None:
        """Bring these organizations, or all, up to date: what has another fingerprint than before is read again."""
        # One after the other: an older answer must not overwrite a newer one.
        async with self._lock, self._database.begin() as connection:
            # Before the rows: a change in between is then found the next time, not missed.
            prints = await fingerprints(connection, organization_ids)
            asked = organization_ids or prints.keys() | self._tenants.keys()
            changed = [tenant for tenant in asked if self._fingerprint_of(tenant) != prints.get(tenant)]
            for first in range(0, len(changed), _CHUNK):
                await self._read(connection, changed[first : first + _CHUNK], prints)

    def _fingerprint_of(self, organization_id: OrganizationId) -> str | None:
        tenant = self._tenants.get(organization_id)
        return None if tenant is None else tenant.fingerprint

    async def _read(
        self, connection: AsyncConnection, stale: Sequence[OrganizationId], prints: Mapping[OrganizationId, str]
    ) -> None:
        fresh = {tenant: Tenant(prints[tenant], {}, {}) for tenant in stale if tenant in prints}
        for token in await list_known_tokens(connection, stale):
            if token.organization_id in fresh:
                fresh[token.organization_id].tokens[token.hash] = _known(token)
        for project in await list_known_projects(connection, stale):
            if project.organization_id in fresh:
                fresh[project.organization_id].projects[project.project_id] = project.name
        self.put(stale, fresh)

    def put(self, stale: Iterable[OrganizationId], fresh: Mapping[OrganizationId, Tenant]) -> None:
        """In place and without a pause, so that no request sees half of it and a change costs what it touches."""
        for organization_id in stale:
            for old in self._tenants.pop(organization_id, _NOBODY).tokens:
                self._tokens.pop(old, None)
        self._tenants.update(fresh)
        for tenant in fresh.values():
            self._tokens.update(tenant.tokens)
        self.cache.clear()
        self.people.cache.clear()


def choose_project(known: Known, project_id: ProjectId, name: str) -> Known:
    """The same token, acting on one project of its organization."""
    return replace(known, caller=replace(known.caller, project_id=project_id, project_name=name))


def _known(token: KnownToken) -> Known:
    caller = Caller(
        organization_id=token.organization_id,
        organization_name=token.organization_name,
        token_id=token.token_id,
        scope="organization" if token.project_id is None else "project",
        project_id=token.project_id,
        project_name=token.project_name,
        token_name=token.name,
    )
    return Known(caller, token.usable, None if token.expires_at is None else token.expires_at.timestamp())
