"""From a question to passages: real database and index, and an embedding model that is a table of words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from portico.server.access.caller import Caller
from portico.server.errors import ProviderUnknown
from portico.server.gateway.answers import Answer
from portico.server.gateway.embeddings import EmbeddingGateway
from portico.server.gateway.rerank import RerankGateway
from portico.server.ids import TokenId
from portico.server.retrieval.embed import Embedder, Vectors, input_type, read_vectors
from portico.server.retrieval.filters import Filter
from portico.server.retrieval.profile import ChunkRules, Embedding, Llm, Reranking, Search, SearchProfile
from portico.server.retrieval.search import Hit, Searcher
from portico.server.storage.database import Database
from portico.wire.requests import EmbeddingRequest, RerankRequest
from tests.server.retrieval.shelf import Shelf, piece

MEANINGS = ["cat kitten feline", "dog puppy canine", "car auto vehicle", "tree wood forest", "money price cost"]
SIZE = 16


def mean(text: str) -> Vectors:
    """Words of one meaning lie in one direction."""
    vector = np.full(SIZE, 0.01, np.float32)
    for place, words in enumerate(MEANINGS):
        vector[place] += sum(word in text.lower() for word in words.split())
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


class Gateway:
    """The embedding verb, with a limit of characters as models have it; and a reranking one that likes long texts."""

    def __init__(self, longest: int = 10_000) -> None:
        self.longest = longest
        self.requests: list[EmbeddingRequest] = []

    async def answer(self, caller: Caller, request: EmbeddingRequest, request_id: str) -> Answer:
        import base64
        import json

        from portico.server.errors import ContextLengthExceeded

        self.requests.append(request)
        if max(map(len, request.inputs)) > self.longest:
            raise ContextLengthExceeded(param="input")
        data = [{"embedding": base64.b64encode(mean(text).tobytes()).decode()} for text in request.inputs]
        return Answer(json.dumps({"data": data}).encode())


class Reranker:
    async def answer(self, caller: Caller, request: RerankRequest, request_id: str, labels: Any) -> Answer:
        import json

        order = sorted(range(len(request.documents)), key=lambda place: -len(request.documents[place]))
        results = [{"index": place, "relevance_score": 0.9 - rank / 10} for rank, place in enumerate(order)]
        return Answer(json.dumps({"results": results}).encode())


class Room:
    """A shelf, what searches it, and the profile."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.gateway = Gateway()
        self.embedder = Embedder(cast(EmbeddingGateway, self.gateway))
        self.searcher = Searcher(shelf.database, shelf.index, self.embedder, cast(RerankGateway, Reranker()))
        key = shelf.key
        self.caller = Caller(key.organization_id, "O", TokenId("t"), "project", key.project_id)
        self.profile = SearchProfile(key, "p", "", True, Embedding("local/words"), Llm("local/none"), Search("", ""))

    async def put(self, *pieces: Any, **about: Any) -> str:
        chunks = [piece(one) if isinstance(one, str) else one for one in pieces]
        vectors = np.stack([mean(one.searched) for one in chunks if not one.is_parent])
        return await self.shelf.put(chunks, vectors, **about)

    async def ask(self, question: str, k: int = 5, **options: Any) -> list[Hit]:
        return await self.searcher.search(self.caller, self.profile, question, k=k, **options)

    async def texts(self, question: str, **options: Any) -> list[str]:
        return [hit.text for hit in await self.ask(question, **options)]


@pytest.fixture
async def room(database: Database) -> AsyncIterator[Room]:
    yield Room(await Shelf.build(database))


pytestmark = pytest.mark.anyio


async def test_a_question_finds_what_is_meant_and_what_is_said(room: Room) -> None:
    await room.put("the kitten sleeps", "option --no-ff of merge", "a forest of tall trees", "prices go up")
    assert (await room.texts("what does a feline do?"))[0] == "the kitten sleeps"
    assert (await room.texts("--no-ff"))[0] == "option --no-ff of merge"


async def test_hits_say_where_they_come_from(room: Room) -> None:
    document = await room.put(
        piece("the cat sleeps", page=3, line_from=10, line_to=12),
        name="pets",
        extension="pdf",
        metadata={"url": "https://example.org/pets", "year": 2024, "id": "hidden"},
    )
    (hit,) = await room.ask("cat")
    assert hit.metadata == {
        "id": document,
        "name": "pets",
        "extension": "pdf",
        "source": "pets.pdf",
        "url": "https://example.org/pets",
        "year": 2024,
        "loc": {"lines": {"from": 10, "to": 12}, "pageNumber": 3},
    }
    assert (hit.document_id, hit.revision) == (document, 1)


@pytest.mark.parametrize("method", ["auto", "words", "vectors", "fused", "reranked"])
async def test_scores_lie_between_0_and_1_and_never_rise(room: Room, method: str) -> None:
    await room.put(*[f"the cat number {i} likes car {i % 3}" for i in range(30)])
    hits = await room.ask("cat number 3 and its car", k=20, method=method)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert scores[0] > 0


async def test_methods_ask_only_what_they_need(room: Room) -> None:
    await room.put("the kitten sleeps", "cat")
    assert await room.texts("cat", method="words") == ["cat"]
    assert room.gateway.requests == []
    assert set(await room.texts("feline", method="vectors")) == {"the kitten sleeps", "cat"}


async def test_filters_hold_for_every_method(room: Room) -> None:
    await room.put("the cat sleeps", metadata={"year": 2023})
    await room.put("the cat eats", metadata={"year": 2024})
    for method in ("auto", "words", "vectors", "reranked"):
        assert await room.texts("cat", filters=[Filter("year", "$gte", 2024.0)], method=method) == ["the cat eats"]
    assert await room.texts("cat", filters=[Filter("year", "$gt", "2030")]) == []


async def test_nearly_the_same_passage_of_one_document_comes_once(room: Room) -> None:
    same = "the cat sleeps on the warm red sofa near the old window of the house in the morning"
    await room.put(same, same + " .", "the cat eats")
    await room.put(same)
    assert sorted(await room.texts("cat")) == sorted([same, "the cat eats", same])


async def test_a_parent_comes_in_place_of_its_children(room: Room) -> None:
    room.profile = replace(room.profile, chunks=ChunkRules(parent=True))
    await room.put(
        piece("all about cats and dogs", is_parent=True), piece("the cat", parent=0), piece("a kitten", parent=0),
        piece("all about cars", is_parent=True), piece("an auto", parent=3),
    )  # fmt: skip
    assert await room.texts("cat kitten") == ["all about cats and dogs", "all about cars"]


async def test_vectors_come_when_they_are_asked_for(room: Room) -> None:
    await room.put("the cat sleeps")
    (plain,), (hit,) = await room.ask("cat"), await room.ask("cat", vectors=True)
    assert plain.vector is None
    assert hit.vector is not None
    assert hit.vector @ mean("the cat sleeps") == pytest.approx(1, abs=1e-2)


async def test_other_ways_to_put_the_question_are_looked_for(room: Room) -> None:
    await room.put("the kitten sleeps", "prices go up", "a forest")
    found = await room.texts("feline", queries=["what is the cost"], k=2)
    assert set(found) == {"the kitten sleeps", "prices go up"}


async def test_reranking_is_what_the_profile_asks_for(room: Room) -> None:
    await room.put("cat", "the cat sleeps", "the cat sleeps on the sofa all day")
    assert (await room.texts("cat"))[0] == "cat"
    room.profile = replace(room.profile, rerank=Reranking("cohere/r"))
    assert (await room.texts("cat"))[0] == "the cat sleeps on the sofa all day"
    assert (await room.texts("cat", method="fused"))[0] == "cat"


async def test_an_empty_question_or_index_finds_nothing(room: Room) -> None:
    assert await room.ask("cat") == []
    await room.put("the cat sleeps")
    assert await room.ask("   ") == [] == await room.ask("cat", k=0)
    assert len(await room.ask("?!")) == 1  # no word in it: the vector still says something


async def test_a_question_is_embedded_once_and_as_a_question(room: Room) -> None:
    room.profile = replace(room.profile, embedding=Embedding("cohere/embed"))
    await room.put("the cat sleeps")
    await room.ask("cat")
    await room.ask("cat")
    assert [request.input_type for request in room.gateway.requests] == ["search_query"]


async def test_passages_are_embedded_by_batches_as_passages(room: Room) -> None:
    embedding = Embedding("nvidia/embed", batch_size=2)
    rows = await room.embedder.embed(room.caller, embedding, ["cat", "dog", "car"], query=False)
    assert [len(request.inputs) for request in room.gateway.requests] == [2, 1]
    assert {request.input_type for request in room.gateway.requests} == {"passage"}
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 1, 1])


async def test_a_text_that_is_too_long_for_the_model_is_embedded_in_pieces(room: Room) -> None:
    room.gateway.longest = 100
    rows = await room.embedder.embed(room.caller, Embedding("local/words"), ["cat " * 100, "dog"], query=False)
    assert rows[0] @ mean("cat") > 0.99
    assert rows[1] @ mean("dog") > 0.99


@pytest.mark.parametrize(
    ("model", "asked", "question", "passage"),
    [
        ("openai/text-embedding-3-small", "", None, None),
        ("cohere/embed-v4", "", "search_query", "search_document"),
        ("awsbedrock/cohere.embed-english-v3", "", "search_query", "search_document"),
        ("vertex_ai/text-embedding-005", "", "RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT"),
        ("nvidia/nv-embed", "passage", "query", "passage"),
        ("vertex_ai/e", "RETRIEVAL_QUERY", "RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT"),
        ("cohere/e", "clustering", "clustering", "clustering"),
    ],
)
async def test_input_types(model: str, asked: str, question: str | None, passage: str | None) -> None:
    assert input_type(model, asked, query=True) == question
    assert input_type(model, asked, query=False) == passage


@pytest.mark.parametrize(
    "body", [b'{"data":[]}', b'{"data":[{"embedding":""}]}', b'{"data":[{"embedding":"AADAfw=="}]}']
)
async def test_vectors_that_are_none_are_refused(body: bytes) -> None:
    with pytest.raises(ProviderUnknown):
        read_vectors(body, 1)
