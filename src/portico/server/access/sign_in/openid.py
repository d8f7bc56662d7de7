"""Tokens of external issuers: verified once, then known in memory until they expire. The user is made at first sight.

Groups give roles, by the setting or by a role's external id; a group that is gone takes them with the next token.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access import audit
from portico.server.access.emails import read_email
from portico.server.access.session_refusals import SessionRefused, TokenNotValid
from portico.server.access.sign_in.sessions import caller_for
from portico.server.access.sign_in.unproven import issuer_of
from portico.server.access.tenancy import Tenancy, clean_text
from portico.server.errors import BadRequest, Unauthorized
from portico.server.storage.external_roles import Place, find_by_external_id, find_by_name, list_granted_by
from portico.server.storage.roles import delete_memberships, insert_membership
from portico.server.storage.users import (
    UserRow,
    insert_user,
    maybe_user_by_email,
    maybe_user_by_subject,
    update_user,
)

if TYPE_CHECKING:
    from portico.server.access.sign_in.issuers import Claims, Issuer

SYSTEM_ADMINISTRATOR = "System Administrator"
LONGEST_NAME = 100
MOST_GROUPS = 1_000


@dataclass(frozen=True, slots=True)
class GroupRole:
    """What the operator says a group stands for. No organization: system administrator; no project: a role of the
    organization itself."""

    group: str
    organization: str
    project: str
    role: str


class OpenId:
    """One per process."""

    def __init__(
        self, tenancy: Tenancy, issuers: Sequence[Issuer], groups_claim: str, roles: Sequence[GroupRole] = ()
    ) -> None:
        self._tenancy = tenancy
        self._issuers = {issuer.address: issuer for issuer in issuers}
        self._groups_claim = groups_claim
        self._roles = tuple(roles)
        tenancy.snapshot.people.external_issuers = bool(issuers)

    @property
    def issuers(self) -> tuple[str, ...]:
        return tuple(self._issuers)

    async def verify(self, token: str) -> None:
        """Afterwards the token is known. Raises Unauthorized and its kin. May be driven (kit/drive.py)."""
        task = asyncio.get_running_loop().create_task(self._verify(token))
        try:
            await task
        except asyncio.CancelledError:
            task.cancel()
            raise

    async def verify_if_unknown(self, token: str) -> None:
        """The same for a route that reads its token itself; what is no token of an issuer is left alone."""
        people, known = self._tenancy.snapshot.people, self._tenancy.key.hash_token(token)
        if self._issuers and token.count(".") == 2 and people.maybe_session(known) is None:
            await self._verify(token)

    async def _verify(self, token: str) -> None:
        issuer = self._issuers.get(issuer_of(token))
        if issuer is None:
            raise Unauthorized
        claims = await issuer.verify(token)
        async with self._tenancy.database.begin() as connection:
            user = await self._find_or_make(connection, issuer.address, claims)
            if not user.active:
                raise SessionRefused
            changed = await self._give_roles(connection, issuer.address, user, claims)
        people = self._tenancy.snapshot.people
        await people.refresh(users={user.user_id}, organizations={organization for organization, _ in changed})
        people.admit_external(self._tenancy.key.hash_token(token), user.user_id, float(claims["exp"]))

    async def _find_or_make(self, connection: AsyncConnection, issuer: str, claims: Claims) -> UserRow:
        """By issuer and subject; else by address, which then belongs to this subject; else made.

        An address that the issuer itself has not verified, or that another subject has, lets nobody in.
        """
        subject = clean_text(str(claims["sub"]))
        known = await maybe_user_by_subject(connection, issuer, subject)
        if known is not None:
            return known
        email = _email(claims)
        names = {"first_name": _name(claims, "given_name"), "last_name": _name(claims, "family_name")}
        identity = {"issuer": issuer, "subject": subject}
        made = await insert_user(connection, email, **names, **identity)
        if made is not None:
            await self._record(connection, made, "create", {"issuer": issuer})
            return made
        there = await maybe_user_by_email(connection, email, lock=True)
        if there is not None and (there.issuer, there.subject) == (issuer, subject):
            return there  # made in this moment: the first requests of a program come together
        if there is None or there.issuer:
            raise TokenNotValid
        # Who can sign in here already is not given away for a word that nobody vouches for.
        if (there.password_hash or there.system_administrator) and not _is_verified(claims):
            raise TokenNotValid("The issuer does not say that the e-mail address is verified.")
        bound = await update_user(connection, there.user_id, identity)
        await self._record(connection, there, "update", {"issuer": issuer})
        return bound or there

    async def _give_roles(self, connection: AsyncConnection, issuer: str, user: UserRow, claims: Claims) -> set[Place]:
        groups, granted_by = _groups(claims, self._groups_claim), f"oidc:{issuer}"
        await self._make_administrator(connection, user, groups)
        wanted: set[Place] = set()
        for row in self._roles:
            if row.group in groups and row.organization:
                wanted |= await find_by_name(connection, row.organization, row.project, row.role)
        held = await list_granted_by(connection, user.user_id, granted_by)
        given = await _give(connection, user, wanted - held, granted_by)
        # Afterwards: one who is of an organization now is reached by the external ids of its roles.
        wanted |= await find_by_external_id(connection, user.user_id, groups)
        given |= await _give(connection, user, wanted - held - given, granted_by)
        for organization, role in held - wanted:
            await delete_memberships(connection, organization, user.user_id, [role])
        if given or held - wanted:
            details = {"given": len(given), "taken": len(held - wanted), "issuer": issuer}
            await self._record(connection, user, "update", details)
        return given | (held - wanted)

    async def _make_administrator(self, connection: AsyncConnection, user: UserRow, groups: frozenset[str]) -> None:
        """Only where the setting says which group; who came by a link keeps what he was made."""
        naming = [row for row in self._roles if not row.organization and row.role == SYSTEM_ADMINISTRATOR]
        is_one = any(row.group in groups for row in naming)
        if naming and is_one != user.system_administrator and (is_one or user.password_hash is None):
            await update_user(connection, user.user_id, {"system_administrator": is_one})
            await self._record(connection, user, "update", {"systemAdministrator": is_one})

    async def _record(
        self, connection: AsyncConnection, user: UserRow, action: audit.Action, details: Mapping[str, object]
    ) -> None:
        await audit.record(
            connection, self._tenancy, caller_for(user), action, "user", user.user_id, user.email, details=details
        )


def read_group_roles(text: str) -> tuple[GroupRole, ...]:
    """`group=Organization/Project/Role`, `group=Organization//Role` or `group=System Administrator`, with commas.

    Raises ValueError.
    """
    found = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        group, equals, target = (part.strip() for part in item.partition("="))
        names = [name.strip() for name in target.split("/")]
        if group and equals and names == [SYSTEM_ADMINISTRATOR]:
            found.append(GroupRole(group, "", "", SYSTEM_ADMINISTRATOR))
        elif group and equals and len(names) == 3 and names[0] and names[2]:
            found.append(GroupRole(group, *names))
        else:
            raise ValueError(f"{item!r}: write group=Organization/Project/Role")
    return tuple(found)


async def _give(connection: AsyncConnection, user: UserRow, roles: set[Place], granted_by: str) -> set[Place]:
    """Those that were new to him: what somebody gave him by hand stays that."""
    return {
        (organization, role)
        for organization, role in sorted(roles)
        if await insert_membership(connection, organization, role, user.user_id, granted_by)
    }


def _email(claims: Claims) -> str:
    if "email_verified" in claims and not _is_verified(claims):
        raise TokenNotValid("The issuer has not verified the e-mail address.")
    try:
        return read_email(claims.get("email"), "email")
    except BadRequest:
        raise TokenNotValid("The token has no e-mail address in its claim `email`.") from None


def _is_verified(claims: Claims) -> bool:
    return claims.get("email_verified") in (True, "true")


def _groups(claims: Claims, name: str) -> frozenset[str]:
    value = claims.get(name)
    listed = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(clean_text(group) for group in listed[:MOST_GROUPS] if isinstance(group, str) and group)


def _name(claims: Claims, name: str) -> str:
    return clean_text(str(claims.get(name) or ""))[:LONGEST_NAME]
