"""Embeddings and reranking by InvokeModel, where each maker's models have a body of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from portico.server.errors import NotImplementedYet, ProviderUnknown
from portico.server.providers.base import Target, Tokens, Turn
from portico.wire.requests import EmbeddingRequest, RerankRequest

_encode = msgspec.json.Encoder().encode
COHERE_BATCH = 96
_DOCUMENTS_PER_UNIT = 100
_PICTURE = "image/"


def batch_of(target: Target, inputs: Sequence[str]) -> int:
    """Inputs of one call. Pictures go one by one: a call of Cohere's takes texts or one picture."""
    several = "cohere" in target.upstream_model.lower() and not any(_maybe_picture(text) for text in inputs)
    return COHERE_BATCH if several else 1


def write_embeddings(request: EmbeddingRequest, inputs: Sequence[str], target: Target) -> bytes:
    """Texts, or pictures as data URLs. Titan and Nova take one a call, Cohere takes several of one sort."""
    name = target.upstream_model.lower()
    if "cohere" in name:
        return _encode(_cohere(request, inputs, name))
    (text,) = inputs
    if "titan-embed-image" in name:
        return _encode(_titan_image(request, text))
    if "nova" in name:
        return _encode(_nova(request, text))
    members: dict[str, Any] = {"inputText": text}
    if "embed-text-v2" in name:  # the first version knows no settings
        members["normalize"] = True
        if request.dimensions is not None:
            members["dimensions"] = request.dimensions
    return _encode(members)


def _titan_image(request: EmbeddingRequest, text: str) -> dict[str, Any]:
    picture = _maybe_picture(text)
    members: dict[str, Any] = {"inputImage": picture[1]} if picture else {"inputText": text}
    if request.dimensions is not None:
        members["embeddingConfig"] = {"outputEmbeddingLength": request.dimensions}
    return members


def _nova(request: EmbeddingRequest, text: str) -> dict[str, Any]:
    picture = _maybe_picture(text)
    params: dict[str, Any] = {"embeddingPurpose": request.input_type or "GENERIC_INDEX"}
    if request.dimensions is not None:
        params["embeddingDimension"] = request.dimensions
    if picture:
        params["image"] = {"format": picture[0], "source": {"bytes": picture[1]}}
    else:
        params["text"] = {"truncationMode": "NONE", "value": text}
    return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": params}


def _cohere(request: EmbeddingRequest, inputs: Sequence[str], name: str) -> dict[str, Any]:
    pictures = [_maybe_picture(text) for text in inputs]
    members: dict[str, Any] = {"embedding_types": ["float"]}
    if pictures[0]:
        members["images"] = [f"data:image/{p[0]};base64,{p[1]}" for p in pictures if p]
        members["input_type"] = "image"
    else:
        members["texts"] = list(inputs)
        members["input_type"] = request.input_type or "search_document"
    if request.dimensions is not None and "v3" not in name:
        members["output_dimension"] = request.dimensions
    return members


def _maybe_picture(text: str) -> tuple[str, str] | None:
    """Format and base64 of a picture, with or without `data:` before it (embeddings reference, section 1)."""
    head, comma, data = text.removeprefix("data:").partition(";base64,")
    return (head.removeprefix(_PICTURE), data) if comma and head.startswith(_PICTURE) else None


class _ByType(msgspec.Struct):
    floats: list[list[float]] = msgspec.field(default_factory=list, name="float")


class _Embedding(msgspec.Struct):
    embedding: list[float] = []


class _Embedded(msgspec.Struct):
    embedding: list[float] | None = None
    embeddings: msgspec.Raw = msgspec.Raw(b"")
    inputTextTokenCount: int | None = None


_EMBEDDED = msgspec.json.Decoder(_Embedded)
_BY_TYPE = msgspec.json.Decoder(_ByType)
_LISTED = msgspec.json.Decoder(list[_Embedding] | None)
_PLAIN = msgspec.json.Decoder(list[list[float]])


def read_embeddings(body: bytes, count: int) -> tuple[list[Any], int]:
    """Vectors in order and the tokens that the body tells; 0 where it tells none. Raises ProviderUnknown."""
    try:
        answer = _EMBEDDED.decode(body)
        vectors = [answer.embedding] if answer.embedding is not None else _vectors_of(bytes(answer.embeddings))
    except (msgspec.DecodeError, RecursionError):
        raise ProviderUnknown("the provider's answer is not a list of embeddings") from None
    if len(vectors) != count or not all(vectors):
        raise ProviderUnknown("the provider left out an embedding")
    return vectors, answer.inputTextTokenCount or 0


def _vectors_of(raw: bytes) -> list[Any]:
    """An object by type (Cohere), a list of vectors (Cohere without types), or a list of objects (Nova)."""
    if raw.startswith(b"{"):
        return list(_BY_TYPE.decode(raw).floats)
    if raw[1:].lstrip().startswith(b"{"):
        return [item.embedding for item in _LISTED.decode(raw) or ()]
    return list(_PLAIN.decode(raw or b"[]"))


def write_rerank(request: RerankRequest, target: Target) -> bytes:
    members: dict[str, Any] = {"query": request.query, "documents": request.documents}
    members["top_n"] = min(request.top_n or len(request.documents), len(request.documents))
    name = target.upstream_model.lower()
    if "cohere" in name:
        members["api_version"] = 2
    elif "amazon.rerank" not in name:
        raise NotImplementedYet(f"Not Implemented: '{target.model}' is no reranker that AWS Bedrock is known to have")
    return _encode(members)


class _Rank(msgspec.Struct):
    index: int
    relevance_score: float


class _Ranks(msgspec.Struct):
    results: list[_Rank]


_RANKS = msgspec.json.Decoder(_Ranks)


def read_rerank(body: bytes, request: RerankRequest, turn: Turn) -> list[tuple[int, float]]:
    """Billed is a query with up to 100 documents; the body does not say how many that made."""
    try:
        ranks = _RANKS.decode(body).results
    except (msgspec.DecodeError, RecursionError):
        raise ProviderUnknown("the provider's answer is not a list of ranks") from None
    turn.tokens = Tokens(units=-(-len(request.documents) // _DOCUMENTS_PER_UNIT))
    return [(rank.index, rank.relevance_score) for rank in ranks]
