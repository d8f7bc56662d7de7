"""The ways to search that are compared: those of Portico, and two references that others use.

Each takes a question and gives documents, best first.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import text

from benchmarks.retrieval.library import Library
from portico.server.retrieval.evaluate import Answered, collapse
from portico.server.retrieval.hits import Method

DEPTH = 10
CHUNKS = 50
"""So many passages are looked at for the first ten documents, as `portico rag evaluate` does it."""
RRF_DEPTH, RRF_K = 100, 60
"""Of reciprocal-rank fusion: how deep the two lists go, and the usual constant."""
NAMES: Mapping[str, str] = {
    "ts_rank": "PostgreSQL's ts_rank",
    "words": "Full text alone (BM25)",
    "vectors": "Dense alone",
    "rrf": "Reciprocal-rank fusion 1:1",
    "fused": "Fused",
    "reranked": "Reranked",
}
REFERENCES = ("ts_rank", "rrf")
Ask = Callable[[str], Awaitable[Sequence[str]]]
_MAKE = (
    "CREATE UNLOGGED TABLE IF NOT EXISTS bench_ts_rank (profile uuid, document uuid, words tsvector)",
    "DELETE FROM bench_ts_rank WHERE profile = :profile",
    "INSERT INTO bench_ts_rank SELECT i.profile_id, c.document_id, to_tsvector('english', c.lead || ' ' || c.body)"
    " FROM chunks c JOIN search_indexes i USING (index_id) JOIN editions e ON e.index_id = c.index_id"
    " AND c.ordinal >= e.first AND c.ordinal < e.first + e.ordinals AND e.state = 1"
    " WHERE i.profile_id = :profile AND c.is_searched",
    "CREATE INDEX IF NOT EXISTS bench_ts_rank_words ON bench_ts_rank USING gin (words)",
)
_RANK = text(
    "SELECT CAST(document AS text) FROM bench_ts_rank, (SELECT CAST(replace(CAST(plainto_tsquery('english', :question)"
    " AS text), '&', '|') AS tsquery) AS wanted) q WHERE profile = :profile AND words @@ wanted"
    " ORDER BY ts_rank(words, wanted) DESC LIMIT :limit"
)


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    expected: frozenset[str]


async def prepare(library: Library) -> None:
    """What the references need."""
    async with library.database.begin() as connection:
        for statement in _MAKE:
            values = {"profile": library.profile.key.profile_id} if ":profile" in statement else {}
            await connection.execute(text(statement), values)


async def run(library: Library, method: str, questions: Sequence[Question]) -> list[Answered]:
    """Every question once, one after the other; a first search that loads models is not counted."""
    library.rooms.forget_questions()
    ask = _method(library, method)
    await ask("What is this about?")
    answers = []
    for question in questions:
        began = time.perf_counter()
        found = await ask(question.text)
        took_ms = (time.perf_counter() - began) * 1000
        pages = collapse(library.pages[document] for document in found)[:DEPTH]
        answers.append(Answered(question.expected, pages, took_ms))
    return answers


def _method(library: Library, method: str) -> Ask:
    match method:
        case "ts_rank":
            return lambda question: _ts_rank(library, question)
        case "rrf":
            return lambda question: _rrf(library, question)
        case _:
            return lambda question: _ours(library, question, cast(Method, method))


async def _ours(library: Library, question: str, method: Method) -> list[str]:
    hits = await library.rooms.searcher.search(library.caller, library.profile, question, k=CHUNKS, method=method)
    return [hit.document_id for hit in hits]


async def _rrf(library: Library, question: str) -> list[str]:
    scores: dict[int, float] = {}
    documents: dict[int, str] = {}
    methods: tuple[Method, Method] = ("words", "vectors")
    for method in methods:
        hits = await library.rooms.searcher.search(
            library.caller, library.profile, question, k=RRF_DEPTH, method=method
        )
        for place, hit in enumerate(hits, 1):
            scores[hit.chunk_id] = scores.get(hit.chunk_id, 0.0) + 1 / (RRF_K + place)
            documents[hit.chunk_id] = hit.document_id
    best = sorted(scores, key=lambda chunk: (-scores[chunk], chunk))
    return [documents[chunk] for chunk in best[:CHUNKS]]


async def _ts_rank(library: Library, question: str) -> list[str]:
    values = {"question": question, "profile": library.profile.key.profile_id, "limit": CHUNKS}
    async with library.database.begin() as connection:
        return [str(row[0]) for row in await connection.execute(_RANK, values)]
