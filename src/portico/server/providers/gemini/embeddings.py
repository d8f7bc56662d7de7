"""Embeddings of Google AI Studio: `batchEmbedContents`, and the task types as our callers name them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from portico.server.errors import ProviderUnknown
from portico.wire.requests import EmbeddingRequest

Json = dict[str, Any]
_TASKS = frozenset(
    {
        "RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY", "CLASSIFICATION", "CLUSTERING",
        "QUESTION_ANSWERING", "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY",
    }
)  # fmt: skip
_SAME_TASKS = {
    "SEARCH_QUERY": "RETRIEVAL_QUERY",
    "QUERY": "RETRIEVAL_QUERY",
    "SEARCH_DOCUMENT": "RETRIEVAL_DOCUMENT",
    "PASSAGE": "RETRIEVAL_DOCUMENT",
}


class _Vector(msgspec.Struct):
    values: list[float]


class _Usage(msgspec.Struct):
    promptTokenCount: int = 0


class _Embeddings(msgspec.Struct):
    embeddings: list[_Vector]
    usageMetadata: _Usage | None = None


_EMBEDDINGS = msgspec.json.Decoder(_Embeddings)


def task_of(request: EmbeddingRequest) -> str:
    """Google's name of the input type, also for the words that Cohere and NVIDIA use; "" for others, which are
    ignored (embeddings reference, `input_type`)."""
    asked = (request.input_type or "").upper()
    asked = _SAME_TASKS.get(asked, asked)
    return asked if asked in _TASKS else ""


def write_batch(request: EmbeddingRequest, inputs: Sequence[str], model: str) -> Json:
    """`model` is its full name there, `models/...`."""
    common: Json = {"model": model}
    if task := task_of(request):
        common["taskType"] = task
    if request.dimensions is not None:
        common["outputDimensionality"] = request.dimensions
    return {"requests": [{**common, "content": {"parts": [{"text": text}]}} for text in inputs]}


def read_batch(body: bytes, count: int) -> tuple[list[Any], int]:
    try:
        answer = _EMBEDDINGS.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise ProviderUnknown("the provider's answer is not a list of embeddings") from None
    if len(answer.embeddings) != count:
        raise ProviderUnknown("the provider left out an embedding")
    usage = answer.usageMetadata
    return [vector.values for vector in answer.embeddings], usage.promptTokenCount if usage else 0
