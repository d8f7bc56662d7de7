"""Filters on metadata in the database against the same rules in Python, with whatever values people send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portico.server.retrieval.filters import MOST_FILTERS, MOST_VALUES, Filter, read_filters
from portico.server.retrieval.where import NUMBER, operands
from portico.server.storage.database import Database
from tests.server.retrieval.shelf import Shelf, piece, vector_of

SCALARS = st.one_of(
    st.sampled_from(
        ["", "a", "b", "B", "é", "Z", "q1", "q2", "100", "99", "-3", "1e2", "true", "20240101", "x'y", "%", "\\"]
    ),
    st.integers(-5, 120),
    st.floats(-5, 5, allow_nan=False).map(lambda number: round(number, 2)),
    st.booleans(),
)
METADATA = st.dictionaries(
    st.sampled_from(["k", "year", "tags", "odd key", "k')--"]),
    st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.none()),
    max_size=4,
)
FILTERS = st.builds(
    lambda key, operator, value: {"key": key, "operator": operator, "value": value},
    st.sampled_from(["k", "year", "tags", "odd key", "k')--", "name", "extension", "nothing"]),
    st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]),
    SCALARS,
) | st.builds(
    lambda key, operator, value: {"key": key, "operator": operator, "value": value},
    st.sampled_from(["k", "year", "tags", "name"]),
    st.sampled_from(["$in", "$nin"]),
    st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.lists(SCALARS, max_size=3).map(json.dumps)),
)
COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda one, other: one == other,
    "$in": lambda one, other: one == other,
    "$gt": lambda one, other: one > other,
    "$gte": lambda one, other: one >= other,
    "$lt": lambda one, other: one < other,
    "$lte": lambda one, other: one <= other,
}


def passes(metadata: Mapping[str, Any], one: Filter) -> bool:
    """The rules of `where.py`, element by element."""
    if one.operator in ("$ne", "$nin"):
        return not passes(metadata, Filter(one.key, "$in" if one.operator == "$nin" else "$eq", one.value))
    value = metadata.get(one.key)
    elements = value if isinstance(value, list) else [] if value is None else [value]
    return any(fits(element, operand, COMPARE[one.operator]) for element in elements for operand in operands(one))


def fits(element: Any, operand: Any, compare: Callable[[Any, Any], bool]) -> bool:
    if element is None:
        return False
    if isinstance(operand, bool) or (isinstance(element, bool) and isinstance(operand, str)):
        text = str(operand).lower() if isinstance(operand, bool) else operand
        if isinstance(element, bool | str):
            return compare((str(element).lower() if isinstance(element, bool) else element).encode(), text.encode())
        return False
    if isinstance(element, bool):
        return False
    if isinstance(element, str) and isinstance(operand, str):
        return compare(element.encode(), operand.encode())
    if isinstance(element, int | float):
        number = operand if not isinstance(operand, str) else float(operand) if NUMBER.match(operand) else None
        return number is not None and compare(float(element), float(number))
    return bool(NUMBER.match(element)) and compare(float(element), float(operand))


@pytest.fixture
async def shelf(database: Database) -> AsyncIterator[Shelf]:
    yield await Shelf.build(database)


async def chunks_for(shelf: Shelf, *filters: dict[str, Any]) -> set[int]:
    allowed = await shelf.index.find_allowed(shelf.key, read_filters(list(filters)))
    assert allowed is not None
    return {
        ordinal
        for start, end in zip(allowed.starts.tolist(), allowed.ends.tolist(), strict=True)
        for ordinal in range(start, end)
    }


@pytest.mark.anyio
async def test_filters_are_what_the_rules_say(shelf: Shelf) -> None:
    """Many documents in one database, then many filters over all of them."""
    kinds: list[dict[str, Any]] = []

    @given(METADATA)
    @settings(max_examples=60, database=None, derandomize=True)
    def collect(metadata: dict[str, Any]) -> None:
        kinds.append(metadata)

    collect()
    for place, metadata in enumerate(kinds):
        await shelf.put([f"text {place}"], name=f"n{place % 3}", extension="txt", metadata=metadata)
    full = [{**metadata, "name": f"n{place % 3}", "extension": "txt"} for place, metadata in enumerate(kinds)]
    asked: list[list[dict[str, Any]]] = []

    @given(st.lists(FILTERS, min_size=1, max_size=2))
    @settings(max_examples=150, database=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    def ask(filters: list[dict[str, Any]]) -> None:
        asked.append(filters)

    ask()
    for filters in asked:
        read = read_filters(filters)
        expected = {place for place, metadata in enumerate(full) if all(passes(metadata, one) for one in read)}
        assert await chunks_for(shelf, *filters) == expected, filters
    assert any(asked)


@pytest.mark.anyio
async def test_the_keys_of_a_document_are_known(shelf: Shelf) -> None:
    document = await shelf.put(["one"], name="leave", extension="pdf", metadata={"name": "hidden"})
    await shelf.put(["two"], name="notes", extension="txt")
    assert await chunks_for(shelf, {"key": "id", "value": document}) == {0}
    assert await chunks_for(shelf, {"key": "name", "value": "leave"}) == {0}
    assert await chunks_for(shelf, {"key": "extension", "operator": "$ne", "value": "pdf"}) == {1}
    assert await chunks_for(shelf, {"key": "source", "value": "notes.txt"}) == {1}


@pytest.mark.anyio
async def test_a_number_as_text_compares_as_a_number_with_numbers_and_as_text_with_text(shelf: Shelf) -> None:
    await shelf.put(["one"], metadata={"size": 99})
    await shelf.put(["two"], metadata={"size": "99"})
    assert await chunks_for(shelf, {"key": "size", "operator": "$lt", "value": "100"}) == {0}
    assert await chunks_for(shelf, {"key": "size", "operator": "$lt", "value": 100}) == {0, 1}


@pytest.mark.anyio
async def test_a_long_whole_number_equals_itself_and_no_neighbour(shelf: Shelf) -> None:
    number = 1234567890123456789
    for place in range(3):
        await shelf.put([f"text {place}"], metadata={"order": number + place})
    assert await chunks_for(shelf, {"key": "order", "value": number + 1}) == {1}
    assert await chunks_for(shelf, {"key": "order", "operator": "$in", "value": [number, str(number + 2)]}) == {0, 2}
    assert await chunks_for(shelf, {"key": "order", "operator": "$gt", "value": number + 1}) == {2}


@pytest.mark.anyio
async def test_as_many_sets_of_as_many_values_as_may_be_sent(shelf: Shelf) -> None:
    """More operands than a statement of PostgreSQL has parameters."""
    for place, value in enumerate([7, "7", "w7", [2000, "w8"], True, 2000, "7.0", [], None]):
        await shelf.put([f"text {place}"], metadata={"k": value})
    numbers, words = [*range(MOST_VALUES)], [f"w{number}" for number in range(MOST_VALUES)]
    for values, within in ((numbers, {0, 1, 6}), ([*map(str, numbers)], {0, 1}), ([*words[1:], True], {2, 3, 4})):
        inside = await chunks_for(shelf, *[{"key": "k", "operator": "$in", "value": values}] * MOST_FILTERS)
        outside = await chunks_for(shelf, *[{"key": "k", "operator": "$nin", "value": values}] * MOST_FILTERS)
        assert (inside, outside) == (within, set(range(9)) - within)


@pytest.mark.anyio
async def test_ismatch_looks_at_the_text_of_the_chunk(shelf: Shelf) -> None:
    await shelf.put(["refunds take a week", "shipping takes a day"])
    await shelf.put(["a refund policy"], metadata={"kind": "b"})
    assert await chunks_for(shelf, {"operator": "$ismatch", "value": "refund"}) == {0, 2}
    assert await chunks_for(shelf, {"operator": "$ismatch", "value": "week refund"}) == {0}
    assert await chunks_for(shelf, {"operator": "$ismatch", "value": "refund"}, {"key": "kind", "value": "b"}) == {2}
    assert await chunks_for(shelf, {"operator": "$ismatch", "value": "nobody said this"}) == set()


@pytest.mark.anyio
async def test_metadata_of_a_chunk_counts_before_that_of_its_document(shelf: Shelf) -> None:
    await shelf.put([piece("one", metadata={"k": "own"}), piece("two")], metadata={"k": "all"})
    assert await chunks_for(shelf, {"key": "k", "value": "own"}) == {0}
    assert await chunks_for(shelf, {"key": "k", "value": "all"}) == {1}


@pytest.mark.anyio
async def test_what_is_not_published_passes_no_filter(shelf: Shelf) -> None:
    await shelf.put(["one"], publish=False, metadata={"k": "a"})
    assert await chunks_for(shelf, {"key": "k", "value": "a"}) == set()


@pytest.mark.anyio
async def test_both_searches_keep_to_the_filter(shelf: Shelf) -> None:
    for i in range(8):
        await shelf.put([f"common word{i}"], metadata={"even": i % 2 == 0})
    where = await shelf.index.find_allowed(shelf.key, read_filters([{"key": "even", "value": True}]))
    by_word, by_vector = await asyncio.gather(
        shelf.index.best_words(shelf.key, "common", 10, where),
        shelf.index.nearest(shelf.key, vector_of("x"), 10, where),
    )
    assert {one.chunk_id for one in by_word} == {0, 2, 4, 6} == {one.chunk_id for one in by_vector}
