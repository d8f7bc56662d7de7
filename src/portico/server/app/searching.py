"""The room of the RAG assistants: what reads, embeds and searches documents, and the desk that answers from them.

Built on the ground and the switchboard alone, so that a worker without the HTTP door builds the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from portico.server.app.assisting import open_models
from portico.server.app.ground import Ground
from portico.server.assistants.files.manage import FileStore
from portico.server.assistants.models import Models
from portico.server.assistants.search.desk import SearchDesk
from portico.server.assistants.search.documents.manage import DocumentRules, Documents
from portico.server.assistants.search.documents.passwords import open_password
from portico.server.assistants.search.evaluations.manage import Evaluations
from portico.server.assistants.search.find import ProfileModels, Profiles
from portico.server.assistants.search.profiles.manage import SearchProfiles
from portico.server.assistants.search.questions.history import Threads
from portico.server.errors import StartError
from portico.server.gateway.audio import AudioGateway
from portico.server.gateway.chat import ChatGateway
from portico.server.gateway.embeddings import EmbeddingGateway
from portico.server.gateway.rerank import RerankGateway
from portico.server.gateway.switchboard import Switchboard
from portico.server.kit.first_use import FirstUse
from portico.server.retrieval.crawling.crawler import CrawlBounds, Crawler
from portico.server.retrieval.parse import READER_IDLE_S, Bounds, Parser
from portico.server.storage.blobs import open_blobs
from portico.server.storage.database import Database
from portico.server.telemetry.publisher import Publisher
from portico.wire.model_ref import DirectModel, ModelRefError, read_model_ref

if TYPE_CHECKING:
    from portico.server.jobs.evaluate_profile import Reading
    from portico.server.jobs.ingest_document import Library
    from portico.server.retrieval.media.listen import Listener
    from portico.server.retrieval.search import Searcher


@dataclass(frozen=True, slots=True)
class Searching:
    """One per process. What searches and what listens bring numpy along: 13 MB that many servers never need."""

    parser: Parser
    listener: FirstUse[Listener]
    searcher: FirstUse[Searcher]
    profiles: Profiles


def open_searching(ground: Ground, board: Switchboard, models: Models) -> Searching:
    """Raises StartError for a setting without a model."""
    settings, database = ground.settings, ground.database
    parser = Parser(Bounds(settings.files_text_timeout_s, settings.files_text_memory_bytes), idle_s=READER_IDLE_S)
    ground.stack.push_async_callback(parser.close)
    return Searching(
        parser=parser,
        listener=_open_listener(ground, board),
        searcher=FirstUse(partial(_make_searcher, database, board)),
        profiles=Profiles(database, ProfileModels(models, board.targets)),
    )


def _open_listener(ground: Ground, board: Switchboard) -> FirstUse[Listener]:
    """Raises StartError for a setting without a model."""
    chosen = ground.settings.transcription_model
    if chosen and not _is_direct(chosen):
        raise StartError("PORTICO_TRANSCRIPTION_MODEL: write provider/model, such as openai/whisper-1")
    return FirstUse(partial(_make_listener, board, chosen))


def _make_listener(board: Switchboard, chosen: str) -> Listener:
    from portico.server.retrieval.media.listen import Listener
    from portico.server.retrieval.media.transcribe import Transcriber

    return Listener(Transcriber(AudioGateway(board), board.targets, chosen))


def _make_searcher(database: Database, board: Switchboard) -> Searcher:
    from portico.server.retrieval.embed import Embedder
    from portico.server.retrieval.index import ChunkIndex
    from portico.server.retrieval.search import Searcher

    return Searcher(database, ChunkIndex(database), Embedder(EmbeddingGateway(board)), RerankGateway(board))


def _is_direct(name: str) -> bool:
    try:
        return isinstance(read_model_ref(name), DirectModel)
    except ModelRefError:
        return False


def _open_crawler(ground: Ground, board: Switchboard, parser: Parser) -> Crawler:
    settings, usual = ground.settings, CrawlBounds()
    page_bytes = min(usual.page_bytes, settings.fetch_limit_bytes)
    return Crawler(board.fetcher, parser, replace(usual, pages=settings.crawl_pages, page_bytes=page_bytes))


def open_search_profiles(ground: Ground, searching: Searching) -> SearchProfiles:
    return SearchProfiles(ground.tenancy, searching.profiles)


def open_documents(ground: Ground, searching: Searching, files: FileStore) -> Documents:
    """Their bytes lie where those of the files lie, and are swept with them."""
    settings = ground.settings
    told = (one.strip().lower().lstrip(".") for one in settings.documents_extensions.split(","))
    rules = DocumentRules(settings.documents_limit_bytes, frozenset(one for one in told if one))
    return Documents(files, searching.profiles.models, rules)


def open_evaluations(ground: Ground, searching: Searching) -> Evaluations:
    return Evaluations(ground.tenancy, searching.profiles)


def open_search_desk(ground: Ground, searching: Searching, chat: ChatGateway, metrics: Publisher | None) -> SearchDesk:
    """With the housekeeping of its conversations."""
    threads = Threads(ground.database, days=ground.settings.search_thread_days)
    threads.start()
    ground.stack.push_async_callback(threads.close)
    desk = SearchDesk(ground.database, searching.profiles, chat, searching.searcher, threads)
    if metrics is not None:
        metrics.watch("searches_without_vectors", lambda: desk.without_vectors)
    return desk


def open_library(ground: Ground, board: Switchboard) -> Library:
    """What a worker indexes documents with; it writes no answers, so that no model for them has to be there."""
    # Here: the door does not load what only workers need.
    from portico.server.jobs.ingest_document import Library
    from portico.server.retrieval.embed import Embedder
    from portico.server.retrieval.index import ChunkIndex

    searching = open_searching(ground, board, open_models(ground, board, tuple))
    blobs = open_blobs(ground.settings)
    ground.stack.push_async_callback(blobs.close)
    return Library(
        ground.database,
        blobs,
        searching.parser,
        ChunkIndex(ground.database),
        Embedder(EmbeddingGateway(board)),
        searching.profiles.maybe,
        partial(open_password, ground.tenancy.key),
        _make_listener(board, ground.settings.transcription_model),
        _open_crawler(ground, board, searching.parser),
    )


def open_reading(library: Library, board: Switchboard) -> Reading:
    """What a worker evaluates with: the index and the embedder of the library."""
    from portico.server.jobs.evaluate_profile import Reading
    from portico.server.retrieval.search import Searcher

    searcher = Searcher(library.database, library.index, library.embedder, RerankGateway(board))
    return Reading(library.database, searcher, library.maybe_profile)
