"""A real PostgreSQL for the tests of the server: one per run, and a fresh, migrated database per test."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:  # tests that need no database shall not wait for SQLAlchemy
    from portico.server.storage.database import Database

TEMPLATE = "portico_template"
READY = 3
MEMORY = Path("/dev/shm")  # Linux: files in memory
ROOM_BYTES = 2_000_000_000


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """Async tests run on the loop of production."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the maintenance database of a PostgreSQL that lives as long as the test run."""
    home = _roomy(tmp_path_factory)
    data = home / "data"
    _run("initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
    options = "fsync=off full_page_writes=off synchronous_commit=off max_connections=200 max_wal_size=128MB"
    options += " listen_addresses="
    flags = [part for option in options.split() for part in ("-c", option)]
    command = [*_as_user(), _binary("postgres"), "-D", str(data), "-k", str(home), *flags]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    url = f"postgresql://postgres@/postgres?host={home}"
    try:
        _wait_until_ready(url, server, home / "log")
        yield url
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def template_url(postgres_url: str) -> str:
    """A migrated database that the others are copies of."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    url = postgres_url.replace("/postgres?", f"/{TEMPLATE}?")

    from portico.server.storage.database import Database
    from portico.server.storage.migrations import migrate

    async def fill() -> None:
        database = await Database.open(url)
        await migrate(database)
        await database.close()

    asyncio.run(fill())
    return url


class Copies:
    """Copies of the template, made and dropped behind the back of the tests, which would wait longest for them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection = psycopg.connect(url, autocommit=True)
        self._maker = ThreadPoolExecutor(1)
        self._ready = deque(self._maker.submit(self._make) for _ in range(READY))

    def take(self) -> str:
        """The name of a database that nobody else has."""
        self._ready.append(self._maker.submit(self._make))
        return self._ready.popleft().result()

    def give_back(self, name: str) -> None:
        self._maker.submit(self._connection.execute, f"DROP DATABASE {name} WITH (FORCE)")

    def _make(self) -> str:
        name = f"test_{secrets.token_hex(6)}"
        self._connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        return name

    def close(self) -> None:
        self._maker.shutdown()
        self._connection.close()


@pytest.fixture(scope="session")
def _copies(postgres_url: str, template_url: str) -> Iterator[Copies]:
    copies = Copies(postgres_url)
    yield copies
    copies.close()


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """A database without any table."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        yield postgres_url.replace("/postgres?", f"/{name}?")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(_copies: Copies) -> Iterator[str]:
    """A migrated database without any row."""
    name = _copies.take()
    yield _copies.url.replace("/postgres?", f"/{name}?")
    _copies.give_back(name)


@pytest.fixture
async def database(database_url: str, anyio_backend: object) -> AsyncIterator[Database]:
    """The same, opened."""
    from portico.server.storage.database import Database

    database = await Database.open(database_url)
    yield database
    await database.close()


def _roomy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the cluster: in memory if there is room, since each test makes and drops a database of 300 files."""
    with suppress(OSError):
        if shutil.disk_usage(MEMORY).free > ROOM_BYTES:
            return Path(tempfile.mkdtemp(prefix="portico-tests-", dir=MEMORY))
    return tmp_path_factory.mktemp("pg")


def _binary(name: str) -> str:
    from portico.server.storage.embedded.opening import find_binaries

    return str(find_binaries() / name)


def _as_user() -> list[str]:
    """PostgreSQL refuses to run as root; a user namespace gives it another number without touching owners."""
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []


def _run(name: str, *arguments: str) -> None:
    subprocess.run([*_as_user(), _binary(name), *arguments], check=True, capture_output=True)


def _wait_until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
