"""The rooms of a server without its doors, and the pages of the benchmark indexed in it, as a worker would do it.

Everything lies in a folder of the cache: a second run finds its pages indexed and reads only what has changed. `again`
reads all of them, after a change of parser or splitter; vectors of texts that are the same stay.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from benchmarks.retrieval.corpus import Page
from portico.server.access.caller import Caller, acting_for
from portico.server.access.host.first_start import first_start
from portico.server.app.ground import open_ground
from portico.server.app.machinery import open_machinery
from portico.server.gateway.embeddings import EmbeddingGateway
from portico.server.gateway.rerank import RerankGateway
from portico.server.gateway.switchboard import Switchboard
from portico.server.ids import OrganizationId, ProjectId
from portico.server.jobs.embedding import Missing, embed_missing
from portico.server.retrieval.chunk import split
from portico.server.retrieval.embed import Embedder
from portico.server.retrieval.index import ChunkIndex
from portico.server.retrieval.parse import ParseOptions, Parser
from portico.server.retrieval.profile import ChunkRules, Embedding, Llm, Search, SearchProfile
from portico.server.retrieval.search import Searcher
from portico.server.settings import Settings
from portico.server.storage.database import Database
from portico.server.storage.search_profiles import ProfileKey, insert_profile, maybe_profile

MODEL = "local/all-minilm-l6-v2"
RULES = ChunkRules()
AT_ONCE = 4
"""Documents that are indexed at the same time."""
_PLACE = text(
    "SELECT p.organization_id::text, p.project_id::text FROM projects p WHERE p.deleted_at IS NULL"
    " ORDER BY p.created_at LIMIT 1"
)
_INSERT = text(
    "INSERT INTO documents (organization_id, project_id, profile_id, document_id, name, extension, content_type,"
    " size_bytes, sha256, blob, metadata, indexed_revision, status) VALUES (:o, :p, :f, gen_random_uuid(), :name,"
    " 'html', 'text/html', :size, :sha, '', CAST(:metadata AS jsonb), 0, 'Pending')"
    " RETURNING CAST(document_id AS text)"
)
_LIST = text(
    "SELECT CAST(document_id AS text), metadata->>'url', sha256, indexed_revision FROM documents"
    " WHERE organization_id = :o AND project_id = :p AND profile_id = :f"
)
_DONE = text(
    "UPDATE documents SET revision = :revision, indexed_revision = :revision, status = 'Success' WHERE document_id = :d"
)
_DELETE = text("DELETE FROM documents WHERE document_id = :d")


class Rooms:
    """What reads, embeds and searches, on a switchboard."""

    def __init__(self, database: Database, board: Switchboard) -> None:
        self._database, self._board = database, board
        self.parser, self.index = Parser(), ChunkIndex(database)
        self.forget_questions()

    def forget_questions(self) -> None:
        """So that each way to search pays for the embedding of its questions."""
        self.embedder = Embedder(EmbeddingGateway(self._board))
        self.searcher = Searcher(self._database, self.index, self.embedder, RerankGateway(self._board))


@dataclass(frozen=True, slots=True)
class Library:
    """`pages` says which page a document is."""

    database: Database
    rooms: Rooms
    caller: Caller
    profile: SearchProfile
    pages: dict[str, str]


@asynccontextmanager
async def open_library(
    home: Path,
    models: Path,
    name: str,
    pages: Sequence[Page],
    tell: Callable[[str], None],
    *,
    rules: ChunkRules = RULES,
    again: bool = False,
) -> AsyncIterator[Library]:
    """A profile with all pages searched. Raises StartError, and what the rooms raise."""
    settings = Settings.load({}, data_dir=home, models_dir=models)
    async with AsyncExitStack() as stack:
        ground = await open_ground(settings, stack)
        await first_start(ground.database, ground.tenancy.key, home, "http://127.0.0.1:1")
        board = (await open_machinery(ground, pull=False)).board
        await ground.start_changes()
        rooms = Rooms(ground.database, board)
        key = await _find_profile(ground.database, name)
        profile = SearchProfile(key, name, "", True, Embedding(MODEL), Llm("local/none"), Search("", ""), chunks=rules)
        caller = acting_for(key.organization_id, "Benchmark", key.project_id, "Benchmark", "benchmark")
        library = Library(ground.database, rooms, caller, profile, {})
        await _fill(library, pages, tell, again)
        yield library


async def _find_profile(database: Database, name: str) -> ProfileKey:
    async with database.begin() as connection:
        organization, project = (await connection.execute(_PLACE)).one()
        place = OrganizationId(organization), ProjectId(project)
        row = await maybe_profile(connection, *place, name)
        return (row or await insert_profile(connection, *place, name=name)).key


async def _fill(library: Library, pages: Sequence[Page], tell: Callable[[str], None], again: bool) -> None:
    """What is there already stays; what is no longer among the pages goes."""
    key, index, wanted = library.profile.key, library.rooms.index, {page.id: page for page in pages}
    names: dict[str, Any] = {"o": key.organization_id, "p": key.project_id, "f": key.profile_id}
    there: dict[str, tuple[str, int]] = {}
    async with library.database.begin() as connection:
        for document_id, url, digest, revision in (await connection.execute(_LIST, names)).all():
            page = wanted.get(url)
            if page is None or bytes(digest) != _digest(page) or not revision:
                await index.remove(connection, key, [document_id])
                await connection.execute(_DELETE, {"d": document_id})
                continue
            library.pages[document_id] = url
            there[url] = document_id, revision
            if not again:
                wanted.pop(url)
    began, turns, done = time.monotonic(), asyncio.Semaphore(AT_ONCE), 0

    async def add(page: Page) -> None:
        nonlocal done
        async with turns:
            library.pages[await _add(library, page, names, there.get(page.id))] = page.id
        done += 1
        if done % 50 == 0 or done == len(wanted):
            tell(f"{done} of {len(wanted)} pages indexed in {time.monotonic() - began:.0f} s")

    async with asyncio.TaskGroup() as group:
        for page in wanted.values():
            group.create_task(add(page))
    if wanted:
        await index.upkeep(key)


async def _add(library: Library, page: Page, names: dict[str, Any], there: tuple[str, int] | None) -> str:
    key, rooms = library.profile.key, library.rooms
    content = page.file.read_bytes()
    parsed = await rooms.parser.read_document(page.file, "text/html", page.file.name, ParseOptions())
    chunks = await asyncio.to_thread(split, parsed, library.profile.chunks)
    metadata = json.dumps({"url": page.id})
    row = {**names, "name": page.file.stem, "size": len(content), "sha": _digest(page), "metadata": metadata}
    if there is None:
        async with library.database.begin() as connection:
            document_id, revision = str((await connection.execute(_INSERT, row)).scalar_one()), 1
    else:
        document_id, revision = there[0], there[1] + 1
    await rooms.index.stage(key, document_id, revision, chunks, "")

    async def embed(texts: Sequence[str]) -> Any:
        return await rooms.embedder.embed(library.caller, library.profile.embedding, texts, query=False)

    async def told() -> None:
        """Nobody waits for progress."""

    await embed_missing(_Place(library, document_id, revision), embed, library.profile.embedding.batch_size, told)
    async with library.database.begin() as connection:
        await rooms.index.publish(connection, key, document_id, revision)
        await connection.execute(_DONE, {"d": document_id, "revision": revision})
    return document_id


class _Place:
    """The chunks of one revision of a document, as the embedding sees them."""

    def __init__(self, library: Library, document_id: str, revision: int) -> None:
        self._index, self._which = library.rooms.index, (library.profile.key, document_id, revision)

    async def list_missing(self, limit: int) -> Missing:
        return await self._index.list_missing(*self._which, limit)

    async def put(self, chunk_ids: Sequence[int], vectors: Any) -> None:
        await self._index.put_vectors(*self._which, chunk_ids, vectors)


def _digest(page: Page) -> bytes:
    return hashlib.sha256(page.file.read_bytes()).digest()
