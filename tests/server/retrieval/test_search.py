"""From a question to passages: real database and index, and an embedding model that is a table of words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from portico.server.access.caller import Caller
from portico.server.errors import (
    PorticoError,
    ProviderAuth,
    ProviderError,
    ProviderOvercapacity,
    ProviderQuota,
    ProviderRateLimit,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnknown,
    QuotaExceeded,
)
from portico.server.gateway.answers import Answer
from portico.server.gateway.embeddings import EmbeddingGateway
from portico.server.gateway.rerank import RerankGateway
from portico.server.ids import TokenId
from portico.server.retrieval.chunk import split
from portico.server.retrieval.embed import QUESTION_S, Embedder, Vectors, input_type, knows_language, read_vectors
from portico.server.retrieval.filters import Filter
from portico.server.retrieval.hits import Hit
from portico.server.retrieval.profile import ChunkRules, Embedding, Llm, Reranking, Search, SearchProfile
from portico.server.retrieval.search import Searcher
from portico.server.storage.database import Database
from portico.wire.requests import EmbeddingRequest, RerankRequest
from tests.server.retrieval.documents import pdf, placed
from tests.server.retrieval.parsing.reading import parse
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


async def test_a_reranking_model_that_fails_is_named_with_what_to_do(room: Room) -> None:
    class Away:
        async def answer(self, *_: object) -> Answer:
            raise ProviderOvercapacity("busy", retry_after_s=7)

    await room.put("cat")
    room.profile = replace(room.profile, rerank=Reranking("cohere/r"))
    room.searcher = Searcher(room.shelf.database, room.shelf.index, room.embedder, cast(RerankGateway, Away()))
    with pytest.raises(ProviderOvercapacity) as failed:
        await room.ask("cat")
    assert failed.value.message == "The reranking model cohere/r has failed: busy. Try again in a moment."
    assert failed.value.retry_after_s == 7


class Down:
    """An embedding model that fails in one way."""

    def __init__(self, error: PorticoError) -> None:
        self.error = error

    async def answer(self, *_: object) -> Answer:
        raise self.error


def without_embedding(room: Room, error: PorticoError) -> None:
    embedder = Embedder(cast(EmbeddingGateway, Down(error)))
    room.searcher = Searcher(room.shelf.database, room.shelf.index, embedder, cast(RerankGateway, Reranker()))


@pytest.mark.parametrize("error", [ProviderOvercapacity, ProviderUnknown, ProviderTimeout, ProviderRateLimit])
async def test_words_alone_are_searched_where_that_is_wanted_and_the_model_is_down(
    room: Room, error: type[ProviderError]
) -> None:
    await room.put("the kitten sleeps", "the cat sleeps on the sofa", "a cat")
    without_embedding(room, error("down"))
    told: list[ProviderError] = []
    found = await room.texts("cat", queries=["sofa"], do_without=told.append, vectors=True)
    assert sorted(found) == ["a cat", "the cat sleeps on the sofa"]
    assert [one.message for one in told] == ["The embedding model local/words has failed: down. Try again in a moment."]
    room.profile = replace(room.profile, rerank=Reranking("cohere/r"))
    assert (await room.texts("cat", do_without=told.append))[0] == "the cat sleeps on the sofa", "still reranked"
    for options in ({}, {"method": "fused", "do_without": told.append}):  # who measures a method wants that one
        with pytest.raises(error):
            await room.ask("cat", **options)
    assert len(told) == 2


@pytest.mark.parametrize("error", [ProviderAuth("no"), ProviderQuota("no"), ProviderRefused("no"), QuotaExceeded()])
async def test_a_model_that_only_a_person_can_mend_is_raised(room: Room, error: PorticoError) -> None:
    await room.put("the cat sleeps")
    without_embedding(room, error)
    told: list[ProviderError] = []
    with pytest.raises(type(error)):
        await room.ask("cat", do_without=told.append)
    assert not told


async def test_vectors_of_another_size_leave_what_the_words_find(
    room: Room, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that was replaced under its name, as on a server of one's own."""
    await room.put("the cat sleeps", "a dog barks")
    monkeypatch.setattr("tests.server.retrieval.test_search.SIZE", 24)
    for search in ("similarity", "mmr"):
        hits = await room.ask("cat", vectors=search == "mmr")
        assert [hit.text for hit in hits] == ["the cat sleeps"] and 0 < hits[0].score <= 1
    assert "its vectors have 16 numbers, its embedding model gives 24" in caplog.text


async def test_a_row_of_a_table_in_a_pdf_is_found_with_its_head(room: Room) -> None:
    """From the drawn page to the passage: rows, chunks, words."""
    rows = [("Part", "Stock", "Shelf"), *((f"screw M{n}", f"{n * 7}", f"row {n}") for n in range(1, 31))]
    words = "".join(
        placed(x, 700 - 14 * place, cell, -10 if place == 0 else 10)
        for place, row in enumerate(rows)
        for x, cell in zip((80, 200, 300), row, strict=True)
    )
    parsed = parse(pdf([[]], drawn=[placed(80, 740, "What is kept in the store.") + words]), "store.pdf")
    await room.put(*split(parsed, ChunkRules(size=400, overlap=0)), name="store", extension="pdf")
    hit = (await room.ask("how many screw M23 are there", method="words"))[0]
    assert hit.text.startswith("| Part | Stock | Shelf |\n| --- | --- | --- |\n| screw M")
    assert "| screw M23 | 161 | row 23 |" in hit.text and "| screw M1 |" not in hit.text
    assert hit.metadata["loc"]["pageNumber"] == 1


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
    assert [(one.input_type, one.timeout_s) for one in room.gateway.requests] == [("search_query", QUESTION_S)]


async def test_passages_are_embedded_by_batches_as_passages(room: Room) -> None:
    embedding = Embedding("nvidia/embed", batch_size=2)
    rows = await room.embedder.embed(room.caller, embedding, ["cat", "dog", "car"], query=False)
    assert [len(request.inputs) for request in room.gateway.requests] == [2, 1]
    assert {(one.input_type, one.timeout_s) for one in room.gateway.requests} == {("passage", None)}
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


async def test_vectors_of_an_english_model_say_little_of_other_languages() -> None:
    assert not knows_language("local/all-minilm-l6-v2", "de")
    assert not knows_language("cohere/embed-english-v3.0", "es")
    assert knows_language("local/all-minilm-l6-v2", "en")
    assert knows_language("local/all-minilm-l6-v2", "")
    assert knows_language("openai/text-embedding-3-small", "de")
    assert knows_language("cohere/embed-multilingual-v3.0", "de")


async def test_words_decide_where_the_model_does_not_know_the_language(room: Room) -> None:
    said = "Der Zähler in der Wohnung wird im Herbst gewechselt."
    await room.put("Das kitten schläft auf der Bank.", said, "Die Preise sind hoch.", language="de")
    question = "Wie wird der Zähler in der Wohnung gewechselt, wenn feline?"
    assert (await room.texts(question))[0] == "Das kitten schläft auf der Bank."
    room.profile = replace(room.profile, embedding=Embedding("local/all-minilm-l6-v2"))
    assert (await room.texts(question))[0] == said


@pytest.mark.parametrize(
    "body", [b'{"data":[]}', b'{"data":[{"embedding":""}]}', b'{"data":[{"embedding":"AADAfw=="}]}']
)
async def test_vectors_that_are_none_are_refused(body: bytes) -> None:
    with pytest.raises(ProviderUnknown):
        read_vectors(body, 1)
