"""Links that let somebody in once: the first system administrator, an invited user, one who forgot his password.

A link ends in `/setup#<kind>-<secret>`; what follows the `#` never travels in a request line, so no log has it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access import audit
from portico.server.access.emails import read_email
from portico.server.access.members import grant
from portico.server.access.sign_in.passwords import Passwords
from portico.server.access.sign_in.refusals import EmailTaken, LinkNotValid
from portico.server.access.sign_in.sessions import caller_for
from portico.server.access.system_roles import ORGANIZATION_ADMINISTRATOR, PROJECT_ADMINISTRATOR
from portico.server.access.tenancy import Tenancy, clean_text
from portico.server.errors import OutOfRange
from portico.server.ids import UserId
from portico.server.kit.clock import Clock, system_clock
from portico.server.kit.hashing import random_text
from portico.server.storage.organizations import list_organizations
from portico.server.storage.projects import list_projects
from portico.server.storage.secrets import InstallationKey
from portico.server.storage.sessions import end_sessions
from portico.server.storage.setup_links import LinkKind, LinkRow, insert_link, maybe_link, use_link
from portico.server.storage.users import UserRow, count_administrators, insert_user, maybe_user, update_user

LIFE_H = {"setup": 24, "invitation": 72, "reset": 24}
LONGEST_NAME = 100
# Of two first administrators at once, the second comes too late; see also the lock of the first start.
_LOCK = 0x706F7274696371


@dataclass(frozen=True, slots=True)
class NewLink:
    """`fragment` is what stands behind `/setup#`; it is known here and to whoever gets it."""

    fragment: str = field(repr=False)
    expires_at: datetime

    def at(self, url: str) -> str:
        return f"{url.rstrip('/')}/setup#{self.fragment}"


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody fills in who follows a link. `email` counts for the first administrator only."""

    link: str = field(repr=False)
    password: str = field(repr=False)
    email: str = ""
    first_name: str = ""
    last_name: str = ""


async def make_link(
    connection: AsyncConnection,
    key: InstallationKey,
    kind: LinkKind,
    user_id: UserId | None = None,
    clock: Clock = system_clock,
) -> NewLink:
    """A new link; the one before it, of the same kind for the same user, is dead."""
    secret = random_text()
    expires_at = datetime.fromtimestamp(clock(), UTC) + timedelta(hours=LIFE_H[kind])
    await insert_link(connection, key.hash_token(secret), kind, user_id, expires_at)
    return NewLink(f"{kind}-{secret}", expires_at)


async def follow_link(tenancy: Tenancy, passwords: Passwords, choice: Choice, clock: Clock = system_clock) -> UserRow:
    """The user with his new password; his older sessions have ended.

    Raises LinkNotValid (404), PasswordTooShort, FieldRequired, PatternMismatch for an address that is none,
    EmailTaken (409). Nothing is used up by a refusal.
    """
    hashed = tenancy.key.hash_token(_secret(choice))
    passwords.accept(choice.password)
    now = datetime.fromtimestamp(clock(), UTC)
    async with tenancy.database.begin() as connection:  # before the slow hash, which is not for everybody
        if await maybe_link(connection, hashed, now) is None:
            raise LinkNotValid
    password_hash = await passwords.hash(choice.password)
    async with tenancy.database.begin() as connection:
        link = await maybe_link(connection, hashed, now)
        if link is None:
            raise LinkNotValid
        await use_link(connection, hashed)
        user = await _let_in(connection, tenancy, link, choice, password_hash)
    await tenancy.snapshot.people.refresh(users={user.user_id})
    await tenancy.snapshot.refresh()
    return user


async def _let_in(
    connection: AsyncConnection, tenancy: Tenancy, link: LinkRow, choice: Choice, password_hash: str
) -> UserRow:
    names = {"first_name": _name(choice.first_name, "firstName"), "last_name": _name(choice.last_name, "lastName")}
    if link.user_id is None:
        return await _make_first(connection, tenancy, read_email(choice.email, "email"), names, password_hash)
    given = {column: name for column, name in names.items() if name}
    user = await update_user(connection, link.user_id, {"password_hash": password_hash, **given})
    if user is None or not user.active:
        raise LinkNotValid
    await end_sessions(connection, user.user_id, "password")
    details = {"password": "chosen", "link": link.kind}
    await audit.record(
        connection, tenancy, caller_for(user), "update", "user", user.user_id, user.email, details=details
    )
    return user


async def _make_first(
    connection: AsyncConnection, tenancy: Tenancy, email: str, names: dict[str, str], password_hash: str
) -> UserRow:
    """A system administrator, who also administers the first organization and its first project."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    values = {**names, "password_hash": password_hash, "system_administrator": True}
    user = await insert_user(connection, email, **values)
    if user is None:
        raise EmailTaken(email)
    organizations = await list_organizations(connection)
    if organizations and await count_administrators(connection) == 1:
        home = organizations[0].organization_id
        await grant(connection, home, ORGANIZATION_ADMINISTRATOR, None, user.user_id, "setup")
        for project in (await list_projects(connection, home))[:1]:
            await grant(connection, home, PROJECT_ADMINISTRATOR, project.project_id, user.user_id, "setup")
    details = {"systemAdministrator": True, "link": "setup"}
    await audit.record(
        connection, tenancy, caller_for(user), "create", "user", user.user_id, user.email, details=details
    )
    return user


async def find_for_link(connection: AsyncConnection, user_id: UserId) -> tuple[UserRow | None, LinkKind]:
    """The user, and which kind of link he needs: an invitation as long as he has no password."""
    user = await maybe_user(connection, user_id)
    return user, "reset" if user is not None and user.password_hash else "invitation"


def _secret(choice: Choice) -> str:
    """Of `<kind>-<secret>`, of a whole link, or of the secret alone, which may have dashes in it."""
    fragment = choice.link.strip().rpartition("#")[2]
    kind, dash, secret = fragment.partition("-")
    return secret if dash and kind in LIFE_H else fragment


def _name(name: str, field: str) -> str:
    clean = clean_text(name)
    if len(clean) > LONGEST_NAME:
        raise OutOfRange(field, f"at most {LONGEST_NAME} characters")
    return clean
