"""The composition root: builds each room from the bottom up, opens both doors, and takes everything down again."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict
from pathlib import Path

import uvicorn
import uvloop

from portico.server.access.credentials import FILE, Credentials, base_url
from portico.server.access.first_start import first_start
from portico.server.access.snapshot import TokenSnapshot
from portico.server.access.tenancy import Tenancy
from portico.server.assistants.desk import Desk
from portico.server.catalog.load import load_catalog
from portico.server.edge.fastlane import FastLane, LaneProtocol
from portico.server.edge.guard import Guard
from portico.server.edge.http import HOT, build_application
from portico.server.gateway.chat import ChatGateway
from portico.server.gateway.embeddings import EmbeddingGateway
from portico.server.gateway.routing import Executor, Targets
from portico.server.providers.base import Adapter
from portico.server.providers.local.adapter import Local
from portico.server.providers.local.runtime import LocalRuntime
from portico.server.providers.openai import OpenAI
from portico.server.providers.transport import Transport
from portico.server.services import Services
from portico.server.settings import Secret, Settings
from portico.server.storage.changes import Changes
from portico.server.storage.database import Database
from portico.server.storage.flush import UsageFlusher
from portico.server.storage.journal import Journal
from portico.server.storage.migrations import migrate
from portico.server.storage.secrets import open_installation_key
from portico.server.telemetry.logs import configure_logs

Announce = Callable[[str], None]
log = logging.getLogger("portico")


def serve(settings: Settings, announce: Announce) -> int:
    """Runs the server until SIGINT or SIGTERM; the exit code. Raises StartError, SettingError, OSError."""
    configure_logs(settings.log_level)
    listening = listen(settings)
    with listening, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, listening, announce))
    return 0


def listen(settings: Settings) -> socket.socket:
    """The socket, taken before anything else so that a taken port costs no time. Raises OSError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError:
        listening.close()
        raise
    return listening


async def _serve(settings: Settings, listening: socket.socket, announce: Announce) -> None:
    port = listening.getsockname()[1]
    url = base_url(settings.host, port)
    async with open_services(settings, url) as (services, guard, made):
        lane = FastLane(services, guard, HOT)
        config = uvicorn.Config(
            build_application(services, guard),
            http=type("Protocol", (LaneProtocol,), {"lane": lane}),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=max(1, round(settings.shutdown_grace_s)),
            backlog=2048,
        )
        lane.start()
        _quieten_collector()
        try:
            await _Server(config, lambda: _announce(announce, settings, url, made)).serve(sockets=[listening])
        finally:
            lane.close()


def _quieten_collector() -> None:
    """What is there at start stays: it need not be looked through again and again while requests come and go."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def _announce(announce: Announce, settings: Settings, url: str, made: Credentials | None) -> None:
    announce(f"Portico answers at {url}")
    announce(f"Tokens are in {settings.data_dir / FILE}")
    if made is not None:
        _show_once(announce, made)


def _show_once(announce: Announce, made: Credentials) -> None:
    """The tokens of a first start, when a person is looking; a log file must not hold them."""
    if sys.stdout.isatty():
        announce(f"Project token:      {made.project_token!s}")
        announce(f"Organization token: {made.organization_token!s}")


@asynccontextmanager
async def open_services(settings: Settings, url: str) -> AsyncIterator[tuple[Services, Guard, Credentials | None]]:
    """Everything below the doors, built and started; taken down in the opposite order."""
    async with AsyncExitStack() as stack:
        _make_data_dir(settings.data_dir)
        database = await Database.open(await _database_url(settings, stack))
        stack.push_async_callback(database.close)
        await migrate(database)
        key = await open_installation_key(database, settings.data_dir, settings.secret_key)
        made = await first_start(database, key, settings.data_dir, url)
        snapshot = await _follow_tokens(database, TokenSnapshot(database, key), stack)
        services = await _build(settings, database, Tenancy(database, key, snapshot), stack)
        yield services, Guard(snapshot), made


async def _build(settings: Settings, database: Database, tenancy: Tenancy, stack: AsyncExitStack) -> Services:
    catalog = load_catalog(settings.own_catalog if settings.own_catalog.is_dir() else None)
    own = {m.name: Path(m.path) for p in catalog.providers for m in p.models if m.path}
    runtime = LocalRuntime(settings, own)
    stack.push_async_callback(runtime.close)
    await runtime.start()
    journal, transport = await _open_journal(settings, database, stack), _open_transport(settings, stack)
    adapters: dict[str, Adapter] = {"openai": OpenAI(), "local": Local(runtime)}
    targets = Targets(catalog, adapters, settings.provider_keys, settings.provider_urls)
    executor = Executor(transport, retries=settings.retries, retry_budget_s=settings.retry_budget_s)
    return Services(
        settings=settings,
        database=database,
        tenancy=tenancy,
        catalog=catalog,
        targets=targets,
        desk=Desk(ChatGateway(targets, executor, journal)),
        embeddings=EmbeddingGateway(targets, executor, journal),
        local_status=lambda: [asdict(status) for status in runtime.status()],
    )


async def _open_journal(settings: Settings, database: Database, stack: AsyncExitStack) -> Journal:
    journal = Journal(settings.data_dir / "journal")
    stack.callback(journal.close)
    flusher = UsageFlusher(journal, str(database.url))
    flusher.start()
    stack.push_async_callback(flusher.close)
    return journal


def _open_transport(settings: Settings, stack: AsyncExitStack) -> Transport:
    transport = Transport(
        request_timeout_s=settings.request_timeout_s,
        gap_timeout_s=settings.gap_timeout_s,
        connect_timeout_s=settings.connect_timeout_s,
    )
    transport.start()
    stack.callback(transport.close)
    return transport


async def _follow_tokens(database: Database, snapshot: TokenSnapshot, stack: AsyncExitStack) -> TokenSnapshot:
    """Listens before it reads, so that no change falls in between."""
    changes = Changes(database.url)
    changes.subscribe(snapshot.follow)
    await changes.start()
    stack.push_async_callback(changes.close)
    await snapshot.refresh()
    return snapshot


async def _database_url(settings: Settings, stack: AsyncExitStack) -> Secret:
    if settings.database_url is not None:
        return settings.database_url
    from portico.server.storage.embedded import open_embedded

    embedded = await open_embedded(settings.data_dir)
    stack.push_async_callback(embedded.close)
    return embedded.url


def _make_data_dir(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


class _Server(uvicorn.Server):
    """uvicorn's server, with our handling of signals: a signal ends the serving, and the rooms close behind it."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
