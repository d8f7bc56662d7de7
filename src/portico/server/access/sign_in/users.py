"""The users of the installation, for system administrators; and what everybody may do to himself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access import audit
from portico.server.access.caller import Caller
from portico.server.access.emails import read_email
from portico.server.access.paging import read_page
from portico.server.access.policy import require
from portico.server.access.sign_in.refusals import EmailTaken, GrantNotValid, LastAdministrator, UserNotFound
from portico.server.access.sign_in.sessions import SignIn
from portico.server.access.sign_in.setup_links import LONGEST_NAME, find_for_link, make_link
from portico.server.access.tenancy import Tenancy, clean_text, maybe_text
from portico.server.errors import Forbidden, PatternMismatch
from portico.server.ids import UserId
from portico.server.kit.clock import wire_time
from portico.server.kit.guids import read_guid
from portico.server.storage import users as rows
from portico.server.storage.audit import INSTALLATION
from portico.server.storage.sessions import end_sessions, list_sessions
from portico.server.storage.users import UserRow, maybe_user, maybe_user_by_email, update_user
from portico.wire.auth import Session, SessionList, SetupLink, User, UserList


async def list_users(tenancy: Tenancy, caller: Caller, query: Mapping[str, str]) -> UserList:
    """By address. `filterValue` is looked for in the addresses; pages as everywhere."""
    require(caller, "installation")
    page = read_page(query, "email")
    async with tenancy.database.begin() as connection:
        count, found = await rows.list_users(
            connection, text=query.get("filtervalue", ""), size=page.size, offset=page.offset
        )
    return UserList(users=[show(user) for user in found], count=count, pages=page.pages(count))


async def find_user(tenancy: Tenancy, caller: Caller, user: str) -> User:
    """By id or address. Raises UserNotFound (404)."""
    require(caller, "installation")
    async with tenancy.database.begin() as connection:
        return show(await _find(connection, user))


async def create_user(tenancy: Tenancy, caller: Caller, body: Mapping[str, Any], url: str) -> User:
    """Invited: the answer has the link by which he chooses his password. Raises EmailTaken (409, id 4002)."""
    require(caller, "installation")
    email = read_email(body.get("email"), "email")
    names = {column: name or "" for column, name in _names(body).items()}
    administrator = _flag(body, "systemAdministrator") or False
    async with tenancy.database.begin() as connection:
        user = await rows.insert_user(connection, email, system_administrator=administrator, **names)
        if user is None:
            raise EmailTaken(email)
        link = await make_link(connection, tenancy.key, "invitation", user.user_id)
        details = {"systemAdministrator": administrator}
        await audit.record(
            connection, tenancy, _here(caller), "invite", "user", user.user_id, email, project_id="", details=details
        )
    await tenancy.snapshot.people.refresh(users={user.user_id})
    shown = show(user)
    shown.setup_link = link.at(url)
    return shown


async def change_user(tenancy: Tenancy, caller: Caller, user: str, body: Mapping[str, Any]) -> User:
    """`status` Active or Blocked, `systemAdministrator`, names. Raises UserNotFound, LastAdministrator (409).

    Who is blocked is signed out everywhere, and refused within a second.
    """
    require(caller, "installation")
    blocked, administrator = _status(body), _flag(body, "systemAdministrator")
    values: dict[str, object] = {column: name for column, name in _names(body).items() if name is not None}
    if blocked is not None:
        values["active"] = not blocked
    if administrator is not None:
        values["system_administrator"] = administrator
    async with tenancy.database.begin() as connection:
        before = await _find(connection, user)
        others = await rows.count_administrators(connection) - (before.system_administrator and before.active)
        after = await update_user(connection, before.user_id, values) if values else before
        if after is None:
            raise UserNotFound(user)
        was, remains = (one.system_administrator and one.active for one in (before, after))
        if was and not remains and not others:
            raise LastAdministrator
        if blocked:
            await end_sessions(connection, before.user_id, "administrator")
        action: audit.Action = "update" if blocked is None else "block" if blocked else "unblock"
        details = {key: body[key] for key in ("status", "systemAdministrator") if key in body}
        await audit.record(
            connection,
            tenancy,
            _here(caller),
            action,
            "user",
            after.user_id,
            after.email,
            project_id="",
            details=details,
        )
    await _tell(tenancy, after.user_id)
    return show(after)


async def create_link(tenancy: Tenancy, caller: Caller, user: str, url: str) -> SetupLink:
    """A new way in: an invitation for who has no password yet, else one to choose another. Raises UserNotFound."""
    require(caller, "installation")
    async with tenancy.database.begin() as connection:
        found, kind = await find_for_link(connection, (await _find(connection, user)).user_id)
        if found is None or not found.active:
            raise UserNotFound(user)
        link = await make_link(connection, tenancy.key, kind, found.user_id)
        await audit.record(
            connection, tenancy, _here(caller), "create", "setup_link", found.user_id, found.email, project_id="",
            details={"kind": kind},
        )  # fmt: skip
    return SetupLink(link.at(url), wire_time(link.expires_at))


async def list_user_sessions(tenancy: Tenancy, caller: Caller, user: str) -> SessionList:
    """`me` is the caller himself; anybody else only for system administrators."""
    async with tenancy.database.begin() as connection:
        found = await _find_allowed(connection, caller, user)
        sessions = await list_sessions(connection, found.user_id)
    return SessionList(
        [
            Session(
                one.session_id,
                one.client_id,
                wire_time(one.created_at),
                wire_time(one.used_at),
                wire_time(one.refresh_expires_at),
            )
            for one in sessions
        ]
    )


async def end_user_sessions(tenancy: Tenancy, caller: Caller, user: str, session_id: str | None) -> int:
    """One session or all. Raises UserNotFound, also for a session that is none of his."""
    wanted = None if session_id is None else read_guid(session_id, UserNotFound(clean_text(session_id)))
    async with tenancy.database.begin() as connection:
        found = await _find_allowed(connection, caller, user)
        by = "user" if found.user_id == caller.user_id else "administrator"
        ended = await end_sessions(connection, found.user_id, "user" if by == "user" else "administrator",
                                   session_id=wanted)  # fmt: skip
        if wanted is not None and not ended:
            raise UserNotFound(wanted)
        await audit.record(
            connection, tenancy, _here(caller), "revoke", "session", wanted or found.user_id, found.email, project_id=""
        )
    await _tell(tenancy, found.user_id)
    return ended


async def show_self(tenancy: Tenancy, caller: Caller) -> User:
    """Raises Forbidden for a token: it is nobody."""
    async with tenancy.database.begin() as connection:
        return show(await _find_self(connection, caller))


async def change_password(sign_in: SignIn, caller: Caller, body: Mapping[str, Any], address: str) -> None:
    """`password` is the one until now, `newPassword` the next; all sessions end, this one too.

    Raises GrantNotValid (401), PasswordTooShort (400, id 8), TooManyAttempts (429).
    """
    tenancy = sign_in.tenancy
    fresh = sign_in.passwords.accept(_raw(body, "newPassword"), "newPassword")
    async with tenancy.database.begin() as connection:
        user = await _find_self(connection, caller)
    if user.password_hash is None:
        raise GrantNotValid("This user signs in at an external issuer or by a link.")
    await sign_in.check_password(user.email, _raw(body, "password"), address)
    hashed = await sign_in.passwords.hash(fresh)
    async with tenancy.database.begin() as connection:
        await update_user(connection, user.user_id, {"password_hash": hashed})
        await end_sessions(connection, user.user_id, "password")
        details = {"password": "changed"}
        await audit.record(
            connection,
            tenancy,
            _here(caller),
            "update",
            "user",
            user.user_id,
            user.email,
            project_id="",
            details=details,
        )
    await _tell(tenancy, user.user_id)


def show(user: UserRow) -> User:
    return User(
        id=user.user_id,
        email=user.email,
        name=user.name,
        first_name=user.first_name,
        last_name=user.last_name,
        status="Active" if user.active else "Blocked",
        system_administrator=user.system_administrator,
        has_password=user.password_hash is not None,
        issuer=user.issuer,
        created_at=wire_time(user.created_at),
        last_login_at="" if user.last_login_at is None else wire_time(user.last_login_at),
    )


def _here(caller: Caller) -> Caller:
    """Users are no organization's: what is done to them stands in the chain of the installation."""
    return replace(caller, organization_id=INSTALLATION, project_id=None)


async def _tell(tenancy: Tenancy, user_id: UserId) -> None:
    tenancy.snapshot.people.forget_external(user_id)
    await tenancy.snapshot.people.refresh(users={user_id})


async def _find(connection: AsyncConnection, user: str) -> UserRow:
    found = await (
        maybe_user_by_email(connection, clean_text(user))
        if "@" in user
        else maybe_user(connection, UserId(read_guid(user, UserNotFound(clean_text(user)))))
    )
    if found is None:
        raise UserNotFound(clean_text(user))
    return found


async def _find_allowed(connection: AsyncConnection, caller: Caller, user: str) -> UserRow:
    if user == "me":
        return await _find_self(connection, caller)
    require(caller, "installation")
    return await _find(connection, user)


async def _find_self(connection: AsyncConnection, caller: Caller) -> UserRow:
    found = None if caller.user_id is None else await maybe_user(connection, caller.user_id)
    if found is None:
        raise Forbidden
    return found


def _status(body: Mapping[str, Any]) -> bool | None:
    """True for Blocked."""
    if body.get("status") is None:
        return None
    status = str(body["status"]).strip().lower()
    if status not in ("active", "blocked"):
        raise PatternMismatch("status", "send Active or Blocked")
    return status == "blocked"


def _flag(body: Mapping[str, Any], field: str) -> bool | None:
    value = body.get(field)
    if value is not None and not isinstance(value, bool):
        raise PatternMismatch(field, "send true or false")
    return value


def _raw(body: Mapping[str, Any], field: str) -> str:
    value = body.get(field, "")
    if not isinstance(value, str):
        raise PatternMismatch(field, "send a text")
    return value


def _names(body: Mapping[str, Any]) -> dict[str, str | None]:
    """By their columns; None for one that is absent."""
    given = {"first_name": "firstName", "last_name": "lastName"}
    return {column: maybe_text(body, member, LONGEST_NAME) for column, member in given.items()}
