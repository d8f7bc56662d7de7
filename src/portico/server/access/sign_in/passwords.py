"""Passwords: argon2id hashes, made and checked in threads, a few at a time; and what a password must be."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from portico.server.access.sign_in.refusals import PasswordTooShort
from portico.server.errors import FieldRequired, OutOfRange, TooManyRequests

T = TypeVar("T")
LONGEST = 1_000
# OWASP's cheat sheet on password storage (read 2026-11-20) asks for 19 MiB and 2 passes at least.
_MEMORY_KIB, _PASSES, _LANES = 32 * 1024, 3, 1
_AT_ONCE = 2
_WAITING = 64
"""Checks that may wait; each takes some 50 ms of a core, so more of them would wait for seconds."""


class Passwords:
    """One per process."""

    def __init__(self, shortest: int) -> None:
        self._shortest = shortest
        self._hasher = PasswordHasher(_PASSES, _MEMORY_KIB, _LANES)
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        # Checked when there is no user, so that the time tells nothing. No password has the hash of zeros.
        salt, hashed = (b64encode(bytes(n)).decode().rstrip("=") for n in (16, 32))
        self._nobody = f"$argon2id$v=19$m={_MEMORY_KIB},t={_PASSES},p={_LANES}${salt}${hashed}"

    def accept(self, password: str, field: str = "password") -> str:
        """The password, when one may choose it. Raises FieldRequired, PasswordTooShort, OutOfRange (400, id 8)."""
        if not password:
            raise FieldRequired(field)
        if len(password) < self._shortest:
            raise PasswordTooShort(self._shortest, field)
        if len(password) > LONGEST:
            raise OutOfRange(field, f"at most {LONGEST} characters")
        return password

    async def hash(self, password: str) -> str:
        return await self._in_turn(lambda: self._hasher.hash(_bytes(password)))

    async def verify(self, hashed: str | None, password: str) -> bool:
        """None is a user who has no password, or no user at all: it takes as long, and is False."""
        return await self._in_turn(lambda: self._verify(hashed, password))

    def is_current(self, hashed: str) -> bool:
        """False: hash it again at the next sign-in, the parameters have changed."""
        return not self._hasher.check_needs_rehash(hashed)

    def _verify(self, hashed: str | None, password: str) -> bool:
        try:
            return self._hasher.verify(hashed or self._nobody, _bytes(password[: LONGEST + 1])) and hashed is not None
        except (VerificationError, InvalidHashError):
            return False

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._waiting >= _WAITING:
            raise TooManyRequests("Too many sign-ins at once: try again in a moment.", retry_after_s=2)
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
