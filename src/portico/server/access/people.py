"""All users, sessions and roles in memory: an access token and the place that the headers name in, Caller out, no I/O.

Fed by the same news as the tokens: a session that is ended is refused everywhere within a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from portico.server.access.caller import Caller, Roles, Scope, Standing
from portico.server.access.session_refusals import SessionFinished, SessionRefused, TokenExpired, TokenRevoked
from portico.server.access.system_roles import ALL_ASSISTANTS, ORGANIZATION_ADMINISTRATOR, PROJECT_ADMINISTRATOR
from portico.server.errors import Forbidden, ForeignProject
from portico.server.ids import OrganizationId, ProjectId, TokenId, UserId
from portico.server.kit.clock import Clock
from portico.server.storage.audit import INSTALLATION
from portico.server.storage.changes import UNKNOWN, Change
from portico.server.storage.database import Database
from portico.server.storage.known_users import (
    KnownGrant,
    KnownSession,
    KnownUser,
    fingerprint,
    list_known_grants,
    list_known_sessions,
    list_known_users,
)

_OF_USERS = ("users", "sessions")
_OF_ORGANIZATIONS = ("roles", "memberships", "projects", "organizations")
_CACHE_ENTRIES = 16_384
_EXTERNAL_ENTRIES = 65_536
_SLICE = 1_000
T = TypeVar("T")
ProjectNames = Callable[[OrganizationId, ProjectId], str | None]
"""The name of a living project, None for what is no project of the organization."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user in one place, and the session that says so."""

    caller: Caller
    session: KnownSession


class People:
    """Filled by `refresh`, kept fresh by `follow`, asked by `authenticate` for what is no API token."""

    def __init__(self, database: Database, clock: Clock, project_name: ProjectNames) -> None:
        self._database = database
        self._clock = clock
        self._project_name = project_name
        self._users: dict[UserId, KnownUser] = {}
        self._sessions: dict[bytes, KnownSession] = {}
        self._hashes: dict[UserId, list[bytes]] = {}
        self._external: dict[bytes, KnownSession] = {}
        self._grants: dict[OrganizationId, dict[UserId, tuple[KnownGrant, ...]]] = {}
        self._fingerprint = ""
        self._lock = asyncio.Lock()
        self.cache: dict[object, SignedIn] = {}
        self.external_issuers = False
        """Whether a token that is unknown here may be one of an issuer: then it is worth to be verified."""

    def maybe_session(self, access_hash: bytes) -> KnownSession | None:
        return self._sessions.get(access_hash) or self._external.get(access_hash)

    def find(self, session: KnownSession, project: str, organization: str) -> SignedIn:
        """The user of a session, in the place that the headers name ("" for none), both in lower case.

        Raises Forbidden (403, id 403) when he has no role there, ForeignProject (403, id 2006) for a project that is
        not of the organization.
        """
        self.check(session)
        user = self._users[session.user_id]
        grants = [grant for tenant in self._grants.values() for grant in tenant.get(user.user_id, ())]
        if project:
            return SignedIn(self._in_project(user, grants, project, organization), session)
        return SignedIn(_anywhere(user, grants, organization), session)

    def _in_project(self, user: KnownUser, grants: list[KnownGrant], project: str, organization: str) -> Caller:
        names = {grant.organization_id: grant.organization_name for grant in grants}
        homes = [home for home in names if self._project_name(home, ProjectId(project)) is not None]
        administers = bool(homes) and _administers(grants, homes[0])
        here = [grant for grant in grants if grant.project_id == project]
        if not homes or not (here or administers):
            raise Forbidden
        if organization and organization != homes[0]:
            raise ForeignProject
        assistants = None if administers or any(map(_lets_into_all, here)) else _listed(here)
        standing: Standing = "administrator" if administers else _standing(here)
        roles = Roles(standing, assistants, administers, user.system_administrator)
        caller = _caller(user, homes[0], names[homes[0]], "project", roles)
        project_id = ProjectId(project)
        return replace(caller, project_id=project_id, project_name=self._project_name(homes[0], project_id))

    def check(self, session: KnownSession) -> None:
        """At every request, because a session expires without any change of a row. Raises the 401 that says why."""
        if session.ended_by:
            raise SessionFinished if session.ended_by == "user" else TokenRevoked
        if session.expires_at.timestamp() <= self._clock():
            raise TokenExpired
        user = self._users.get(session.user_id)
        if user is None or not user.active:
            raise SessionRefused

    def roles_of(self, user_id: UserId) -> list[str]:
        """Names of all roles that a user holds anywhere, each once."""
        held = (grant.role for tenant in self._grants.values() for grant in tenant.get(user_id, ()))
        user = self._users.get(user_id)
        mine = ["System Administrator"] if user is not None and user.system_administrator else []
        return mine + sorted(set(held))

    def remember(self, key: object, signed_in: SignedIn) -> None:
        if len(self.cache) >= _CACHE_ENTRIES:
            self.cache.clear()
        self.cache[key] = signed_in

    def admit_external(self, access_hash: bytes, user_id: UserId, expires_at: float) -> None:
        """A token of an external issuer that was verified: good until it expires."""
        if len(self._external) >= _EXTERNAL_ENTRIES:
            self._external.clear()
        ends = datetime.fromtimestamp(expires_at, UTC)
        self._external[access_hash] = KnownSession(access_hash, "", user_id, ends, "")

    def forget_external(self, user_id: UserId) -> None:
        """His tokens of issuers are to be verified again: the groups in them may be others now."""
        self._external = {key: one for key, one in self._external.items() if one.user_id != user_id}
        self.cache.clear()

    async def follow(self, changes: frozenset[Change]) -> None:
        """Told by the snapshot of the tokens what changed."""
        if UNKNOWN in changes:
            await self.refresh()
            return
        users = {str(one.organization_id) for one in changes if one.table in _OF_USERS}
        organizations = {one.organization_id for one in changes if one.organization_id}
        named = {one.organization_id for one in changes if one.table in _OF_ORGANIZATIONS} & organizations
        if users or named:
            await self.refresh(users=users, organizations={str(one) for one in named if one})

    async def refresh(
        self, *, users: Collection[str] | None = None, organizations: Collection[str] | None = None
    ) -> None:
        """Read these anew, or everything when neither is named and anything changed."""
        async with self._lock, self._database.begin() as connection:
            everything = users is None and organizations is None
            # Before the rows: a change in between is then found the next time, not missed.
            mark = await fingerprint(connection) if everything else ""
            if everything and mark == self._fingerprint:
                return
            whose, where = (None, None) if everything else (users or (), organizations or ())
            if whose is None or whose:
                people = await list_known_users(connection, whose)
                await self._put_users(whose, people, await list_known_sessions(connection, whose))
            if where is None or where:
                await self._put_grants(where, await list_known_grants(connection, where))
            self._fingerprint = mark  # now and not before: what could not be read is read the next time
            self.cache.clear()

    async def _put_users(
        self, whose: Collection[str] | None, people: Iterable[KnownUser], sessions: Sequence[KnownSession]
    ) -> None:
        """Prepared with pauses and put in place without one, so that no request waits long or sees half of it."""
        known: dict[bytes, KnownSession] = {}
        hashes: dict[UserId, list[bytes]] = {}
        async for session in _with_pauses(sessions):
            known[session.access_hash] = session
            hashes.setdefault(session.user_id, []).append(session.access_hash)
        found = {one.user_id: one for one in people}
        if whose is None:
            self._users, self._sessions, self._hashes = found, known, hashes
            return
        for user_id in map(UserId, whose):
            self._users.pop(user_id, None)
            for access_hash in self._hashes.pop(user_id, ()):
                self._sessions.pop(access_hash, None)
        self._users |= found
        self._sessions |= known
        self._hashes |= hashes

    async def _put_grants(self, where: Collection[str] | None, grants: Sequence[KnownGrant]) -> None:
        fresh: dict[OrganizationId, dict[UserId, tuple[KnownGrant, ...]]] = {}
        async for grant in _with_pauses(grants):
            tenant = fresh.setdefault(grant.organization_id, {})
            tenant[grant.user_id] = (*tenant.get(grant.user_id, ()), grant)
        for organization in list(self._grants) if where is None else [OrganizationId(one) for one in where]:
            self._grants.pop(organization, None)
        self._grants |= fresh


async def _with_pauses(items: Sequence[T]) -> AsyncIterator[T]:
    """Gives way to other tasks after each thousand, about a millisecond."""
    for start in range(0, len(items), _SLICE):
        for item in items[start : start + _SLICE]:
            yield item
        await asyncio.sleep(0)


def _anywhere(user: KnownUser, grants: list[KnownGrant], organization: str) -> Caller:
    """In the organization named; without a name, in the one that is the user's only one."""
    theirs = [grant for grant in grants if not organization or grant.organization_id == organization]
    if organization and not theirs:
        raise Forbidden
    if len({grant.organization_id for grant in theirs}) != 1:
        return _caller(user, INSTALLATION, "", "user", Roles(system_administrator=user.system_administrator))
    administers = _administers(theirs, theirs[0].organization_id)
    roles = Roles("none", frozenset(), administers, user.system_administrator)
    scope: Scope = "organization" if administers else "user"
    return _caller(user, theirs[0].organization_id, theirs[0].organization_name, scope, roles)


def _caller(user: KnownUser, organization: OrganizationId, name: str, scope: Scope, roles: Roles) -> Caller:
    return Caller(
        organization, name, TokenId(user.user_id), scope, user_id=user.user_id, user_email=user.email, roles=roles
    )


def _standing(grants: Iterable[KnownGrant]) -> Standing:
    found: Standing = "none"
    for grant in grants:
        if grant.backend and grant.system and grant.role == PROJECT_ADMINISTRATOR:
            return "administrator"
        found = "backend" if grant.backend or found == "backend" else "frontend"
    return found


def _administers(grants: Iterable[KnownGrant], organization: OrganizationId) -> bool:
    return any(
        grant.organization_id == organization
        and grant.project_id is None
        and grant.system
        and grant.role == ORGANIZATION_ADMINISTRATOR
        for grant in grants
    )


def _lets_into_all(grant: KnownGrant) -> bool:
    return grant.backend or (grant.system and grant.role == ALL_ASSISTANTS)


def _listed(grants: Iterable[KnownGrant]) -> frozenset[str]:
    return frozenset(assistant for grant in grants for assistant in grant.assistants)
