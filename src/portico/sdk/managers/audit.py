"""The audit log, high level: who did what, and whether the log is whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Unpack

from portico.sdk.clients.audit import AsyncAuditClient, AuditClient, AuditFilter
from portico.sdk.managers.base import read, read_list
from portico.sdk.paging import Page, Place, paged, paged_async
from portico.wire.audit import AuditCheck, AuditEntry

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject


class Audit:
    """`client.audit`: what was done in the organization, or in the project of the token."""

    def __init__(self, client: AuditClient) -> None:
        self._client = client

    def list(self, *, limit: int | None = None, **filters: Unpack[AuditFilter]) -> Iterator[AuditEntry]:
        """Entries, newest first: all there are, or at most `limit`."""
        return paged(
            lambda place: _page(self._client.list_audit(count=place.size, cursor=place.cursor, **filters)),
            limit=limit,
            by_cursor=True,
        )

    def verify(self, head: str | None = None) -> AuditCheck:
        """Whether the log of the organization is whole; with a `head` noted earlier, also whether its end is there."""
        return read(AuditCheck, self._client.verify_audit(head=head))


class AsyncAudit:
    """The same for asyncio."""

    def __init__(self, client: AsyncAuditClient) -> None:
        self._client = client

    def list(self, *, limit: int | None = None, **filters: Unpack[AuditFilter]) -> AsyncIterator[AuditEntry]:
        """Entries, newest first: all there are, or at most `limit`."""

        async def fetch(place: Place) -> Page[AuditEntry]:
            return _page(await self._client.list_audit(count=place.size, cursor=place.cursor, **filters))

        return paged_async(fetch, limit=limit, by_cursor=True)

    async def verify(self, head: str | None = None) -> AuditCheck:
        """Whether the log of the organization is whole; with a `head` noted earlier, also whether its end is there."""
        return read(AuditCheck, await self._client.verify_audit(head=head))


def _page(answer: JsonObject) -> Page[AuditEntry]:
    return Page(read_list(AuditEntry, answer, "entries"), cursor=answer.get("nextCursor"))
