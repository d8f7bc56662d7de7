"""Listings that come page by page, as one iterator: told once (`Walk`), driven twice (`paged`, `paged_async`).

    def list(self) -> Iterator[Member]:
        return paged(lambda place: Page(read_list(Member, self._client.list_members(
            start_page=place.number, page_size=place.size), "users")))

What fetches is called when somebody reads on, never ahead.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from portico.sdk.errors import InvalidAnswer

T = TypeVar("T")
PAGE = 100


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next page begins, in the three ways that the API has: take the one that the endpoint knows.

    `skip` counts items, `number` pages from 1, `cursor` is what the last page gave. `size` is how many to ask for.
    """

    size: int = PAGE
    skip: int = 0
    number: int = 1
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page. `total` counts the whole listing, where the server says it; `cursor` leads to the next page.

    Without either, a page that is shorter than was asked for is the last one.
    """

    items: Sequence[T]
    total: int | None = None
    cursor: str | None = None


class Walk(Generic[T]):
    """Where to ask next; None as `place` when there is nothing more."""

    def __init__(self, size: int, limit: int | None, *, by_cursor: bool) -> None:
        if size < 1 or (limit is not None and limit < 0):
            raise ValueError("a page has at least one item, and a limit is not negative")
        self._left = limit
        self._by_cursor = by_cursor
        self._last: Sequence[T] = ()
        self.place: Place | None = Place(size if limit is None else max(1, min(size, limit)))
        if limit == 0:
            self.place = None

    def take(self, page: Page[T]) -> Sequence[T]:
        """The items of a page that are wanted. Raises InvalidAnswer when the server gives the same page for ever."""
        place, items = self.place, page.items
        assert place is not None, "nothing was asked for"
        self.place = self._after(place, page)
        if self.place is not None and items == self._last:
            raise InvalidAnswer(
                "The server answers every page of this listing with the same items.", hint="Ask for a single page."
            )
        self._last = items
        if self._left is None:
            return items
        wanted = items[: self._left]
        self._left -= len(wanted)
        if self._left == 0:
            self.place = None
        return wanted

    def _after(self, place: Place, page: Page[T]) -> Place | None:
        count = len(page.items)
        skip = place.skip + count
        if self._by_cursor:
            more = bool(page.cursor) and page.cursor != place.cursor
        elif page.total is not None:
            more = count > 0 and skip < page.total
        else:
            more = count >= place.size
        return Place(place.size, skip, place.number + 1, page.cursor) if more else None


def paged(
    fetch: Callable[[Place], Page[T]], *, size: int = PAGE, limit: int | None = None, by_cursor: bool = False
) -> Iterator[T]:
    """The items of a listing, page after page; at most `limit` of them. `by_cursor`: pages lead to each other."""
    walk: Walk[T] = Walk(size, limit, by_cursor=by_cursor)
    while walk.place is not None:
        yield from walk.take(fetch(walk.place))


async def paged_async(
    fetch: Callable[[Place], Awaitable[Page[T]]], *, size: int = PAGE, limit: int | None = None, by_cursor: bool = False
) -> AsyncIterator[T]:
    """The same for asyncio."""
    walk: Walk[T] = Walk(size, limit, by_cursor=by_cursor)
    while walk.place is not None:
        for item in walk.take(await fetch(walk.place)):
            yield item
