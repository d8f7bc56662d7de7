"""Signing in and out: address and password, a refresh token or a code in, access and refresh token out.

Both are opaque, 384 random bits; the database has keyed hashes. A refresh gives new ones for both, and a refresh token
that comes a second time ends its session: one of the two who had it was not meant to.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access import audit
from portico.server.access.caller import Caller, Roles
from portico.server.access.session_refusals import (
    RefreshRefused,
    SessionFinished,
    SessionRefused,
    TokenNotValid,
    TokenRevoked,
)
from portico.server.access.sign_in.attempts import Attempts
from portico.server.access.sign_in.passwords import Passwords
from portico.server.access.sign_in.refusals import GrantNotValid
from portico.server.access.tenancy import Tenancy, clean_text
from portico.server.ids import TokenId
from portico.server.kit.clock import Clock, system_clock
from portico.server.kit.hashing import random_text
from portico.server.storage.audit import INSTALLATION
from portico.server.storage.sessions import (
    NewTokens,
    SessionRow,
    end_sessions,
    insert_session,
    maybe_session_by_access,
    maybe_session_by_refresh,
    maybe_session_by_spent_refresh,
    rotate_session,
)
from portico.server.storage.users import UserRow, maybe_user, maybe_user_by_email, update_user
from portico.wire.auth import AccessToken, UserInfo

SCOPE = "gam_user_data gam_user_roles"
LONGEST_TEXT = 200
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who wants to sign in: the program he uses, the network address it calls from, and what it asks for."""

    client_id: str
    address: str
    scope: str = SCOPE


class SignIn:
    """One per process."""

    def __init__(
        self,
        tenancy: Tenancy,
        passwords: Passwords,
        attempts: Attempts,
        *,
        access_s: float,
        refresh_s: float,
        clock: Clock = system_clock,
    ) -> None:
        self.tenancy = tenancy
        self.passwords = passwords
        self._attempts = attempts
        self._access_s = access_s
        self._refresh_s = refresh_s
        self._clock = clock

    async def check_password(self, email: str, password: str, address: str) -> UserRow:
        """The user with this address and password. Raises GrantNotValid (401), TooManyAttempts (429, id 9001)."""
        email = clean_text(email).lower()[:LONGEST_TEXT]
        async with self.tenancy.database.begin() as connection:
            await self._attempts.check(connection, address, email)
            user = await maybe_user_by_email(connection, email)
        hashed = user.password_hash if user is not None and user.active else None
        if not await self.passwords.verify(hashed, password) or user is None or hashed is None:
            log.warning("a sign-in failed, from %s", address)
            await self._attempts.failed(address, email)
            raise GrantNotValid
        await self._attempts.succeeded(address, email)
        return user if self.passwords.is_current(hashed) else await self._hash_better(user, password)

    async def _hash_better(self, user: UserRow, password: str) -> UserRow:
        """The same password by the parameters of today; one that was chosen in this moment stays."""
        better = await self.passwords.hash(password)
        async with self.tenancy.database.begin() as connection:
            found = await maybe_user(connection, user.user_id, lock=True)
            if found is None or found.password_hash != user.password_hash:
                raise GrantNotValid
            return await update_user(connection, user.user_id, {"password_hash": better}) or found

    async def with_password(self, email: str, password: str, visitor: Visitor) -> AccessToken:
        """Raises as `check_password`."""
        user = await self.check_password(email, password, visitor.address)
        async with self.tenancy.database.begin() as connection:
            # Checking takes a while, in which he may have been blocked, or the password changed and all sessions ended.
            found = await maybe_user(connection, user.user_id, lock=True)
            if found is None or not found.active or found.password_hash != user.password_hash:
                raise GrantNotValid
            token = await self.begin_session(connection, user, visitor)
        await self.tenancy.snapshot.people.refresh(users={user.user_id})
        return token

    async def begin_session(self, connection: AsyncConnection, user: UserRow, visitor: Visitor) -> AccessToken:
        """In a transaction of the caller's, who refreshes the snapshot after it."""
        texts, tokens = self._new_tokens()
        client = clean_text(visitor.client_id)[:LONGEST_TEXT]
        scope = clean_text(visitor.scope)[:LONGEST_TEXT] or SCOPE
        session = await insert_session(connection, user.user_id, client, scope, tokens)
        await update_user(connection, user.user_id, {"last_login_at": datetime.fromtimestamp(self._clock(), UTC)})
        await audit.record(
            connection, self.tenancy, caller_for(user), "sign_in", "user", user.user_id, user.email,
            details={"client": client, "address": visitor.address},
        )  # fmt: skip
        return self._answer(session, texts)

    async def refresh(self, refresh_token: str) -> AccessToken:
        """New tokens for the old ones. Raises RefreshRefused (101), SessionFinished, TokenRevoked, SessionRefused."""
        hashed = self.tenancy.key.hash_token(refresh_token)
        async with self.tenancy.database.begin() as connection:
            session = await maybe_session_by_refresh(connection, hashed)
            if session is not None:
                await self._check(connection, session)
                texts, tokens = self._new_tokens()
                answer = self._answer(await rotate_session(connection, session.session_id, tokens), texts)
        if session is None:
            await self._end_reused(hashed)
            raise RefreshRefused
        await self.tenancy.snapshot.people.refresh(users={session.user_id})
        return answer

    async def sign_out(self, token: str) -> None:
        """Ends the session of an access or refresh token; an unknown one is no error (RFC 7009, section 2.2)."""
        hashed = self.tenancy.key.hash_token(token)
        async with self.tenancy.database.begin() as connection:
            session = await maybe_session_by_refresh(connection, hashed) or await maybe_session_by_access(
                connection, hashed
            )
            user = None if session is None else await maybe_user(connection, session.user_id)
            if session is None or user is None:
                return
            if await end_sessions(connection, session.user_id, "user", session_id=session.session_id):
                await audit.record(
                    connection, self.tenancy, caller_for(user), "sign_out", "user", user.user_id, user.email
                )
        await self.tenancy.snapshot.people.refresh(users={session.user_id})

    async def user_info(self, token: str) -> UserInfo:
        """Raises TokenNotValid (114) for what is no access token, and the refusals of an ended session."""
        people = self.tenancy.snapshot.people
        session = people.maybe_session(self.tenancy.key.hash_token(token))
        if session is None:
            raise TokenNotValid
        people.check(session)
        async with self.tenancy.database.begin() as connection:
            user = await maybe_user(connection, session.user_id)
        if user is None:
            raise TokenNotValid
        roles = people.roles_of(user.user_id)
        return UserInfo(
            sub=user.user_id,
            guid=user.user_id,
            username=user.email,
            email=user.email,
            name=user.name,
            first_name=user.first_name,
            last_name=user.last_name,
            roles=roles,
        )

    def seconds_left(self, expires_at: float | None) -> int:
        """Of a token with this end; one without end is said to last as long as a session."""
        return round(self._access_s if expires_at is None else max(0.0, expires_at - self._clock()))

    async def _check(self, connection: AsyncConnection, session: SessionRow) -> None:
        if session.ended_by:
            raise SessionFinished if session.ended_by == "user" else TokenRevoked
        if session.refresh_expires_at.timestamp() <= self._clock():
            raise RefreshRefused
        user = await maybe_user(connection, session.user_id)
        if user is None or not user.active:
            raise SessionRefused

    async def _end_reused(self, hashed: bytes) -> None:
        async with self.tenancy.database.begin() as connection:
            session = await maybe_session_by_spent_refresh(connection, hashed)
            if session is None or session.ended_by:
                return
            await end_sessions(connection, session.user_id, "reuse", session_id=session.session_id)
            details = {"reason": "a refresh token was used twice", "session": session.session_id}
            await audit.record_system(
                connection, self.tenancy, None, "portico", "revoke", "user", session.user_id, details=details
            )
        log.warning("a refresh token was used twice: its session has ended")
        await self.tenancy.snapshot.people.refresh(users={session.user_id})

    def _new_tokens(self) -> tuple[tuple[str, str], NewTokens]:
        texts = random_text("at_"), random_text("rt_")
        now = datetime.fromtimestamp(self._clock(), UTC)
        hashes = [self.tenancy.key.hash_token(text) for text in texts]
        ends = now + timedelta(seconds=self._access_s), now + timedelta(seconds=self._refresh_s)
        return texts, NewTokens(hashes[0], hashes[1], *ends)

    def _answer(self, session: SessionRow, texts: tuple[str, str]) -> AccessToken:
        return AccessToken(
            access_token=texts[0],
            expires_in=round(self._access_s),
            refresh_token=texts[1],
            scope=session.scope.replace(" ", "+"),
            user_guid=session.user_id,
        )


def caller_for(user: UserRow) -> Caller:
    """A user who is nowhere in particular: for what he does to himself."""
    roles = Roles(system_administrator=user.system_administrator)
    return Caller(
        INSTALLATION, "", TokenId(user.user_id), "user", user_id=user.user_id, user_email=user.email, roles=roles
    )
