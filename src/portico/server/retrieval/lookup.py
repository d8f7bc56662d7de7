"""The two ways to find chunks of a profile: by vector and by word. Ordinals and scores come out, best first."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import psycopg

from portico.server.retrieval.lexical import (
    ENTRY,
    NO_POSTING,
    NOTHING,
    Counts,
    Packed,
    Posting,
    Ranges,
    Ranked,
    join,
    rank,
    read_posting,
    unpack,
)
from portico.server.retrieval.words import STEMMERS, Word, read_words
from portico.server.storage import vectors
from portico.server.storage.chunks import DEAD, STAGED, IndexRow, list_unsearched, maybe_index, raw
from portico.server.storage.database import Database
from portico.server.storage.postings import (
    STOP_LISTS,
    find_stop_words,
    list_segments,
    read_entries,
    read_packed,
    read_sizes,
)

if TYPE_CHECKING:
    from portico.server.storage.search_profiles import ProfileKey

CACHE_BYTES = 48 * 2**20
QUERY_BYTES = 32 * 2**20
"""What one question may read of postings; in an index where it would be more, its commonest words are left out."""
FUNCTION_WEIGHT = 0.1
"""How much "how", "the" and "do" count beside other words. Questions are full of them and manuals are not, so that by
their frequency alone they would weigh like names (nDCG@10 of questions about Python 0.35 with 1, 0.48 with 0.1)."""
KEPT_WORDS = 50_000
_log = logging.getLogger("portico.search")
NO_TEXTS: frozenset[str] = frozenset()
Found = list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class WordMatch:
    """One word of a question in the index: how many chunks have it, and whether it only holds the others together."""

    word: Word
    chunks: int
    is_function: bool = False


@dataclass(frozen=True, slots=True)
class WordsFound:
    """What is known of a search by words: BM25 cannot exceed `bound`; `chunks` are all of the index. `language` is the
    one of the index (ISO 639-1) that the question is put in, by its function words; "" where that cannot be said."""

    chunks: int
    bound: float
    matches: tuple[WordMatch, ...]
    language: str = ""


class Lookup:
    """One per process. Keeps postings that were read in memory, up to CACHE_BYTES: what was merged never changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache = _Cache(CACHE_BYTES)
        self._function: dict[tuple[str, str], bool] = {}

    async def nearest(
        self, key: ProfileKey, vector: npt.NDArray[np.float32], k: int, where: Ranges | None = None
    ) -> Found:
        """By cosine. A vector of other dimensions than those of the index finds nothing."""
        async with self._open(key) as (index, below):
            if index is None or k <= 0:
                return []
            if index.dimensions != len(vector):
                _tell_sizes(key, index, len(vector))
                return []
            unsearched = await list_unsearched(below, index.index_id)
            text = write_vector(vector)
            if where is not None and (where.size <= vectors.EXACT_CHUNKS or index.chunks <= vectors.EXACT_CHUNKS):
                ranges = (where.starts.tolist(), where.ends.tolist())
                return await vectors.search_ranges(below, index.index_id, text, k, *ranges)
            staged = _multirange([(first, count) for first, count, state in unsearched if state == STAGED])
            if index.chunks <= vectors.EXACT_CHUNKS or index.dimensions > vectors.MOST_INDEXED:
                if where is not None:
                    ranges = (where.starts.tolist(), where.ends.tolist())
                    return await vectors.search_ranges(below, index.index_id, text, k, *ranges)
                return await vectors.search_exact(below, index.index_id, text, k, staged)
            within = "" if where is None else _write_ranges(where)
            return await vectors.search_graph(
                below, index.index_id, index.dimensions, text, k, within=within, without=staged
            )

    async def best_words(
        self, key: ProfileKey, text: str, k: int, where: Ranges | None = None
    ) -> tuple[Found, WordsFound]:
        """By BM25, exact up to QUERY_BYTES of postings."""
        async with self._open(key, repeatable=True) as (index, below):
            if index is None or not index.chunks:
                return [], WordsFound(0, 0.0, ())
            words = read_words(text, index.languages)
            dead = Ranges.of(
                [(first, n) for first, n, state in await list_unsearched(below, index.index_id) if state == DEAD]
            )
            postings = await self._read(below, index, words, dead)
            language, function = await self._find_function_words(below, words, index.languages)
        counts = Counts(index.chunks, index.words)
        holding = [word.text in function for word in words]
        weights = [FUNCTION_WEIGHT if holds else 1.0 for holds in holding]
        ranked = await asyncio.to_thread(rank, postings, counts, k, where, weights)
        matches = tuple(
            WordMatch(word, len(posting), holds) for word, posting, holds in zip(words, postings, holding, strict=True)
        )
        found = list(zip(ranked.ordinals.tolist(), ranked.scores.tolist(), strict=True))
        return found, WordsFound(index.chunks, ranked.bound, matches, language)

    async def all_words(self, key: ProfileKey, text: str) -> Ranges:
        """The chunks in which every word of a text stands, in whatever form and order; all for a text without words."""
        async with self._open(key, repeatable=True) as (index, below):
            if index is None or not index.chunks:
                return Ranges.of([])
            words = [word for word in read_words(text, index.languages) if not word.is_whole]
            postings = await self._read(below, index, words, Ranges.of([]), every=True)
        if not postings:
            return Ranges.of([(0, 2**40)])
        shortest, *others = sorted(postings, key=len)
        ordinals = shortest.ordinals
        for posting in others:
            ordinals = np.intersect1d(ordinals, posting.ordinals, assume_unique=True)
        return Ranges.of_ordinals(ordinals.astype(np.int64))

    async def _read(
        self,
        below: psycopg.AsyncConnection[Any],
        index: IndexRow,
        words: Sequence[Word],
        dead: Ranges,
        *,
        every: bool = False,
    ) -> list[Posting]:
        merged, packed = await list_segments(below, index.index_id)
        terms = {term for word in words for term in word.terms}
        if not every and index.chunks * 8 * len(terms) > QUERY_BYTES:
            terms = await self._afford(below, index.index_id, terms)
        table = await self._read_merged(below, index.index_id, terms, merged)
        small = await self._read_packed(below, index.index_id, packed)
        postings = []
        for word in words:
            known = [term for term in word.terms if term in terms]
            parts = [part for term in known for part in table[term]]
            entries = [found for term in known for one in small if (found := one.find(term)) is not None]
            postings.append(join([*parts, *map(read_posting, entries)], dead))
        return postings

    async def _find_function_words(
        self, below: psycopg.AsyncConnection[Any], words: Sequence[Word], languages: Sequence[str]
    ) -> tuple[str, frozenset[str]]:
        """Of the one language of the index in which most words of the question are such: "die" is German or a verb."""
        listed = [language for language in languages if STEMMERS.get(language) in STOP_LISTS]
        names = [STEMMERS[language] for language in listed]
        texts = {word.text for word in words if word.text}
        missing = [text for text in texts if any((name, text) not in self._function for name in names)]
        if missing and names:
            found = await find_stop_words(below, names, missing)
            if len(self._function) > KEPT_WORDS:
                self._function.clear()
            self._function.update({(name, text): (name, text) in found for name in names for text in missing})
        sets = [frozenset(text for text in texts if self._function[name, text]) for name in names]
        most = max(sets, key=len, default=NO_TEXTS)
        return (listed[sets.index(most)] if most else ""), most

    async def _afford(self, below: psycopg.AsyncConnection[Any], index_id: int, terms: set[int]) -> set[int]:
        sizes = await read_sizes(below, index_id, terms)
        chosen: set[int] = set()
        total = 0
        for term in sorted(terms, key=lambda term: sizes.get(term, 0)):
            total += sizes.get(term, 0)
            if total > QUERY_BYTES and chosen:
                break
            chosen.add(term)
        return chosen

    async def _read_merged(
        self, below: psycopg.AsyncConnection[Any], index_id: int, terms: set[int], segments: Sequence[int]
    ) -> dict[int, list[Posting]]:
        found: dict[int, list[Posting]] = {term: [] for term in terms}
        missing: set[tuple[int, int]] = set()
        for term in terms:
            for segment in segments:
                posting = self._cache.get((segment, term))
                if posting is None:
                    missing.add((segment, term))
                else:
                    found[term].append(posting)
        if missing:
            wanted = ({term for _, term in missing}, {segment for segment, _ in missing})
            for term, segment, entries in await read_entries(below, index_id, *wanted):
                if (segment, term) in missing:
                    missing.discard((segment, term))
                    posting = read_posting(np.frombuffer(entries, ENTRY))
                    self._cache.put((segment, term), posting, posting.size_bytes)
                    found[term].append(posting)
            for pair in missing:
                self._cache.put(pair, NO_POSTING, 0)
        return found

    async def _read_packed(
        self, below: psycopg.AsyncConnection[Any], index_id: int, segments: Sequence[int]
    ) -> list[Packed]:
        known = {segment: self._cache.get((segment, None)) for segment in segments}
        missing = [segment for segment, packed in known.items() if packed is None]
        if missing:
            for segment, data in await read_packed(below, index_id, missing):
                known[segment] = unpack(data)
                self._cache.put((segment, None), known[segment], len(data))
        return [packed for packed in known.values() if packed is not None]

    @asynccontextmanager
    async def _open(
        self, key: ProfileKey, *, repeatable: bool = False
    ) -> AsyncIterator[tuple[IndexRow | None, psycopg.AsyncConnection[Any]]]:
        async with self._database.begin() as connection:
            below = await raw(connection)
            if repeatable:  # segments are merged at any time: one picture of them for all statements
                await below.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield await maybe_index(connection, key), below


def _tell_sizes(key: ProfileKey, index: IndexRow, size: int) -> None:
    """Before the first vector of a model there is nothing to tell."""
    if index.chunks and index.dimensions:
        told = "RAG assistant %s: its vectors have %d numbers, its embedding model gives %d; index its documents again"
        _log.warning(told, key.profile_id, index.dimensions, size)


class _Cache:
    """The least recently used goes first. What is kept costs its bytes and some for its place."""

    PLACE_BYTES = 400

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._kept: OrderedDict[tuple[int, int | None], tuple[Any, int]] = OrderedDict()
        self.size_bytes = 0

    def get(self, key: tuple[int, int | None]) -> Any:
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: tuple[int, int | None], value: Any, size_bytes: int) -> None:
        cost = size_bytes + self.PLACE_BYTES
        if cost > self._limit // 4:
            return
        if (old := self._kept.pop(key, None)) is not None:
            self.size_bytes -= old[1]
        self._kept[key] = (value, cost)
        self.size_bytes += cost
        while self.size_bytes > self._limit:
            _, (_, gone) = self._kept.popitem(last=False)
            self.size_bytes -= gone


def write_vector(vector: npt.NDArray[np.float32]) -> str:
    """As PostgreSQL reads it. Five digits are more than half a float keeps."""
    return "[" + ",".join([f"{number:.5g}" for number in vector.tolist()]) + "]"


def _write_ranges(ranges: Ranges) -> str:
    pairs = zip(ranges.starts.tolist(), ranges.ends.tolist(), strict=True)
    return "{" + ",".join([f"[{start},{end})" for start, end in pairs]) + "}"


def _multirange(pairs: Sequence[tuple[int, int]]) -> str:
    return _write_ranges(Ranges.of(pairs)) if pairs else ""


__all__ = ["NOTHING", "Found", "Lookup", "Ranked", "WordMatch", "WordsFound"]
