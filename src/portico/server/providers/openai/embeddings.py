"""Embeddings in the OpenAI protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from portico.server.errors import ProviderUnknown
from portico.server.providers.base import Adapter, Members, Outgoing, Target
from portico.server.providers.counts import batch_within
from portico.wire.requests import EmbeddingRequest

_MOST_TOKENS, _LONGEST_TOKENS = 300_000, 8_192
_encode = msgspec.json.Encoder().encode


class _EmbeddingItem(msgspec.Struct):
    embedding: list[float] | str
    index: int | None = None


class _EmbeddingUsage(msgspec.Struct):
    prompt_tokens: int | None = None
    total_tokens: int | None = None


class _Embeddings(msgspec.Struct):
    data: list[_EmbeddingItem]
    usage: _EmbeddingUsage | None = None


_EMBEDDINGS = msgspec.json.Decoder(_Embeddings)


class Embeddings(Adapter):
    """The embeddings verb. OpenAI takes 2,048 inputs and 300,000 tokens a call; compatible servers often less."""

    def embeddings_batch_of(self, target: Target, inputs: Sequence[str]) -> int:
        return batch_within(inputs, self.embeddings_batch, _MOST_TOKENS, _LONGEST_TOKENS)

    def write_embeddings(self, request: EmbeddingRequest, inputs: Sequence[str], target: Target) -> Outgoing:
        members: Members = {"model": target.upstream_model, "input": inputs, "encoding_format": "float"}
        if request.dimensions is not None:
            members["dimensions"] = request.dimensions
        if request.user is not None:
            members["user"] = request.user
        if request.input_type is not None:
            members["input_type"] = request.input_type
        return Outgoing("/embeddings", _encode(members), timeout_s=request.timeout_s)

    def read_embeddings(self, body: bytes, count: int) -> tuple[list[Any], int]:
        try:
            answer = _EMBEDDINGS.decode(body)
        except (msgspec.DecodeError, RecursionError):
            raise ProviderUnknown("the provider's answer is not a list of embeddings") from None
        vectors: list[Any] = [None] * count
        for position, item in enumerate(answer.data):
            index = position if item.index is None else item.index
            if 0 <= index < count:
                vectors[index] = item.embedding
        if any(vector is None for vector in vectors):
            raise ProviderUnknown("the provider left out an embedding")
        usage = answer.usage
        return vectors, (usage.prompt_tokens or usage.total_tokens or 0) if usage else 0
