"""Builds each room from the bottom up, and takes everything down again in the opposite order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict

from portico.server.access.host.credentials import Credentials
from portico.server.access.host.first_start import first_start
from portico.server.access.tokens.uses import TokenUses
from portico.server.app.assisting import (
    list_ready_models,
    open_assistant_requests,
    open_assistants,
    open_definitions,
    open_desk,
    open_models,
)
from portico.server.app.files import open_files
from portico.server.app.ground import Ground, open_ground
from portico.server.app.machinery import open_machinery
from portico.server.app.searching import (
    open_documents,
    open_evaluations,
    open_search_desk,
    open_search_profiles,
    open_searching,
)
from portico.server.app.signing_in import open_openid, open_sign_in
from portico.server.app.worker_child import open_worker_child
from portico.server.assistants.omni_parser import OmniParser
from portico.server.edge.guard import Guard
from portico.server.gateway.audio import AudioGateway
from portico.server.gateway.chat import ChatGateway
from portico.server.gateway.embeddings import EmbeddingGateway
from portico.server.gateway.images import ImageGateway
from portico.server.gateway.requests.elsewhere import Elsewhere
from portico.server.gateway.requests.history import Requests
from portico.server.gateway.rerank import RerankGateway
from portico.server.gateway.responses import ResponsesGateway
from portico.server.gateway.videos import VideoGateway
from portico.server.services import Services
from portico.server.settings import Settings
from portico.server.storage.work_status import WorkStatus


@asynccontextmanager
async def open_services(settings: Settings, url: str) -> AsyncIterator[tuple[Services, Guard, Credentials | None]]:
    """Everything below the doors, built and started; taken down in the opposite order."""
    async with AsyncExitStack() as stack:
        ground = await open_ground(settings, stack)
        made = await first_start(ground.database, ground.tenancy.key, settings.data_dir, url)
        services = await _build(ground)
        open_worker_child(ground)
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
    below = await open_machinery(ground)
    catalog, runtime, board = below.catalog, below.runtime, below.board
    running, request_log = below.running, below.request_log
    definitions = open_definitions(ground)
    files = open_files(ground)
    models = open_models(ground, board, lambda: list_ready_models(catalog, runtime))
    searching, chat = open_searching(ground, board, models), ChatGateway(board, request_log)
    search_desk = open_search_desk(ground, searching, chat, below.metrics)
    desk = open_desk(ground, chat, definitions, files, board, search_desk)
    documents = open_documents(ground, searching, files)
    requests = Requests(ground.tenancy, running, Elsewhere(running, database, changes))
    return Services(
        settings=settings,
        database=database,
        tenancy=ground.tenancy,
        sign_in=open_sign_in(ground),
        oidc=open_openid(ground),
        catalog=catalog,
        targets=board.targets,
        provider_settings=below.provider_settings,
        definitions=definitions,
        assistants=open_assistants(ground, definitions, board, models),
        desk=desk,
        assistant_requests=open_assistant_requests(ground, desk, running, requests),
        files=files,
        search_profiles=open_search_profiles(ground, searching),
        documents=documents,
        omni_parser=OmniParser(searching.parser, documents.rules, searching.listener),
        evaluations=open_evaluations(ground, searching),
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
        metrics=below.metrics,
        work_status=WorkStatus(database),
        local_status=lambda: [asdict(status) for status in runtime.status()],
    )
