"""Failed sign-ins of the last quarter of an hour, by address and by account: after too many, nobody is asked again.

Counted in the database, exactly, over all processes. When it does not answer there is no sign-in either.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access.sign_in.refusals import TooManyAttempts
from portico.server.access.tenancy import Tenancy
from portico.server.kit.clock import Clock, system_clock
from portico.server.storage.failed_sign_ins import (
    Guess,
    Most,
    forget_failures,
    forgive_failures,
    insert_failure,
    lock_guess,
    maybe_full_at,
)

WINDOW_S = 900.0
OF_ACCOUNT, OF_ADDRESS = 5, 10
"""How many times more failures one account has from everywhere, and one address has with all accounts: so that nobody
is locked out by a stranger's few guesses, and a company behind one address not by one of its people."""


class Attempts:
    """Of guesses that are made at the same time, more than there is room for may be looked at, but none of those learns
    whether it was right: `failed` and `succeeded` count again."""

    def __init__(self, tenancy: Tenancy, most: int, clock: Clock = system_clock) -> None:
        """`most` failures of one account from one address."""
        self._tenancy = tenancy
        self._most = Most(most, most * OF_ACCOUNT, most * OF_ADDRESS)
        self._clock = clock

    async def check(self, connection: AsyncConnection, address: str, account: str) -> None:
        """Raises TooManyAttempts (429, id 9001) with the time to wait."""
        await self._check(connection, self._guess(address, account), self._now())

    async def failed(self, address: str, account: str) -> None:
        """Raises TooManyAttempts when others were faster: then nothing may be said about the password."""
        guess, now = self._guess(address, account), self._now()
        async with self._tenancy.database.begin() as connection:
            await lock_guess(connection, guess)
            await self._check(connection, guess, now)
            await insert_failure(connection, guess, now)
            await forget_failures(connection, now - timedelta(seconds=WINDOW_S))

    async def succeeded(self, address: str, account: str) -> None:
        """Forgives this account the failures from this address. Raises as `failed`."""
        guess = self._guess(address, account)
        async with self._tenancy.database.begin() as connection:
            await self._check(connection, guess, self._now())
            await forgive_failures(connection, guess)

    async def _check(self, connection: AsyncConnection, guess: Guess, now: datetime) -> None:
        window = timedelta(seconds=WINDOW_S)
        full_at = await maybe_full_at(connection, guess, now - window, self._most)
        if full_at is not None:
            raise TooManyAttempts((full_at + window - now).total_seconds())

    def _guess(self, address: str, account: str) -> Guess:
        hashed = self._tenancy.key.hash_token
        return Guess(hashed(f"account that signs in: {account}"), hashed(f"address of a sign-in: {address}"))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
