"""Builds each room from the bottom up, and takes everything down again in the opposite order."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from pathlib import Path

from portico.server.access.credentials import FILE, Credentials
from portico.server.access.first_start import first_start
from portico.server.access.snapshot import TokenSnapshot
from portico.server.access.tenancy import Tenancy
from portico.server.assistants.desk import Desk
from portico.server.catalog.load import load_catalog
from portico.server.catalog.rows import CatalogError
from portico.server.edge.guard import Guard
from portico.server.errors import JournalFull, StartError
from portico.server.gateway.chat import ChatGateway
from portico.server.gateway.embeddings import EmbeddingGateway
from portico.server.gateway.routing import Executor, Targets
from portico.server.providers.base import Adapter
from portico.server.providers.local.adapter import Local
from portico.server.providers.local.runtime import LocalRuntime
from portico.server.providers.openai import OpenAI
from portico.server.providers.transport import Transport
from portico.server.services import Services
from portico.server.settings import Settings
from portico.server.storage.changes import Changes
from portico.server.storage.database import Database
from portico.server.storage.flush import UsageFlusher
from portico.server.storage.journal import Journal
from portico.server.storage.opening import open_database
from portico.server.storage.secrets import KEY_FILE, open_installation_key

OWN_NAMES = {FILE, KEY_FILE, "models", "catalog", "journal", "postgres", "run"}


@asynccontextmanager
async def open_services(settings: Settings, url: str) -> AsyncIterator[tuple[Services, Guard, Credentials | None]]:
    """Everything below the doors, built and started; taken down in the opposite order."""
    async with AsyncExitStack() as stack:
        _make_data_dir(settings.data_dir)
        database = await stack.enter_async_context(open_database(settings))
        key = await open_installation_key(database, settings.data_dir, settings.secret_key)
        made = await first_start(database, key, settings.data_dir, url)
        snapshot = await _follow_tokens(database, TokenSnapshot(database, key), stack)
        services = await _build(settings, database, Tenancy(database, key, snapshot), stack)
        yield services, Guard(snapshot), made


async def _build(settings: Settings, database: Database, tenancy: Tenancy, stack: AsyncExitStack) -> Services:
    try:
        catalog = load_catalog(settings.own_catalog if settings.own_catalog.is_dir() else None)
    except CatalogError as error:
        raise StartError(f"{settings.own_catalog}: {error}") from error
    own = {m.name: Path(m.path) for p in catalog.providers for m in p.models if m.path}
    runtime = LocalRuntime(settings, own)
    stack.push_async_callback(runtime.close)
    await runtime.start()
    catalog = catalog.with_files("local", [status.name for status in runtime.status() if status.kind == "chat"])
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
    try:
        journal = Journal(settings.data_dir / "journal")
    except JournalFull as full:
        raise StartError(full.message) from full
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
    """Listens before it reads, so that no change falls in between; `start` returns when the snapshot is filled."""
    changes = Changes(database.url)
    changes.subscribe(snapshot.follow)
    await changes.start()
    stack.push_async_callback(changes.close)
    return snapshot


def _make_data_dir(path: Path) -> None:
    """For the owner only, also when `portico models pull` made it first; a folder with other things in it is left."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if stat.S_IMODE(path.stat().st_mode) & 0o077 and {entry.name for entry in path.iterdir()} <= OWN_NAMES:
        path.chmod(0o700)
