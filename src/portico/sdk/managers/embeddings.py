"""Embeddings, high level: typed vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from portico.sdk.clients.embeddings import AsyncEmbeddingsClient, EmbeddingOptions, EmbeddingsClient
from portico.sdk.managers.base import read
from portico.wire.embeddings import EmbeddingList


class Embeddings:
    """`client.embeddings`: texts to vectors."""

    def __init__(self, client: EmbeddingsClient) -> None:
        self._client = client

    def create(self, model: str, input: str | Sequence[str], **options: Unpack[EmbeddingOptions]) -> EmbeddingList:
        """A vector for each text, in order; `data[i].vector()` gives numbers whatever the encoding was."""
        return read(EmbeddingList, self._client.generate_embeddings(model, input, **options))


class AsyncEmbeddings:
    """The same for asyncio."""

    def __init__(self, client: AsyncEmbeddingsClient) -> None:
        self._client = client

    async def create(
        self, model: str, input: str | Sequence[str], **options: Unpack[EmbeddingOptions]
    ) -> EmbeddingList:
        """A vector for each text, in order; `data[i].vector()` gives numbers whatever the encoding was."""
        return read(EmbeddingList, await self._client.generate_embeddings(model, input, **options))
