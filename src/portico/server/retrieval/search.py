"""A question becomes passages: both indexes are asked at once, fused, reranked where the profile wants it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from portico.server.access.caller import Caller
from portico.server.errors import ProviderError
from portico.server.gateway.rerank import RerankGateway
from portico.server.retrieval.embed import Embedder, knows_language
from portico.server.retrieval.fuse import (
    SHARE_FOREIGN,
    Fused,
    fuse,
    fuse_queries,
    share_of_words,
    shown_scores,
)
from portico.server.retrieval.hits import Hit, Method
from portico.server.retrieval.index import ChunkIndex
from portico.server.retrieval.lexical import Ranges
from portico.server.retrieval.lookup import Found, WordsFound, write_vector
from portico.server.retrieval.passages import Passage, choose
from portico.server.retrieval.profile import Reranking
from portico.server.retrieval.rerank import ON_BOARD, rerank
from portico.server.storage.database import Database
from portico.server.storage.passages import list_passages

if TYPE_CHECKING:
    from portico.server.retrieval.filters import Filter
    from portico.server.retrieval.profile import SearchProfile

BEST_NEAR = 64
BEST_WORDS = 1_000
"""So many of each list are fused: words cost nothing, and say something of each chunk that is near."""
SPARE = 3
"""Passages looked at for each that is wanted: some repeat others, or are gone by then."""
MOST_SHOWN = 1_000
NO_WORDS: tuple[Found, WordsFound] = ([], WordsFound(0, 0.0, ()))


@dataclass(slots=True)
class _Seen:
    """What both searches say of chunks: parts of the bound of BM25, and how much words count."""

    order: list[Fused]
    said: dict[int, float] = field(default_factory=dict)
    share: float = 0.0
    vector: npt.NDArray[np.float32] | None = None


class Searcher:
    """One per process."""

    def __init__(self, database: Database, index: ChunkIndex, embedder: Embedder, rerank: RerankGateway) -> None:
        self._database = database
        self._index = index
        self._embedder = embedder
        self._rerank = rerank

    async def search(
        self,
        caller: Caller,
        profile: SearchProfile,
        question: str,
        *,
        k: int,
        filters: Sequence[Filter] = (),
        method: Method = "auto",
        queries: Sequence[str] = (),
        vectors: bool = False,
        do_without: Callable[[ProviderError], None] | None = None,
    ) -> list[Hit]:
        """At most `k` passages, best first. `queries` are other ways to put the question, looked for as well.

        "auto" is "fused", or "reranked" in a profile that names a model for that. Raises what the embedding and the
        reranking models raise. With `do_without`, "auto" searches by words alone while the embedding model fails in a
        way that heals by itself: it is told the error. A wrong key or setting is raised all the same, so that somebody
        mends it.
        """
        k = min(k, MOST_SHOWN)
        if k <= 0 or not question.strip():
            return []
        where = await self._index.find_allowed(profile.key, filters)
        if where is not None and not len(where):
            return []
        reranking = _reranking(profile, method)
        wanted = max(
            k, reranking.candidates if reranking else 0, profile.chunks.child_k if profile.chunks.parent else 0
        )
        texts, most = [question, *queries], wanted * SPARE
        try:
            seen = await self._find(caller, profile, texts, method, most, where)
        except ProviderError as error:
            if do_without is None or method != "auto" or not error.retryable:
                raise
            do_without(error)
            seen = await self._find(caller, profile, texts, "words", most, where)
        passages = await self._show(profile, seen, wanted, vectors=vectors)
        if reranking is not None:
            passages = await self._rank_again(caller, reranking, question, passages)
        return [_hit(passage) for passage in passages[:k]]

    async def _find(
        self,
        caller: Caller,
        profile: SearchProfile,
        texts: Sequence[str],
        method: Method,
        wanted: int,
        where: Ranges | None,
    ) -> _Seen:
        """The first of the texts is the question itself."""
        found = []
        embedding = None
        if method != "words":
            embedding = asyncio.ensure_future(self._embedder.embed(caller, profile.embedding, texts, query=True))
        try:
            for place, text in enumerate(texts):
                near = self._near(profile, embedding, place, max(BEST_NEAR, wanted), where)
                found.append(await _both(near, self._said(profile, text, method, max(BEST_WORDS, wanted), where)))
        finally:
            if embedding is not None and not embedding.done():
                embedding.cancel()
        model = profile.embedding.model
        shares = [_share(method, model, text, said[1]) for text, (_, said) in zip(texts, found, strict=True)]
        lists = [fuse(near, said[0], said[1].bound, share) for (near, said), share in zip(found, shares, strict=True)]
        seen = _Seen(fuse_queries(lists)[:wanted], share=shares[0])
        for _, (scores, about) in found:
            for chunk_id, score in scores:
                seen.said[chunk_id] = max(seen.said.get(chunk_id, 0.0), score / about.bound)
        seen.vector = None if embedding is None else (await embedding)[0]
        return seen

    async def _near(
        self,
        profile: SearchProfile,
        embedding: asyncio.Future[npt.NDArray[np.float32]] | None,
        place: int,
        k: int,
        where: Ranges | None,
    ) -> Found:
        if embedding is None:
            return []
        return await self._index.lookup.nearest(profile.key, (await embedding)[place], k, where)

    async def _said(
        self, profile: SearchProfile, text: str, method: Method, k: int, where: Ranges | None
    ) -> tuple[Found, WordsFound]:
        return NO_WORDS if method == "vectors" else await self._index.lookup.best_words(profile.key, text, k, where)

    async def _show(self, profile: SearchProfile, seen: _Seen, k: int, *, vectors: bool) -> list[Passage]:
        order = [one.chunk_id for one in seen.order]
        near = "" if seen.vector is None else write_vector(seen.vector)
        async with self._database.begin() as connection:
            rows = await list_passages(connection, profile.key, order, near=near, vectors=vectors)
            order = [chunk_id for chunk_id in order if chunk_id in rows]
            parents = {row.parent for row in rows.values() if row.parent is not None} - rows.keys()
            if parents:
                rows |= await list_passages(connection, profile.key, parents)
        cosines = {chunk_id: rows[chunk_id].cosine or 0.0 for chunk_id in order}
        scores = shown_scores(order, cosines, seen.said, seen.share)
        return choose(rows, list(zip(order, scores, strict=True)), k)

    async def _rank_again(
        self, caller: Caller, reranking: Reranking, question: str, passages: Sequence[Passage]
    ) -> list[Passage]:
        """Those that the model was not shown, or did not rank, stay behind the others."""
        shown = passages[: reranking.candidates]
        ranked = await rerank(self._rerank, caller, reranking, question, [passage.row.body for passage in shown])
        best = [replace(shown[place], score=min(max(score, 0.0), 1.0)) for place, score in ranked]
        lowest = best[-1].score if best else 1.0
        rest = [passage for place, passage in enumerate(passages) if place not in {place for place, _ in ranked}]
        return best + [replace(passage, score=min(passage.score, lowest)) for passage in rest]


async def _both(
    near: Coroutine[Any, Any, Found], said: Coroutine[Any, Any, tuple[Found, WordsFound]]
) -> tuple[Found, tuple[Found, WordsFound]]:
    """Two connections work at once; an error of one ends the other."""
    tasks = asyncio.create_task(near), asyncio.create_task(said)
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _share(method: Method, model: str, text: str, about: WordsFound) -> float:
    if method in ("words", "vectors"):
        return 1.0 if method == "words" else 0.0
    share = share_of_words(text, about.matches)
    return share if knows_language(model, about.language) else max(share, SHARE_FOREIGN)


def _reranking(profile: SearchProfile, method: Method) -> Reranking | None:
    if method not in ("auto", "reranked"):
        return None
    return profile.rerank or (Reranking(ON_BOARD) if method == "reranked" else None)


def _hit(passage: Passage) -> Hit:
    row = passage.row
    return Hit(
        row.ordinal, row.document_id, row.revision, row.body, passage.score, passage.metadata, passage.vector
    )  # fmt: skip
