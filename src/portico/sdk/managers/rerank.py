"""Rerank, high level: typed results."""

from __future__ import annotations

from collections.abc import Sequence

from portico.sdk.clients.rerank import AsyncRerankClient, RerankClient
from portico.sdk.managers.base import read
from portico.wire.rerank import Ranking


class Rerank:
    """`client.rerank`: which documents fit a query best."""

    def __init__(self, client: RerankClient) -> None:
        self._client = client

    def create(self, model: str, query: str, documents: Sequence[str], *, top_n: int | None = None) -> Ranking:
        """The best `top_n` documents, or all, the best first; `ranking.pick(documents)` gives their texts."""
        return read(Ranking, self._client.rerank_chunks(model, query, documents, top_n))


class AsyncRerank:
    """The same for asyncio."""

    def __init__(self, client: AsyncRerankClient) -> None:
        self._client = client

    async def create(self, model: str, query: str, documents: Sequence[str], *, top_n: int | None = None) -> Ranking:
        """The best `top_n` documents, or all, the best first; `ranking.pick(documents)` gives their texts."""
        return read(Ranking, await self._client.rerank_chunks(model, query, documents, top_n))
