"""A document becomes searchable: read, split, embedded, published. In: its id and revision; out: its status.

The steps follow one another on the event loop of the worker, where all rooms live; what takes long outside of it (the
parser, the embedding model) is another process, and splitting runs in a thread. Between the steps only the database and
the blobs remember anything, so that each can be done by another worker than the one before.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from portico.server.access.caller import Caller, acting_for
from portico.server.errors import ContentUnreadable, FileTooLarge, MediaNotSupported, PorticoError
from portico.server.ids import OrganizationId, ProjectId
from portico.server.jobs.embedding import Missing, embed_missing
from portico.server.jobs.heard import HeardNotes, heard_key
from portico.server.jobs.patience import Patience
from portico.server.jobs.steps import EndFailed, EndQuietly, Outcome, Steps
from portico.server.retrieval.blocks import Parsed, ParseOptions
from portico.server.retrieval.chunk import split
from portico.server.retrieval.crawling.crawler import Crawler
from portico.server.retrieval.crawling.order import EXTENSION as CRAWLED
from portico.server.retrieval.embed import Embedder
from portico.server.retrieval.index import ChunkIndex
from portico.server.retrieval.media.listen import Listener
from portico.server.retrieval.media.options import MediaOptions
from portico.server.retrieval.parse import Parser
from portico.server.retrieval.parsing.kinds import maybe_document_kind
from portico.server.retrieval.profile import SearchProfile
from portico.server.storage import documents_progress as progress
from portico.server.storage.blobs.base import BlobMissing, Blobs
from portico.server.storage.database import Database
from portico.server.storage.search_profiles import ProfileKey

NAME = "ingest_document"
DOING = "ingestion"
"""As whom embeddings and transcriptions are metered."""
NO_TEXT = "Invalid content"
"""The documented reason; the official ingestion tool does not try such a document again."""
GAVE_UP = "Indexing ended unexpectedly several times: the log of the worker has the details."
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Parsed).decode


@dataclass(frozen=True, slots=True)
class Library:
    """The rooms that ingestion works with."""

    database: Database
    blobs: Blobs
    parser: Parser
    index: ChunkIndex
    embedder: Embedder
    maybe_profile: Callable[[Caller, ProfileKey], Awaitable[SearchProfile | None]]
    open_parameters: Callable[[ProfileKey, Mapping[str, Any]], Mapping[str, Any]] = lambda _, parameters: parameters
    """The parameters of a document as they were given; what is secret of them lies sealed in its row."""
    listener: Listener | None = None
    """None where nothing can be transcribed: recordings are refused then."""
    crawler: Crawler | None = None
    """None where nothing is crawled: crawl orders are refused then."""


@dataclass(frozen=True, slots=True)
class Order:
    """Which revision of which document."""

    key: ProfileKey
    document_id: str
    revision: int

    @classmethod
    def read(cls, organization_id: OrganizationId, project_id: ProjectId, arguments: dict[str, Any]) -> Order:
        key = ProfileKey(organization_id, project_id, arguments["profile_id"])
        return cls(key, arguments["document_id"], int(arguments["revision"]))


class IngestDocument:
    """The workflow of one worker, for all documents."""

    def __init__(self, library: Library, steps: Steps) -> None:
        self._library = library
        self._steps = steps

    async def run(self, organization_id: OrganizationId, project_id: ProjectId, arguments: dict[str, Any]) -> None:
        order = Order.read(organization_id, project_id, arguments)
        outcome: Outcome = {}
        for body in (self._begin, self._read, self._stage, self._embed, self._publish):
            name = body.__name__.removeprefix("_")
            outcome = await self._steps.run(name, partial(self._guard, body, order))
            if outcome:
                break
        await self._steps.run("finish", partial(self._finish, order, outcome))
        await self._steps.run("upkeep", partial(self._upkeep, order))

    async def give_up(self, organization_id: OrganizationId, project_id: ProjectId, arguments: dict[str, Any]) -> None:
        order = Order.read(organization_id, project_id, arguments)
        await self._finish(order, {"end": "failed", "reason": GAVE_UP}, Patience())

    async def _guard(
        self, body: Callable[[Order, Patience], Awaitable[None]], order: Order, patience: Patience
    ) -> None:
        """An error on the way of a document that was deleted meanwhile is no error."""
        try:
            await body(order, patience)
        except (PorticoError, EndQuietly, EndFailed):
            raise
        except Exception:
            await self._find(order)
            raise

    # --- the steps ---------------------------------------------------------------------------------------------

    async def _begin(self, order: Order, _: Patience) -> None:
        async with self._library.database.begin() as connection:
            if not await progress.set_status(connection, order.key, order.document_id, order.revision, "Starting"):
                raise EndQuietly

    async def _read(self, order: Order, patience: Patience) -> None:
        """The file becomes blocks of text, kept beside it until they are split."""
        row = await self._find(order)
        try:
            async with self._library.blobs.as_file(row.blob) as path:
                parsed = await self._read_file(order, row, path, patience)
        except BlobMissing:
            raise EndFailed("The file is no longer there: upload it again.") from None
        except (ContentUnreadable, MediaNotSupported, FileTooLarge) as error:
            raise EndFailed(error.message) from None
        if parsed.is_empty:
            raise EndFailed(NO_TEXT)
        await self._library.blobs.put(_parsed_key(row, order), _pieces(_encode(parsed)))

    async def _read_file(self, order: Order, row: progress.IngestedRow, path: Path, patience: Patience) -> Parsed:
        """By what its kind needs."""
        library, name = self._library, f"{row.name}.{row.extension}" if row.extension else row.name
        parameters = library.open_parameters(order.key, row.parameters)
        if library.listener is not None and maybe_document_kind(row.content_type, name) == "media":
            options, notes = MediaOptions.read(parameters), await self._open_notes(order, row, patience)
            return (await library.listener.listen(await self._caller(order), path, name, options, notes)).parsed
        if library.crawler is not None and row.extension == CRAWLED:
            return await library.crawler.crawl(path, partial(self._find, order))
        return await library.parser.read_document(path, row.content_type, name, ParseOptions.read(parameters))

    async def _open_notes(self, order: Order, row: progress.IngestedRow, patience: Patience) -> HeardNotes:
        """So that a second try at a recording goes on where the first has stopped; for one that was deleted meanwhile
        nothing more is paid."""

        async def told() -> None:
            await self._find(order)
            patience.succeed()
            await self._steps.come_further()

        notes = HeardNotes(self._library.blobs, heard_key(row.blob, order.revision), told)
        await notes.load()
        return notes

    async def _stage(self, order: Order, _: Patience) -> None:
        """The chunks, with the vectors of those that were embedded before."""
        library, row = self._library, await self._find(order)
        profile, _caller = await self._profile(order)
        try:
            parts = [bytes(piece) async for piece in library.blobs.read(_parsed_key(row, order))]
        except BlobMissing:  # the blobs of the worker that read it cannot be reached from here
            raise EndFailed("What was read of the file is no longer there: index it again.") from None
        parsed = _decode(b"".join(parts))
        chunks = await asyncio.to_thread(split, parsed, profile.chunks)
        if not chunks:
            raise EndFailed(NO_TEXT)
        searched = sum(not chunk.is_parent for chunk in chunks)
        missing = await library.index.stage(order.key, order.document_id, order.revision, chunks, row.language)
        async with library.database.begin() as connection:
            if not await progress.set_status(
                connection, order.key, order.document_id, order.revision, "Pending", " ".join(parsed.skipped),
                pages=parsed.pages, chunks=searched, embedded=max(0, searched - missing),
            ):  # fmt: skip
                raise EndQuietly

    async def _embed(self, order: Order, patience: Patience) -> None:
        profile, caller = await self._profile(order)

        async def embed(texts: Sequence[str]) -> np.ndarray:
            return await self._library.embedder.embed(caller, profile.embedding, texts, query=False)

        async def told() -> None:
            patience.succeed()
            await self._steps.come_further()

        place = _Chunks(self._library, order)
        await embed_missing(place, embed, max(1, profile.embedding.batch_size), told)

    async def _publish(self, order: Order, _: Patience) -> None:
        """From one moment to the next this revision is searched, and the status says so."""
        row = await self._find(order)
        async with self._library.database.begin() as connection:
            if not await progress.set_status(
                connection, order.key, order.document_id, order.revision, "Success", embedded=row.chunks
            ):
                raise EndQuietly
            if not await self._library.index.publish(connection, order.key, order.document_id, order.revision):
                raise EndQuietly  # its chunks were taken away: by another run of it, or it is ordered again later

    async def _finish(self, order: Order, outcome: Outcome, _: Patience) -> None:
        """Says why it failed, if it did, and leaves nothing behind; also for a document that is gone."""
        library = self._library
        async with library.database.begin() as connection:
            if outcome.get("end") == "failed":
                reason = outcome["reason"]
                await progress.set_status(connection, order.key, order.document_id, order.revision, "Failed", reason)
            blob = await progress.maybe_blob(connection, order.key, order.document_id)
            if blob is None:  # chunks that were written after it was deleted
                await library.index.remove(connection, order.key, [order.document_id])
            await library.index.discard(connection, order.key)
        if blob is not None:
            await library.blobs.delete([parsed_key(blob, order.revision), heard_key(blob, order.revision)])

    async def _upkeep(self, order: Order, _: Patience) -> None:
        """What the index has put off; the document is searched without it."""
        await self._library.index.upkeep(order.key)

    # --- what the steps ask ------------------------------------------------------------------------------------

    async def _find(self, order: Order) -> progress.IngestedRow:
        async with self._library.database.begin() as connection:
            row = await progress.maybe_ingested(connection, order.key, order.document_id, order.revision)
        if row is None:
            raise EndQuietly
        return row

    async def _profile(self, order: Order) -> tuple[SearchProfile, Caller]:
        caller = await self._caller(order)
        profile = await self._library.maybe_profile(caller, order.key)
        if profile is None:
            raise EndQuietly
        return profile, caller

    async def _caller(self, order: Order) -> Caller:
        key = order.key
        async with self._library.database.begin() as connection:
            owner = await progress.maybe_owner(connection, key.organization_id, key.project_id)
        if owner is None:
            raise EndQuietly
        return acting_for(key.organization_id, owner[0], key.project_id, owner[1], DOING)


class _Chunks:
    """The chunks of one document, as the embedding sees them."""

    def __init__(self, library: Library, order: Order) -> None:
        self._library = library
        self._order = order

    async def list_missing(self, limit: int) -> Missing:
        order = self._order
        return await self._library.index.list_missing(order.key, order.document_id, order.revision, limit)

    async def put(self, chunk_ids: Sequence[int], vectors: np.ndarray) -> None:
        library, order = self._library, self._order
        await library.index.put_vectors(order.key, order.document_id, order.revision, chunk_ids, vectors)
        async with library.database.begin() as connection:
            more = len(chunk_ids)
            if not await progress.add_embedded(connection, order.key, order.document_id, order.revision, more):
                raise EndQuietly


def parsed_key(blob: str, revision: int) -> str:
    """Where lies what was read of a file, from the step that reads it to the end."""
    return f"{blob}.parsed{revision}"


def _parsed_key(row: progress.IngestedRow, order: Order) -> str:
    return parsed_key(row.blob, order.revision)


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content
