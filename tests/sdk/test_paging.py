"""A listing that comes in pages is one iterator: all items once, no page too many, never for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from portico import InvalidAnswer
from portico.sdk.paging import Page, Place, paged, paged_async

ITEMS = list(range(250))


def by_skip(asked: list[Place], *, total: bool = False, cap: int = 1000) -> Callable[[Place], Page[int]]:
    def fetch(place: Place) -> Page[int]:
        asked.append(place)
        items = ITEMS[place.skip : place.skip + min(place.size, cap)]
        return Page(items, total=len(ITEMS) if total else None)

    return fetch


def by_number(place: Place) -> Page[int]:
    begin = (place.number - 1) * place.size
    return Page(ITEMS[begin : begin + place.size])


def by_cursor(place: Place) -> Page[int]:
    begin = int(place.cursor or 0)
    end = begin + place.size
    return Page(ITEMS[begin:end], cursor=str(end) if end < len(ITEMS) else None)


def test_requirement_7_a_listing_of_250_with_100_per_page_takes_three_calls() -> None:
    asked: list[Place] = []

    assert list(paged(by_skip(asked))) == ITEMS
    assert [(place.skip, place.number, place.size) for place in asked] == [(0, 1, 100), (100, 2, 100), (200, 3, 100)]


@pytest.mark.parametrize(("fetch", "cursor"), [(by_number, False), (by_cursor, True)])
def test_pages_by_number_and_by_cursor(fetch: Callable[[Place], Page[int]], cursor: bool) -> None:
    assert list(paged(fetch, by_cursor=cursor)) == ITEMS


def test_asyncio_gives_the_same() -> None:
    async def fetch(place: Place) -> Page[int]:
        return by_number(place)

    async def read() -> list[int]:
        return [item async for item in paged_async(fetch, limit=120)]

    assert asyncio.run(read()) == ITEMS[:120]


def test_nothing_is_asked_before_somebody_reads_nor_after_he_stopped() -> None:
    asked: list[Place] = []
    items = paged(by_skip(asked))
    assert asked == []
    assert next(items) == 0
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("limit", "calls", "size"), [(0, 0, 0), (7, 1, 7), (100, 1, 100), (101, 2, 100), (900, 3, 100)]
)
def test_a_limit_is_kept_and_no_more_is_asked_for(limit: int, calls: int, size: int) -> None:
    asked: list[Place] = []

    assert list(paged(by_skip(asked), limit=limit)) == ITEMS[:limit]
    assert (len(asked), asked[0].size if asked else 0) == (calls, size)


def test_a_server_that_gives_less_per_page_loses_nothing_when_it_says_the_total() -> None:
    asked: list[Place] = []

    assert list(paged(by_skip(asked, total=True, cap=30))) == ITEMS
    assert len(asked) == 9


def test_a_total_that_is_reached_saves_the_last_empty_page() -> None:
    asked: list[Place] = []

    assert len(list(paged(by_skip(asked, total=True), size=125))) == 250
    assert len(asked) == 2


def test_a_server_that_repeats_its_page_is_told_and_not_asked_for_ever() -> None:
    with pytest.raises(InvalidAnswer, match="same items"):
        list(paged(lambda place: Page(ITEMS[:100])))


def test_a_page_without_items_is_no_page() -> None:
    with pytest.raises(ValueError, match="at least one"):
        paged(by_number, size=0).__next__()
