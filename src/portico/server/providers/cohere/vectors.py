"""Embeddings and reranking: Cohere's `embed` and `rerank`, version 2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from portico.server.errors import ProviderUnknown
from portico.server.providers.base import Members, Tokens, Turn
from portico.server.providers.cohere.answer import Usage
from portico.wire.requests import EmbeddingRequest, RerankRequest

DOCUMENT = "search_document"
"""Cohere wants to know what a vector is for; most vectors are made of texts that are to be found later."""
_OLD_FAMILY = "-v3"


def embed_members(request: EmbeddingRequest, inputs: Sequence[str], model: str) -> Members:
    """Texts, and pictures as data URLs. Models of version 3 take pictures by themselves only."""
    members: Members = {"model": model, "embedding_types": ["float"], "input_type": request.input_type or DOCUMENT}
    pictures = [text.startswith("data:image/") for text in inputs]
    if not any(pictures):
        members["texts"] = inputs
    elif all(pictures) and _OLD_FAMILY in model:
        members["images"] = inputs
        members["input_type"] = "image"
    else:
        members["inputs"] = [{"content": [_content(text, seen)]} for text, seen in zip(inputs, pictures, strict=True)]
    if request.dimensions is not None:
        members["output_dimension"] = request.dimensions
    return members


def _content(text: str, picture: bool) -> Members:
    return {"type": "image_url", "image_url": {"url": text}} if picture else {"type": "text", "text": text}


class _Embeddings(msgspec.Struct):
    floats: list[list[float]] | None = msgspec.field(default=None, name="float")
    base64: list[str] | None = None
    int8: list[list[int]] | None = None
    uint8: list[list[int]] | None = None
    binary: list[list[int]] | None = None
    ubinary: list[list[int]] | None = None


class _Embedded(msgspec.Struct):
    embeddings: _Embeddings
    meta: Usage | None = None


_EMBEDDED = msgspec.json.Decoder(_Embedded)


def read_vectors(body: bytes, count: int) -> tuple[list[Any], int]:
    """Vectors in the order of the inputs, and the billed tokens."""
    try:
        answer = _EMBEDDED.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise ProviderUnknown("the provider's answer is not a list of embeddings") from None
    found = answer.embeddings
    kinds = (found.floats, found.base64, found.int8, found.uint8, found.binary, found.ubinary)
    vectors: list[Any] = next((kind for kind in kinds if kind), [])
    if len(vectors) != count:
        raise ProviderUnknown("the provider left out an embedding")
    billed = answer.meta and answer.meta.billed_units
    return vectors, int((billed.input_tokens or 0) + (billed.image_tokens or 0)) if billed else 0


def rerank_members(request: RerankRequest, model: str) -> Members:
    members: Members = {"model": model, "query": request.query, "documents": request.documents}
    if request.top_n is not None:
        members["top_n"] = request.top_n
    return members


class _Ranked(msgspec.Struct):
    index: int
    relevance_score: float


class _Reranked(msgspec.Struct):
    results: list[_Ranked]
    meta: Usage | None = None


_RERANKED = msgspec.json.Decoder(_Reranked)


def read_ranks(body: bytes, count: int, turn: Turn) -> list[tuple[int, float]]:
    """Positions with scores from 0 to 1; `units` of the turn's tokens are the billed search units."""
    try:
        answer = _RERANKED.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise ProviderUnknown("the provider's answer is not a ranking") from None
    if any(not 0 <= ranked.index < count for ranked in answer.results):
        raise ProviderUnknown("the provider ranked a document that was not sent")
    billed = answer.meta and answer.meta.billed_units
    turn.tokens = Tokens(
        input_uncached=int((billed and billed.input_tokens) or 0), units=int((billed and billed.search_units) or 0)
    )
    return [(ranked.index, ranked.relevance_score) for ranked in answer.results]
