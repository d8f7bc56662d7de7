"""BM25 against a straightforward reference, in memory and through the database, whatever was merged or deleted."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portico.server.retrieval import lexical, maintain
from portico.server.retrieval.lexical import K1, B, Counts, Posting, Ranges, join, pack, rank, read_posting, unpack
from portico.server.retrieval.words import count_terms, read_words
from portico.server.storage.database import Database
from tests.server.retrieval.shelf import Shelf

WORDS = [f"{letter}{other}word" for letter in "abcdefghij" for other in "xyz"]


def reference(chunks: dict[int, Counter[int]], question: Sequence[int]) -> dict[int, float]:
    """The formula, chunk by chunk."""
    average = sum(counts.total() for counts in chunks.values()) / max(len(chunks), 1)
    scores: dict[int, float] = {}
    for term in question:
        having = [ordinal for ordinal, counts in chunks.items() if counts[term]]
        idf = math.log(1 + (len(chunks) - len(having) + 0.5) / (len(having) + 0.5))
        for ordinal in having:
            times, length = chunks[ordinal][term], chunks[ordinal].total()
            part = idf * times * (K1 + 1) / (times + K1 * (1 - B + B * length / average))
            scores[ordinal] = scores.get(ordinal, 0.0) + part
    return scores


def posting_of(chunks: dict[int, Counter[int]], term: int) -> Posting:
    entries = unpack(pack(chunks)).find(term)
    return lexical.NO_POSTING if entries is None else read_posting(entries)


def check(found: Sequence[tuple[int, float]], expected: dict[int, float], limit: int) -> None:
    """The same scores in the same order; which of equal ones is last is not said."""
    best = sorted(expected.values(), reverse=True)[:limit]
    assert [score for _, score in found] == pytest.approx(best, rel=1e-4)
    for ordinal, score in found:
        assert expected[ordinal] == pytest.approx(score, rel=1e-4)


corpora = st.dictionaries(
    st.integers(0, 5_000),
    st.dictionaries(st.integers(-3, 3), st.integers(1, 5), min_size=1).map(Counter),
    min_size=1,
    max_size=60,
)


@given(corpora, st.lists(st.integers(-3, 3), unique=True, min_size=1), st.integers(1, 20), st.booleans())
@settings(max_examples=200, deadline=None)
def test_rank_is_bm25(chunks: dict[int, Counter[int]], question: list[int], limit: int, sparse: bool) -> None:
    counts = Counts(len(chunks), sum(one.total() for one in chunks.values()))
    before, lexical.DENSE_ORDINALS = lexical.DENSE_ORDINALS, 0 if sparse else lexical.DENSE_ORDINALS
    try:
        ranked = rank([posting_of(chunks, term) for term in question], counts, limit)
    finally:
        lexical.DENSE_ORDINALS = before
    expected = reference(chunks, question)
    check(list(zip(ranked.ordinals.tolist(), ranked.scores.tolist(), strict=True)), expected, limit)
    assert all(score <= ranked.bound * 1.0001 for score in expected.values())


def test_common_terms_are_looked_up_and_change_nothing() -> None:
    """Thousands of chunks with a common word, few with a rare one: the shortcut is taken and the scores are exact."""
    maker = random.Random(4)
    chunks = {
        ordinal: Counter({1: maker.randint(1, 9), 2: maker.randint(1, 30), 3: int(ordinal % 50 == 0)})
        for ordinal in range(5_000)
    }
    chunks = {ordinal: +counts for ordinal, counts in chunks.items()}
    counts = Counts(len(chunks), sum(one.total() for one in chunks.values()))
    ranked = rank([posting_of(chunks, term) for term in (1, 2, 3)], counts, 10)
    check(list(zip(ranked.ordinals.tolist(), ranked.scores.tolist(), strict=True)), reference(chunks, (1, 2, 3)), 10)


def test_only_allowed_chunks_are_ranked() -> None:
    chunks = {ordinal: Counter({1: 1 + ordinal % 3}) for ordinal in range(100)}
    counts = Counts(100, 200)
    allowed = Ranges.of([(10, 5), (40, 1)])
    ranked = rank([posting_of(chunks, 1)], counts, 50, allowed)
    assert sorted(ranked.ordinals.tolist()) == [10, 11, 12, 13, 14, 40]


def test_entries_of_two_segments_become_one_posting() -> None:
    first, second = pack({7: Counter({1: 2}), 9: Counter({1: 1})}), pack({8: Counter({1: 5}), 9: Counter({1: 3})})
    parts = [read_posting(entries) for one in (first, second) if (entries := unpack(one).find(1)) is not None]
    joined = join(parts, Ranges.of([(8, 1)]))
    assert joined.ordinals.tolist() == [7, 9]
    assert joined.times.tolist() == [2, 4]


def test_counts_that_do_not_fit_are_kept_as_the_largest() -> None:
    entries = unpack(pack({1: Counter({5: 100_000})})).find(5)
    assert entries is not None
    assert entries["times"].tolist() == [65_535] == entries["length"].tolist()


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9))),
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9))),
)
def test_ranges_are_sets_of_ordinals(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> None:
    sets = [{start + i for start, count in pairs for i in range(count)} for pairs in (first, second)]
    ranges = [Ranges.of(pairs) for pairs in (first, second)]
    every = np.arange(80)
    for one, expected in zip(ranges, sets, strict=True):
        assert set(every[one.holds(every)].tolist()) == expected
        assert one.size == len(expected)
        again = Ranges.of_ordinals(np.array(sorted(expected), np.int64))
        assert again.starts.tolist() == one.starts.tolist()
        assert again.ends.tolist() == one.ends.tolist()
    both = ranges[0].intersect(ranges[1])
    assert set(every[both.holds(every)].tolist()) == sets[0] & sets[1]


class Library:
    """Documents of random words on a shelf, and what each of their chunks counts."""

    def __init__(self, shelf: Shelf, seed: int) -> None:
        self.shelf = shelf
        self.random = random.Random(seed)
        self.texts: dict[str, list[str]] = {}

    def write(self) -> list[str]:
        return [
            " ".join(self.random.choices(WORDS, k=self.random.randint(1, 40), weights=range(1, len(WORDS) + 1)))
            for _ in range(self.random.randint(1, 6))
        ]

    async def add(self) -> None:
        texts = self.write()
        self.texts[await self.shelf.put(texts)] = texts

    async def change(self) -> None:
        document = self.random.choice(list(self.texts))
        self.texts[document] = self.write()
        await self.shelf.put(self.texts[document], document_id=document)

    async def drop(self) -> None:
        document = self.random.choice(list(self.texts))
        del self.texts[document]
        await self.shelf.remove(document)

    async def check(self) -> None:
        """Scores of several questions; ordinals are the database's own, so texts are compared by their scores."""
        chunks = dict(enumerate(count_terms(text, "en") for texts in self.texts.values() for text in texts))
        for _ in range(4):
            question = " ".join(self.random.sample(WORDS, 3))
            terms = [word.terms[0] for word in read_words(question, ("en",))]
            expected = sorted(reference(chunks, terms).values(), reverse=True)[:15]
            found = await self.shelf.index.best_words(self.shelf.key, question, 15)
            assert [one.score for one in found] == pytest.approx(expected, rel=1e-4)


@pytest.mark.anyio
async def test_scores_are_exact_after_merges_deletions_and_new_revisions(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintain, "PACKED_MOST", 3)
    monkeypatch.setattr(maintain, "SEGMENTS_MOST", 3)
    monkeypatch.setattr(maintain, "PACKED_ENTRIES", 200)
    monkeypatch.setattr(maintain, "BATCH_BYTES", 500)
    library = Library(await Shelf.build(database), seed=11)
    for step in range(30):
        await library.add()
        if step % 4 == 3:
            await library.change()
        if step % 5 == 4:
            await library.drop()
        if step % 3 == 2:
            await library.shelf.index.upkeep(library.shelf.key)
        if step % 6 == 5:
            await library.check()
    await library.check()
    assert await library.shelf.count("postings") > 0


@pytest.mark.anyio
async def test_what_is_gone_is_purged_from_the_segments(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintain, "PACKED_MOST", 2)
    shelf = await Shelf.build(database)
    documents = [await shelf.put([f"common words and number{i}"]) for i in range(6)]
    await shelf.index.upkeep(shelf.key)
    assert await shelf.count("word_segments") == 1
    await shelf.remove(*documents[:5])
    assert await shelf.count("editions") == 6  # remembered, because the segment still holds them
    await shelf.index.upkeep(shelf.key)
    assert await shelf.count("editions") == 1
    assert await shelf.count("postings") == len(count_terms("common words and number5", "en"))
    assert len(await shelf.index.best_words(shelf.key, "common", 10)) == 1


@pytest.mark.anyio
async def test_upkeep_of_several_at_once_does_the_work_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    monkeypatch.setattr(maintain, "PACKED_MOST", 2)
    shelf = await Shelf.build(database)
    for i in range(5):
        await shelf.put([f"common words and number{i}"])
    await asyncio.gather(*(shelf.index.upkeep(shelf.key) for _ in range(3)))
    assert await shelf.count("word_segments") == 1
    assert len(await shelf.index.best_words(shelf.key, "common", 10)) == 5


@pytest.mark.anyio
async def test_several_languages_are_stemmed_by_their_own_rules(database: Database) -> None:
    shelf = await Shelf.build(database)
    await shelf.put(["Die Häuser stehen am Fluss"], language="de")
    await shelf.put(["The houses stand near the river"], language="en")
    assert len(await shelf.index.best_words(shelf.key, "Haus Häusern", 5)) == 1
    assert len(await shelf.index.best_words(shelf.key, "housing", 5)) == 1
    assert len(await shelf.index.best_words(shelf.key, "hauser", 5)) == 1  # without the mark


@pytest.mark.anyio
async def test_a_question_is_in_the_language_of_most_of_its_function_words(database: Database) -> None:
    shelf = await Shelf.build(database)
    await shelf.put(["The lamp in the hall is changed by the porter."], language="en")
    await shelf.put(["Die Lampe im Flur wechselt der Hausmeister."], language="de")

    async def language_of(question: str) -> str:
        _, about = await shelf.index.lookup.best_words(shelf.key, question, 5)
        return about.language

    assert await language_of("Wer wechselt die Lampe, und wie kann ich das auch?") == "de"
    assert await language_of("Who is to change the lamp, and how can I do that?") == "en"
    assert await language_of("lamp hall") == ""
