"""Requests that were made, high level: typed objects, and an export that asks for page after page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Unpack

from portico.sdk.clients.requests import AsyncRequestsClient, RequestFilter, RequestsClient
from portico.sdk.managers.base import read, read_list
from portico.wire.requests_log import RequestItem, RequestStatus

PAGE = 500


class Requests:
    """`client.requests`: what was asked, what became of it, and an end to what still runs."""

    def __init__(self, client: RequestsClient) -> None:
        self._client = client

    def export(self, **filters: Unpack[RequestFilter]) -> Iterator[RequestItem]:
        """Requests that are over, newest first, as many as there are: stop when you have enough.

        A request that ends meanwhile moves the others back, so that one of them may come twice.
        """
        skip = 0
        while True:
            page = read_list(RequestItem, self._client.export_request_data(skip=skip, count=PAGE, **filters), "items")
            yield from page
            if len(page) < PAGE:
                return
            skip += PAGE

    def status(self, request_id: str) -> RequestStatus:
        """What became of a request of this project. Raises NotFound."""
        return read(RequestStatus, self._client.get_request_status(request_id))

    def cancel(self, request_id: str) -> RequestStatus:
        """Ends a request that runs; one that is over stays what it was. Raises NotFound."""
        return read(RequestStatus, self._client.cancel_request(request_id))


class AsyncRequests:
    """The same for asyncio."""

    def __init__(self, client: AsyncRequestsClient) -> None:
        self._client = client

    async def export(self, **filters: Unpack[RequestFilter]) -> AsyncIterator[RequestItem]:
        """Requests that are over, newest first, as many as there are: stop when you have enough.

        A request that ends meanwhile moves the others back, so that one of them may come twice.
        """
        skip = 0
        while True:
            answer = await self._client.export_request_data(skip=skip, count=PAGE, **filters)
            page = read_list(RequestItem, answer, "items")
            for item in page:
                yield item
            if len(page) < PAGE:
                return
            skip += PAGE

    async def status(self, request_id: str) -> RequestStatus:
        """What became of a request of this project. Raises NotFound."""
        return read(RequestStatus, await self._client.get_request_status(request_id))

    async def cancel(self, request_id: str) -> RequestStatus:
        """Ends a request that runs; one that is over stays what it was. Raises NotFound."""
        return read(RequestStatus, await self._client.cancel_request(request_id))
