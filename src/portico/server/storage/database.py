"""The PostgreSQL of this process: one pool, opened from a URL, checked once, and short transactions from it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import MetaData, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from portico.server.errors import DatabaseAway, StartError
from portico.server.settings import Secret

OLDEST_VERSION = 15
_DRIVER = "postgresql+psycopg"
# Two missed probes after 20 s of silence: a database host that vanished is noticed without waiting for TCP to give up.
_KEEPALIVE = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 2}

_PROBE_S = 1.0

metadata = MetaData()


class Database:
    """Transactions on one PostgreSQL database. Made by `open`, ended by `close`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._probing = asyncio.Lock()
        self._probed_at = float("-inf")
        self._away = False

    @classmethod
    async def open(cls, url: Secret | str, *, pool_size: int = 4, connect_timeout_s: int = 10) -> Database:
        """Connect and check the version. Raises StartError when unreachable, refused, or older than 15."""
        target = read_url(url)
        engine = create_async_engine(
            target,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=connect_timeout_s,
            # One round trip per transaction, so that a database that was away costs nobody a failed request.
            pool_pre_ping=True,
            hide_parameters=True,  # an error that reaches the log tells its statement, not the values of a tenant
            connect_args={"connect_timeout": connect_timeout_s, "application_name": "portico"} | _KEEPALIVE,
        )
        try:
            await _check(engine, where(target))
        except BaseException:
            await engine.dispose()
            raise
        return cls(engine)

    @property
    def url(self) -> Secret:
        """The address with its password, as psycopg itself reads it."""
        return Secret(self.engine.url.set(drivername="postgresql").render_as_string(hide_password=False))

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed at the end, rolled back by an error. Raises DatabaseAway (503)."""
        try:
            async with self.engine.begin() as connection:
                yield connection
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            raise DatabaseAway(retry_after_s=1) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise DatabaseAway(retry_after_s=1) from error
            raise

    async def probe(self) -> None:
        """Raises DatabaseAway when it does not answer.

        Asked once a second however many want to know: a question that is open to anybody must not take the pool.
        """
        async with self._probing:
            if time.monotonic() - self._probed_at >= _PROBE_S:
                self._away = not await self._answers()
                self._probed_at = time.monotonic()
        if self._away:
            raise DatabaseAway(retry_after_s=1)

    async def _answers(self) -> bool:
        try:
            async with self.begin():
                return True
        except DatabaseAway:
            return False

    async def close(self) -> None:
        await self.engine.dispose()


def read_url(url: Secret | str) -> URL:
    """The URL with our driver in it. Raises StartError when it is not one of PostgreSQL."""
    try:
        parsed = make_url(str(url))
    except (ArgumentError, ValueError):
        raise StartError(
            "PORTICO_DATABASE_URL cannot be read: write postgresql://user:password@host/name"
            " (characters such as @ : / in the password as %40 %3A %2F)"
        ) from None
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise StartError(f"PORTICO_DATABASE_URL names {parsed.get_backend_name()}: only PostgreSQL is supported")
    return parsed.set(drivername=_DRIVER)


def where(url: URL) -> str:
    """The address without its credentials, for messages."""
    host = url.host or url.query.get("host") or "the local socket"
    return f"{host}{f':{url.port}' if url.port else ''}/{url.database or ''}"


async def _check(engine: AsyncEngine, address: str) -> None:
    try:
        async with engine.connect() as connection:
            number = int(await connection.scalar(text("SHOW server_version_num")) or 0)
    except SQLAlchemyError as error:
        # The driver's sentence names host, port, user and cause, never the password.
        cause = getattr(error, "orig", None) or error
        raise StartError(f"The database at {address} cannot be opened: {str(cause).strip()}") from None
    if number < OLDEST_VERSION * 10_000:
        found = f"{number // 10_000}.{number % 10_000}"
        raise StartError(
            f"The database at {address} is PostgreSQL {found}; Portico needs {OLDEST_VERSION} or newer. "
            "Point PORTICO_DATABASE_URL to a newer server, or leave it out to use the embedded one."
        )
