"""All tokens of all tenants in memory, by keyed hash: presented text in, Caller out, without any I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from portico.server.access.caller import Caller
from portico.server.errors import ForeignProject, TokenBlocked, Unauthorized
from portico.server.ids import OrganizationId, ProjectId
from portico.server.kit.clock import Clock, system_clock
from portico.server.storage.changes import Change
from portico.server.storage.database import Database
from portico.server.storage.known_tokens import (
    KnownToken,
    batches_of_known_tokens,
    fingerprints,
    list_known_projects,
)
from portico.server.storage.secrets import InstallationKey

_TABLES = ("organizations", "projects", "tokens")
# Callers remembered by the bytes of their headers; far more than a process has at once, and bounded.
CACHE_ENTRIES = 16_384
# From so many changed organizations on, one query for all is quicker than one for each.
_MANY = 20


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

    def find(self, presented: str) -> Caller:
        """Raises Unauthorized (unknown, expired) and TokenBlocked (blocked, revoked, project deleted)."""
        return self.admit(self.find_known(presented))

    def find_known(self, presented: str) -> Known:
        """The token whether or not it may be used. Raises Unauthorized."""
        known = self._tokens.get(self._key.hash_token(presented))
        if known is None:
            raise Unauthorized
        return known

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
            raise ForeignProject
        return ProjectId(project_id), name

    def remember(self, key: object, known: Known) -> None:
        if len(self.cache) >= CACHE_ENTRIES:
            self.cache.clear()
        self.cache[key] = known

    async def follow(self, change: Change) -> None:
        """Subscriber of `Changes`."""
        if change.table is None:
            await self._refresh_changed()
        elif change.table in _TABLES:
            await self.refresh(change.organization_id)

    async def refresh(self, organization_id: OrganizationId | None = None) -> None:
        """Read the tokens of one organization, or all, again."""
        async with self._lock:  # one after the other: an older answer must not overwrite a newer one
            await self._read(organization_id)

    async def _refresh_changed(self) -> None:
        async with self._lock:
            async with self._database.begin() as connection:
                now = await fingerprints(connection)
            changed = [o for o in now.keys() | self._tenants.keys() if self._fingerprint_of(o) != now.get(o)]
            if len(changed) > _MANY:
                await self._read(None)
            else:
                for organization_id in changed:
                    await self._read(organization_id)

    def _fingerprint_of(self, organization_id: OrganizationId) -> str | None:
        tenant = self._tenants.get(organization_id)
        return None if tenant is None else tenant.fingerprint

    async def _read(self, organization_id: OrganizationId | None) -> None:
        async with self._database.begin() as connection:
            # Before the rows: a change in between is then found the next time, not missed.
            prints = await fingerprints(connection, organization_id)
            tenants = {tenant: Tenant(fingerprint, {}, {}) for tenant, fingerprint in prints.items()}
            everything: dict[bytes, Known] = {}
            # An organization that came in between has rows but no fingerprint; the news of it is on the way.
            async for tokens in batches_of_known_tokens(connection, organization_id):
                for token in tokens:
                    if token.organization_id in tenants:
                        known = everything[token.hash] = _known(token)
                        tenants[token.organization_id].tokens[token.hash] = known
            for project in await list_known_projects(connection, organization_id):
                if project.organization_id in tenants:
                    tenants[project.organization_id].projects[project.project_id] = project.name
        if organization_id is None:
            self._tenants, self._tokens = tenants, everything
            self.cache.clear()
        else:
            self.put([organization_id], tenants)

    def put(self, stale: Iterable[OrganizationId], fresh: Mapping[OrganizationId, Tenant]) -> None:
        """In place and without a pause, so that no request sees half of it and a change costs what it touches."""
        for organization_id in stale:
            for old in self._tenants.pop(organization_id, _NOBODY).tokens:
                self._tokens.pop(old, None)
        self._tenants.update(fresh)
        for tenant in fresh.values():
            self._tokens.update(tenant.tokens)
        self.cache.clear()


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
    )
    return Known(caller, token.usable, None if token.expires_at is None else token.expires_at.timestamp())
