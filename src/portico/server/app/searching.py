"""The room of the RAG assistants: what reads, embeds and searches documents, and the desk that answers from them.

Built on the ground and the switchboard alone, so that a worker without the HTTP door builds the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from portico.server.app.assisting import open_models
from portico.server.app.ground import Ground
from portico.server.assistants.files.manage import FileStore
from portico.server.assistants.models import Models
from portico.server.assistants.search.desk import SearchDesk
from portico.server.assistants.search.documents import DocumentRules, Documents
from portico.server.assistants.search.evaluations import Evaluations
from portico.server.assistants.search.find import ProfileModels, Profiles
from portico.server.assistants.search.history import Threads
from portico.server.assistants.search.manage import SearchProfiles
from portico.server.assistants.search.passwords import open_password
from portico.server.gateway.chat import ChatGateway
from portico.server.gateway.embeddings import EmbeddingGateway
from portico.server.gateway.rerank import RerankGateway
from portico.server.gateway.switchboard import Switchboard
from portico.server.retrieval.embed import Embedder
from portico.server.retrieval.index import ChunkIndex
from portico.server.retrieval.parse import Bounds, Parser
from portico.server.retrieval.search import Searcher
from portico.server.storage.blobs import open_blobs

if TYPE_CHECKING:
    from portico.server.jobs.evaluate_profile import Reading
    from portico.server.jobs.ingest_document import Library


@dataclass(frozen=True, slots=True)
class Searching:
    """One per process."""

    parser: Parser
    index: ChunkIndex
    embedder: Embedder
    searcher: Searcher
    profiles: Profiles


def open_searching(ground: Ground, board: Switchboard, models: Models) -> Searching:
    """From the bottom up: parser, index, embedder, searcher; then profiles and documents."""
    settings, database = ground.settings, ground.database
    index, embedder = ChunkIndex(database), Embedder(EmbeddingGateway(board))
    return Searching(
        parser=Parser(Bounds(settings.files_text_timeout_s, settings.files_text_memory_bytes)),
        index=index,
        embedder=embedder,
        searcher=Searcher(database, index, embedder, RerankGateway(board)),
        profiles=Profiles(database, ProfileModels(models, board.targets)),
    )


def open_search_profiles(ground: Ground, searching: Searching) -> SearchProfiles:
    return SearchProfiles(ground.tenancy, searching.profiles)


def open_documents(ground: Ground, searching: Searching, files: FileStore) -> Documents:
    """Their bytes lie where those of the files lie, and are swept with them."""
    settings = ground.settings
    told = (one.strip().lower().lstrip(".") for one in settings.documents_extensions.split(","))
    rules = DocumentRules(settings.documents_limit_bytes, frozenset(one for one in told if one))
    return Documents(files, searching.profiles.models, searching.index, rules)


def open_evaluations(ground: Ground, searching: Searching) -> Evaluations:
    return Evaluations(ground.tenancy, searching.profiles)


def open_search_desk(ground: Ground, searching: Searching, chat: ChatGateway) -> SearchDesk:
    """With the housekeeping of its conversations."""
    threads = Threads(ground.database, days=ground.settings.search_thread_days)
    threads.start()
    ground.stack.push_async_callback(threads.close)
    return SearchDesk(ground.database, searching.profiles, chat, searching.searcher, threads)


def open_library(ground: Ground, board: Switchboard) -> Library:
    """What a worker indexes documents with; it writes no answers, so that no model for them has to be there."""
    from portico.server.jobs.ingest_document import Library  # here: the door does not load what only workers need

    searching = open_searching(ground, board, open_models(ground, board, tuple))
    blobs = open_blobs(ground.settings)
    ground.stack.push_async_callback(blobs.close)
    return Library(
        ground.database,
        blobs,
        searching.parser,
        searching.index,
        searching.embedder,
        searching.profiles.maybe,
        partial(open_password, ground.tenancy.key),
    )


def open_reading(library: Library, board: Switchboard) -> Reading:
    """What a worker evaluates with: the index and the embedder of the library."""
    from portico.server.jobs.evaluate_profile import Reading

    searcher = Searcher(library.database, library.index, library.embedder, RerankGateway(board))
    return Reading(library.database, searcher, library.maybe_profile)
