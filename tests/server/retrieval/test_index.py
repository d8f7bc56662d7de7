"""The index of a profile on a real PostgreSQL: what is published is found, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest

from portico.server.storage.database import Database
from tests.server.retrieval.shelf import Shelf, piece, random_vectors, vector_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shelf(database: Database) -> AsyncIterator[Shelf]:
    yield await Shelf.build(database)


async def found_by_word(shelf: Shelf, question: str, k: int = 10) -> list[int]:
    return [one.chunk_id for one in await shelf.index.best_words(shelf.key, question, k)]


async def found_by_vector(shelf: Shelf, text: str, k: int = 10) -> list[int]:
    return [one.chunk_id for one in await shelf.index.nearest(shelf.key, vector_of(text), k)]


async def test_a_published_document_is_found_by_word_and_by_vector(shelf: Shelf) -> None:
    await shelf.put(["the cat sleeps", "a dog barks", "birds sing"])
    (best, *_) = await shelf.index.best_words(shelf.key, "cats", 5)
    nearest = await shelf.index.nearest(shelf.key, vector_of("the cat sleeps"), 3)
    assert nearest[0].chunk_id == best.chunk_id
    assert nearest[0].score == pytest.approx(1.0, abs=1e-3)
    assert len(nearest) == 3


async def test_what_is_staged_is_not_found_before_it_is_published(shelf: Shelf) -> None:
    document = await shelf.put(["the cat sleeps"], publish=False)
    assert await found_by_word(shelf, "cat") == [] == await found_by_vector(shelf, "the cat sleeps")
    await shelf.publish(document, 1)
    assert len(await found_by_word(shelf, "cat")) == 1 == len(await found_by_vector(shelf, "the cat sleeps"))


async def test_staging_twice_changes_nothing(shelf: Shelf) -> None:
    document = await shelf.document()
    chunks = [piece("one two"), piece("three four")]
    assert await shelf.index.stage(shelf.key, document, 1, chunks, "en") == 2
    ids = await shelf.index.list_missing(shelf.key, document, 1, 10)
    assert await shelf.index.stage(shelf.key, document, 1, chunks, "en") == 2
    assert await shelf.index.list_missing(shelf.key, document, 1, 10) == ids
    await shelf.index.put_vectors(shelf.key, document, 1, [ids[0][0]], random_vectors(1, 16))
    assert await shelf.index.stage(shelf.key, document, 1, chunks, "en") == 1
    assert await shelf.index.list_missing(shelf.key, document, 1, 10) == ids[1:]


async def test_other_chunks_for_the_same_revision_take_the_place_of_the_first(shelf: Shelf) -> None:
    document = await shelf.document()
    await shelf.index.stage(shelf.key, document, 1, [piece("one two"), piece("three")], "en")
    await shelf.index.stage(shelf.key, document, 1, [piece("five six")], "en")
    assert [text for _, text in await shelf.index.list_missing(shelf.key, document, 1, 10)] == ["five six"]
    assert await shelf.count("chunks") == 1 == await shelf.count("editions") == await shelf.count("word_segments")


async def test_a_new_revision_takes_over_the_vectors_of_what_did_not_change(shelf: Shelf) -> None:
    document = await shelf.put(["first page", "second page", "third page"])
    chunks = [piece("first page"), piece("second page, changed"), piece("third page")]
    assert await shelf.index.stage(shelf.key, document, 2, chunks, "en") == 1
    ((ordinal, searched),) = await shelf.index.list_missing(shelf.key, document, 2, 10)
    assert searched == "second page, changed"
    await shelf.index.put_vectors(shelf.key, document, 2, [ordinal], vector_of(searched)[None])
    await shelf.publish(document, 2)
    assert await shelf.count("chunks") == 3 == await shelf.count("chunk_vectors")
    (best, *_) = await shelf.index.nearest(shelf.key, vector_of("third page"), 1)
    assert best.score == pytest.approx(1.0, abs=1e-3)


async def test_an_old_revision_is_found_until_the_new_one_is_published(shelf: Shelf) -> None:
    document = await shelf.put(["old words"])
    await shelf.put(["fresh words"], document_id=document, publish=False)
    assert len(await found_by_word(shelf, "old")) == 1
    assert await found_by_word(shelf, "fresh") == []
    await shelf.publish(document, 2)
    assert len(await found_by_word(shelf, "fresh")) == 1
    assert await found_by_word(shelf, "old") == []


async def test_publishing_again_or_an_older_revision_changes_nothing(shelf: Shelf) -> None:
    document = await shelf.put(["old words"])
    await shelf.put(["fresh words"], document_id=document)
    await shelf.publish(document, 2)
    await shelf.publish(document, 1)
    assert len(await found_by_word(shelf, "fresh words")) == 1


async def test_a_document_that_is_gone_is_not_published(shelf: Shelf) -> None:
    from sqlalchemy import text

    document = await shelf.put(["some words"], publish=False)
    async with shelf.database.begin() as connection:
        await connection.execute(text("DELETE FROM documents"))
    await shelf.publish(document, 1)
    assert await found_by_word(shelf, "words") == []


async def test_a_rolled_back_publication_leaves_the_old_revision(shelf: Shelf) -> None:
    document = await shelf.put(["old words"])
    await shelf.put(["fresh words"], document_id=document, publish=False)
    with pytest.raises(RuntimeError):
        async with shelf.database.begin() as connection:
            await shelf.index.publish(connection, shelf.key, document, 2)
            raise RuntimeError
    assert len(await found_by_word(shelf, "old")) == 1


async def test_removing_takes_one_document_or_all(shelf: Shelf) -> None:
    first = await shelf.put(["the cat sleeps"])
    await shelf.put(["another cat eats"])
    await shelf.remove(first)
    assert len(await found_by_word(shelf, "cat")) == 1 == len(await found_by_vector(shelf, "x"))
    await shelf.remove()
    assert await found_by_word(shelf, "cat") == [] == await found_by_vector(shelf, "x")
    for table in ("chunks", "chunk_vectors", "editions", "word_segments"):
        assert await shelf.count(table) == 0, table


async def test_profiles_do_not_see_each_other(database: Database, shelf: Shelf) -> None:
    other = await Shelf.build(database)
    await shelf.put(["the cat sleeps"])
    await other.put(["a cat of somebody else"])
    assert len(await found_by_word(shelf, "cat")) == 1 == len(await found_by_vector(shelf, "cat"))
    await shelf.remove()
    assert len(await found_by_word(other, "cat")) == 1


async def test_profiles_have_vectors_of_their_own_size(database: Database, shelf: Shelf) -> None:
    other = await Shelf.build(database)
    await shelf.put(["one"], random_vectors(1, 8))
    await other.put(["two"], random_vectors(1, 3072))
    assert len(await other.index.nearest(other.key, random_vectors(1, 3072)[0], 5)) == 1
    assert await shelf.index.nearest(shelf.key, random_vectors(1, 3072)[0], 5) == []


async def test_late_vectors_of_the_model_before_do_not_end_those_of_the_new_one(shelf: Shelf) -> None:
    """A worker's request to the old model may be on its way while all is indexed again by another one."""
    document = await shelf.document()
    await shelf.index.stage(shelf.key, document, 1, [piece("the cat sleeps")], "en")
    late = [ordinal for ordinal, _ in await shelf.index.list_missing(shelf.key, document, 1, 10)]
    await shelf.remove()
    shelf.revisions[document] = 1
    await shelf.put(["the cat sleeps"], random_vectors(1, 8), document_id=document)
    await shelf.index.put_vectors(shelf.key, document, 1, late, random_vectors(1, 24))
    assert len(await shelf.index.nearest(shelf.key, random_vectors(1, 8)[0], 5)) == 1
    await shelf.put(["a dog barks"], random_vectors(1, 24), document_id=document)
    assert len(await shelf.index.nearest(shelf.key, random_vectors(1, 24)[0], 5)) == 1


async def test_deleting_the_profile_leaves_no_row(shelf: Shelf) -> None:
    from sqlalchemy import text

    await shelf.put(["the cat sleeps"])
    await shelf.put(["more"], publish=False)
    async with shelf.database.begin() as connection:
        await connection.execute(text("DELETE FROM search_profiles"))
    for table in ("search_indexes", "chunks", "chunk_vectors", "editions", "word_segments", "postings"):
        assert await shelf.count(table) == 0, table
    assert await found_by_word(shelf, "cat") == [] == await found_by_vector(shelf, "x")
    await shelf.index.stage(shelf.key, "00000000-0000-4000-8000-000000000000", 1, [piece("late")], "en")
    assert await shelf.count("chunks") == 0


async def test_text_that_postgresql_cannot_keep_is_cleaned(shelf: Shelf) -> None:
    await shelf.put(["nul\0 and \ud800 half a pair"])
    assert len(await found_by_word(shelf, "pair\0 \udfff")) == 1


async def test_parents_are_not_searched(shelf: Shelf) -> None:
    await shelf.put(
        [piece("whole text of cats and dogs", is_parent=True), piece("cats", parent=0), piece("dogs", parent=0)]
    )
    assert await shelf.count("chunk_vectors") == 2
    (only,) = await shelf.index.best_words(shelf.key, "cats", 5)
    assert only.chunk_id == 1


async def test_nearest_is_in_order_and_limited(shelf: Shelf) -> None:
    vectors = random_vectors(200, 32, seed=5)
    await shelf.put([f"text {i}" for i in range(200)], vectors)
    question = random_vectors(1, 32, seed=9)[0]
    found = await shelf.index.nearest(shelf.key, question, 10)
    exact = np.argsort(-(vectors @ question))[:10].tolist()
    assert [one.chunk_id for one in found][:5] == exact[:5]
    assert len(found) == 10
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
