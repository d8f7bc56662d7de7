"""The index of a profile: chunks go in by revisions of documents, and are found by vector and by word."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.retrieval.lexical import Counts, Ranges, pack
from portico.server.retrieval.lookup import Found, Lookup, write_vector
from portico.server.retrieval.maintain import maintain
from portico.server.retrieval.removal import discard_staged, remove_documents
from portico.server.retrieval.where import MATCH, find_ranges
from portico.server.retrieval.words import count_terms, detect_language
from portico.server.storage import chunks as rows
from portico.server.storage.chunks import DEAD, LIVE, STAGED, EditionRow, NewChunk
from portico.server.storage.database import Database
from portico.server.storage.postings import insert_packed

if TYPE_CHECKING:
    from portico.server.retrieval.chunk import Chunk
    from portico.server.retrieval.filters import Filter
    from portico.server.storage.search_profiles import ProfileKey

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scored:
    """`chunk_id` names a chunk within its profile. By vector the score is the cosine, by words it is BM25."""

    chunk_id: int
    score: float


class ChunkIndex:
    """One per process. Every method takes the profile first; none sees what is not published, except for staging."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lookup = Lookup(database)

    async def stage(
        self, key: ProfileKey, document_id: str, revision: int, chunks: Sequence[Chunk], language: str = ""
    ) -> int:
        """Puts the chunks of a revision aside; how many of them need a vector.

        The same chunks again change nothing; others replace them, and older revisions that were never published go.
        A newer one stays: whoever is late here may have been overtaken.
        Vectors of equal texts in this profile are taken over. A profile that is gone needs none (0). `language` is an
        ISO 639-1 code; "" to have it found out.
        """
        digests = [_digest(_clean(chunk.searched)) for chunk in chunks]
        whole = _digest_all(chunks, digests)
        async with self._database.begin() as connection:
            await rows.lock_document(connection, key, document_id)  # so that nothing is published that goes below
            index = await rows.maybe_index(connection, key)
            editions = [] if index is None else await rows.list_editions(connection, index.index_id, document_id)
            same = next((one for one in editions if _is_same(one, revision, whole)), None)
            if index is not None and same is not None:
                return await rows.count_missing(connection, index.index_id, same.first, same.ordinals)
            reserved = await rows.reserve(connection, key, len(chunks) or 1)
            if reserved is None:
                return 0
            index_id, first = reserved
            stale = [one.first for one in editions if one.state == STAGED and one.revision <= revision]
            await rows.delete_editions(connection, index_id, stale)
        new = _number(chunks, digests, first)
        words, packed = await asyncio.to_thread(_count_words, new, language or _language_of(chunks))
        async with self._database.begin() as connection:
            if await rows.maybe_index(connection, key, lock="KEY SHARE") is None:
                return 0
            await rows.insert_edition(
                connection, index_id, document_id, revision, first, new,
                words=words, language=language or _language_of(chunks), digest=whole,
            )  # fmt: skip
            await insert_packed(connection, index_id, first, words, packed)
            return await rows.count_missing(connection, index_id, first, len(new))

    async def list_missing(self, key: ProfileKey, document_id: str, revision: int, limit: int) -> list[tuple[int, str]]:
        """Chunks of this revision without a vector, and the texts to be embedded."""
        async with self._database.begin() as connection:
            index_id, edition = await self._find(connection, key, document_id, revision)
            if edition is None:
                return []
            return await rows.list_missing(connection, index_id, edition.first, edition.ordinals, limit)

    async def put_vectors(
        self, key: ProfileKey, document_id: str, revision: int, chunk_ids: Sequence[int], vectors: Vectors
    ) -> None:
        """Unit vectors, one row for each chunk; those that have one keep it, those that are gone are left out."""
        texts = [write_vector(vector) for vector in vectors]
        async with self._database.begin() as connection:
            index = await rows.maybe_index(connection, key, lock="KEY SHARE")
            if index is not None and texts:
                await rows.insert_vectors(connection, index.index_id, chunk_ids, texts, vectors.shape[1])

    async def publish(self, connection: AsyncConnection, key: ProfileKey, document_id: str, revision: int) -> bool:
        """From the end of the caller's transaction on this revision is searched, and no other one of the document.

        False when there is nothing of it to publish. Nothing happens to a document that is gone, and none is taken back
        to an older revision.
        """
        there = await rows.lock_document(connection, key, document_id) is not None
        index = await rows.maybe_index(connection, key, lock="NO KEY UPDATE")
        if index is None:
            return False
        editions = await rows.list_editions(connection, index.index_id, document_id)
        newest = max((one.revision for one in editions if one.state == LIVE), default=-1)
        chosen = [one for one in editions if one.state == STAGED and one.revision == revision > newest and there]
        if not chosen:
            return False
        old = [one for one in editions if one.state == LIVE or (one.state == STAGED and one.revision <= revision)]
        await rows.delete_editions(connection, index.index_id, [one.first for one in old if one != chosen[-1]])
        await rows.publish_edition(connection, index.index_id, chosen[-1])
        return True

    async def remove(self, connection: AsyncConnection, key: ProfileKey, document_ids: Collection[str] | None) -> None:
        """See `remove_documents`."""
        await remove_documents(connection, key, document_ids)

    async def discard(self, connection: AsyncConnection, key: ProfileKey) -> None:
        """See `discard_staged`."""
        await discard_staged(connection, key)

    async def upkeep(self, key: ProfileKey) -> None:
        """Merges what many small documents left, and builds the graph of a large profile. Cheap when nothing is to do.

        Searches go on meanwhile. Of several callers for one profile one works, the others return at once.
        """
        await maintain(self._database, key)

    async def nearest(self, key: ProfileKey, vector: Vectors, k: int, where: Ranges | None = None) -> list[Scored]:
        """The chunks whose unit vectors are nearest, best first."""
        return _scored(await self._lookup.nearest(key, vector, k, where))

    async def best_words(self, key: ProfileKey, text: str, k: int, where: Ranges | None = None) -> list[Scored]:
        """The chunks that BM25 finds best, best first."""
        found, _ = await self._lookup.best_words(key, text, k, where)
        return _scored(found)

    async def find_allowed(self, key: ProfileKey, filters: Sequence[Filter]) -> Ranges | None:
        """The chunks that pass all filters, as ranges of ordinals; None without a filter."""
        if not filters:
            return None
        async with self._database.begin() as connection:
            index = await rows.maybe_index(connection, key)
            if index is None:
                return Ranges.of([])
            allowed = await find_ranges(connection, key, index.index_id, filters)
        for one in filters:
            if one.operator == MATCH:
                allowed = allowed.intersect(await self._lookup.all_words(key, str(one.value)))
        return allowed

    @property
    def lookup(self) -> Lookup:
        return self._lookup

    async def _find(
        self, connection: AsyncConnection, key: ProfileKey, document_id: str, revision: int
    ) -> tuple[int, EditionRow | None]:
        index = await rows.maybe_index(connection, key)
        if index is None:
            return 0, None
        editions = await rows.list_editions(connection, index.index_id, document_id)
        found = [one for one in editions if one.revision == revision and one.state != DEAD]
        return index.index_id, found[-1] if found else None


def _scored(found: Found) -> list[Scored]:
    return [Scored(ordinal, score) for ordinal, score in found]


def _is_same(edition: EditionRow, revision: int, digest: str) -> bool:
    return edition.state != DEAD and edition.revision == revision and edition.digest == digest


def _number(chunks: Sequence[Chunk], digests: Sequence[str], first: int) -> list[NewChunk]:
    leads = [_lead(chunk) for chunk in chunks]
    return [
        NewChunk(
            ordinal=first + place,
            digest=digests[place],
            is_searched=not chunk.is_parent,
            parent=None if chunk.parent is None else first + chunk.parent,
            page=chunk.page,
            line_from=chunk.line_from or None,
            line_to=chunk.line_to or None,
            heading=_clean(chunk.heading),
            lead=leads[place] or "",
            body=_clean(chunk.text),
            searched=_clean(chunk.searched) if leads[place] is None else None,
            metadata=chunk.metadata,
        )
        for place, chunk in enumerate(chunks)
    ]


def _lead(chunk: Chunk) -> str | None:
    """What stands before the text in what is searched; None when that does not end with the text."""
    searched, body = _clean(chunk.searched), _clean(chunk.text)
    return searched[: len(searched) - len(body)] if searched.endswith(body) else None


def _count_words(chunks: Sequence[NewChunk], language: str) -> tuple[int, bytes]:
    counted: dict[int, Counter[int]] = {}
    for chunk in chunks:
        if chunk.is_searched:
            counted[chunk.ordinal] = count_terms(chunk.text, language)
            # What a passage is headed by is what it is about: it counts twice (terms of an index: 0.48 to 0.54).
            counted[chunk.ordinal] += count_terms(chunk.heading, language)
    return sum(counts.total() for counts in counted.values()), pack(counted)


def _language_of(chunks: Sequence[Chunk]) -> str:
    texts, size = [], 0
    for chunk in chunks:
        texts.append(chunk.text)
        size += len(chunk.text)
        if size > 20_000:
            break
    return detect_language("\n".join(texts))


def _clean(text: str) -> str:
    """PostgreSQL keeps neither NUL nor half a surrogate pair."""
    if text.isascii():
        return text.replace("\0", "")
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _digest_all(chunks: Sequence[Chunk], digests: Sequence[str]) -> str:
    state = blake2b(digest_size=16)
    for chunk, digest in zip(chunks, digests, strict=True):
        place = (chunk.parent, chunk.page, chunk.line_from, chunk.line_to, chunk.heading, chunk.metadata)
        state.update(repr((digest, place)).encode("utf-8", "replace"))
    return state.hexdigest()


__all__ = ["ChunkIndex", "Counts", "Ranges", "Scored"]
