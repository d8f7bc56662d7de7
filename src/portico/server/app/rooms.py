"""Builds each room from the bottom up, and takes everything down again in the opposite order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from pathlib import Path

from portico.server.access.credentials import Credentials
from portico.server.access.first_start import first_start
from portico.server.access.token_uses import TokenUses
from portico.server.app.adapters import Adapters
from portico.server.app.assisting import (
    list_ready_models,
    open_assistant_requests,
    open_assistants,
    open_definitions,
    open_desk,
)
from portico.server.app.configuring import open_configuration, open_provider_settings, read_catalog
from portico.server.app.files import open_files
from portico.server.app.ground import Ground, open_ground
from portico.server.app.observing import open_request_log, open_telemetry
from portico.server.app.signing_in import open_openid, open_sign_in
from portico.server.app.switching import open_cache, open_fetcher, open_guardrails, open_journal, open_limits
from portico.server.edge.guard import Guard
from portico.server.gateway.audio import AudioGateway
from portico.server.gateway.chat import ChatGateway
from portico.server.gateway.elsewhere import Elsewhere
from portico.server.gateway.embeddings import EmbeddingGateway
from portico.server.gateway.images import ImageGateway
from portico.server.gateway.ledger import Ledger
from portico.server.gateway.requests import Requests
from portico.server.gateway.rerank import RerankGateway
from portico.server.gateway.responses import ResponsesGateway
from portico.server.gateway.routing import Executor, HealthRules, Targets
from portico.server.gateway.running import Running
from portico.server.gateway.switchboard import Switchboard
from portico.server.gateway.videos import VideoGateway
from portico.server.providers.local.adapter import Local
from portico.server.providers.local.runtime import LocalRuntime
from portico.server.services import Services
from portico.server.settings import Settings


@asynccontextmanager
async def open_services(settings: Settings, url: str) -> AsyncIterator[tuple[Services, Guard, Credentials | None]]:
    """Everything below the doors, built and started; taken down in the opposite order."""
    async with AsyncExitStack() as stack:
        ground = await open_ground(settings, stack)
        made = await first_start(ground.database, ground.tenancy.key, settings.data_dir, url)
        services = await _build(ground)
        await ground.start_changes()
        uses = TokenUses(ground.database)
        uses.start()
        stack.push_async_callback(uses.close)
        guard = Guard(
            ground.tenancy.snapshot,
            open_metrics=settings.metrics == "open",
            note=uses.note,
            verify=services.oidc.verify,
        )
        yield services, guard, made


async def _build(ground: Ground) -> Services:
    settings, database, changes = ground.settings, ground.database, ground.changes
    catalog = read_catalog(settings)
    runtime = LocalRuntime(settings, {m.name: Path(m.path) for p in catalog.providers for m in p.models if m.path})
    ground.stack.push_async_callback(runtime.close)
    await runtime.start()
    catalog = catalog.with_files("local", [status.name for status in runtime.status() if status.kind == "chat"])
    running, journal = Running(), await open_journal(ground)
    request_log = open_request_log(settings, database, ground.stack)
    metrics, observers = open_telemetry(settings, journal, running, request_log, ground.stack)
    adapters = Adapters({"local": Local(runtime)}, ground.transport)
    configuration = open_configuration(settings, catalog)
    provider_settings = open_provider_settings(settings, database, ground.tenancy.key, catalog, configuration, adapters)
    changes.subscribe(provider_settings.follow)
    ground.transport.may_reach = provider_settings.may_reach
    board = Switchboard(
        Targets(catalog, adapters, configuration, HealthRules(settings.breaker_failures, settings.breaker_open_s)),
        Executor(ground.transport, retries=settings.retries, retry_budget_s=settings.retry_budget_s),
        Ledger(journal, observers),
        open_limits(ground),
        open_cache(ground),
        open_fetcher(settings),
        open_guardrails(ground),
        settings.chat_cache,
        settings.strict_parameters,
    )
    definitions = open_definitions(ground)
    files = open_files(ground)
    desk = open_desk(ground, ChatGateway(board, request_log), definitions, files, board)
    requests = Requests(ground.tenancy, running, Elsewhere(running, database, changes))
    return Services(
        settings=settings,
        database=database,
        tenancy=ground.tenancy,
        sign_in=open_sign_in(ground),
        oidc=open_openid(ground),
        catalog=catalog,
        targets=board.targets,
        provider_settings=provider_settings,
        definitions=definitions,
        assistants=open_assistants(ground, definitions, board, lambda: list_ready_models(catalog, runtime)),
        desk=desk,
        assistant_requests=open_assistant_requests(ground, desk, running, requests),
        files=files,
        embeddings=EmbeddingGateway(board),
        responses=ResponsesGateway(board, request_log),
        rerank=RerankGateway(board),
        images=ImageGateway(board),
        audio=AudioGateway(board),
        videos=VideoGateway(board),
        cache=board.cache,
        guardrails=board.guardrails,
        fetcher=board.fetcher,
        limits=board.limits,
        running=running,
        requests=requests,
        request_log=request_log,
        metrics=metrics,
        local_status=lambda: [asdict(status) for status in runtime.status()],
    )
