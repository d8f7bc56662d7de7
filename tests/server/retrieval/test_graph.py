"""The graph of a large profile: built, used without loss, repaired, dropped. What is large is set low here."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest
from sqlalchemy import text

from portico.server.retrieval.filters import Filter
from portico.server.storage import vectors
from portico.server.storage.database import Database
from tests.server.retrieval.shelf import Shelf, Vectors, random_vectors

pytestmark = pytest.mark.anyio
COUNT, DIMENSIONS = 600, 24


@pytest.fixture
async def shelf(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shelf]:
    monkeypatch.setattr(vectors, "EXACT_CHUNKS", 100)
    yield await Shelf.build(database)


async def fill(shelf: Shelf) -> Vectors:
    """Two documents, of which every vector is that of its ordinal."""
    made = random_vectors(COUNT, DIMENSIONS, seed=1)
    shelf.revisions.clear()
    half = COUNT // 2
    await shelf.put([f"chunk {i}" for i in range(half)], made[:half], metadata={"half": 1})
    await shelf.put([f"chunk {i}" for i in range(half, COUNT)], made[half:], metadata={"half": 2})
    return made


async def graphs(shelf: Shelf) -> list[tuple[str, bool]]:
    query = (
        "SELECT c.relname, x.indisvalid FROM pg_class c JOIN pg_index x ON x.indexrelid = c.oid"
        " WHERE c.relname LIKE 'chunk_vectors_hnsw_%' ORDER BY 1"
    )
    async with shelf.database.begin() as connection:
        return [(row[0], row[1]) for row in await connection.execute(text(query))]


async def recall(shelf: Shelf, made: Vectors, mask: np.ndarray, filters: list[Filter]) -> float:  # type: ignore[type-arg]
    where = await shelf.index.find_allowed(shelf.key, filters)
    hits = 0
    questions = random_vectors(20, DIMENSIONS, seed=2)
    for question in questions:
        scores = np.where(mask, made @ question, -2)
        best = set(np.argsort(-scores)[:10].tolist())
        found = await shelf.index.nearest(shelf.key, question, 10, where)
        assert len(found) == 10
        hits += sum(one.chunk_id in best for one in found)
    return hits / 10 / len(questions)


async def test_a_large_profile_is_searched_by_its_graph_without_loss(shelf: Shelf) -> None:
    made = await fill(shelf)
    everything = np.ones(COUNT, bool)
    assert await recall(shelf, made, everything, []) > 0.98  # before there is a graph
    await shelf.index.upkeep(shelf.key)
    assert [valid for _, valid in await graphs(shelf)] == [True]
    assert await recall(shelf, made, everything, []) >= 0.97
    second = np.arange(COUNT) >= COUNT // 2
    assert await recall(shelf, made, second, [Filter("half", "$eq", 2.0)]) >= 0.97


async def test_what_is_staged_is_not_found_by_the_graph(shelf: Shelf) -> None:
    made = await fill(shelf)
    await shelf.index.upkeep(shelf.key)
    await shelf.put(["staged"], made[:1], publish=False)
    found = await shelf.index.nearest(shelf.key, made[0], 3)
    assert COUNT not in [one.chunk_id for one in found]
    assert found[0].chunk_id == 0


async def test_a_graph_that_a_killed_build_left_is_made_again(shelf: Shelf) -> None:
    await fill(shelf)
    await shelf.index.upkeep(shelf.key)
    async with shelf.database.begin() as connection:
        broken = (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid IN (SELECT oid FROM pg_class WHERE relname LIKE"
        )
        await connection.execute(text(f"{broken} 'chunk_vectors_hnsw_%')"))
    await shelf.index.upkeep(shelf.key)
    assert [valid for _, valid in await graphs(shelf)] == [True]


async def test_a_graph_goes_with_its_documents_and_with_its_profile(shelf: Shelf) -> None:
    await fill(shelf)
    await shelf.index.upkeep(shelf.key)
    await shelf.remove()
    await shelf.index.upkeep(shelf.key)
    assert await graphs(shelf) == []
    await fill(shelf)
    await shelf.index.upkeep(shelf.key)
    async with shelf.database.begin() as connection:
        await connection.execute(text("DELETE FROM search_profiles"))
    other = await Shelf.build(shelf.database)
    await other.put(["something"], random_vectors(1, DIMENSIONS))
    await other.index.upkeep(other.key)
    assert await graphs(shelf) == []


async def test_vectors_of_another_size_end_the_graph_of_the_old_ones(shelf: Shelf) -> None:
    await fill(shelf)
    await shelf.index.upkeep(shelf.key)
    await shelf.remove()
    await shelf.put(["new model"], random_vectors(1, 8))
    assert len(await shelf.index.nearest(shelf.key, random_vectors(1, 8)[0], 5)) == 1
    assert await graphs(shelf) == []
