"""Rerank, low level.

Source: Rerank API reference, POST /rerank.
"""

from __future__ import annotations

from collections.abc import Sequence

from portico.sdk.call import Call, JsonObject, Repeat, given, send_json
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient
from portico.sdk.errors import PorticoError

PATH = "/rerank"


def rerank_call(model: str, query: str, documents: Sequence[str], top_n: int | None) -> Call:
    """Raises PorticoError for what no server takes, before anything is sent."""
    texts = [documents] if isinstance(documents, str) else list(documents)
    if not query.strip():
        raise PorticoError("The query is empty.", hint="Say what the documents are to be ranked by.")
    if not texts:
        raise PorticoError("There are no documents to rank.", hint="Give one or more.")
    body = given({"model": model, "query": query, "documents": texts, "top_n": top_n})
    return send_json("POST", PATH, body, repeat=Repeat.WORK)


class RerankClient(LowLevelClient):
    def rerank_chunks(self, model: str, query: str, documents: Sequence[str], top_n: int | None = None) -> JsonObject:
        """POST /rerank: the documents that fit the query best, by their places in the request."""
        return self._json(rerank_call(model, query, documents, top_n))


class AsyncRerankClient(AsyncLowLevelClient):
    async def rerank_chunks(
        self, model: str, query: str, documents: Sequence[str], top_n: int | None = None
    ) -> JsonObject:
        """POST /rerank: the documents that fit the query best, by their places in the request."""
        return await self._json(rerank_call(model, query, documents, top_n))
