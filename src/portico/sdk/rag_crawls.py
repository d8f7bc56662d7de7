"""Web sites for RAG assistants, high level: what shall be crawled becomes a document."""

from __future__ import annotations

from typing import Unpack

from portico.sdk.crawl_order import CrawlOptions
from portico.sdk.managers.base import read
from portico.sdk.rag_questions import AsyncRagQuestions, RagQuestions
from portico.wire.search import Document


class RagCrawls(RagQuestions):
    """The part of `client.rag` that crawls."""

    def crawl(self, profile: str, url: str, **options: Unpack[CrawlOptions]) -> Document:
        """A site as one document, which `reindex` crawls again; its passages name their pages in `url`.

        It is crawled afterwards: `wait_until_indexed`. Raises NotFound, BadRequest naming what cannot be.
        """
        return read(Document, self._client.crawl(profile, url, **options))


class AsyncRagCrawls(AsyncRagQuestions):
    """The same for asyncio."""

    async def crawl(self, profile: str, url: str, **options: Unpack[CrawlOptions]) -> Document:
        """A site as one document, which `reindex` crawls again; its passages name their pages in `url`.

        It is crawled afterwards: `wait_until_indexed`. Raises NotFound, BadRequest naming what cannot be.
        """
        return read(Document, await self._client.crawl(profile, url, **options))
