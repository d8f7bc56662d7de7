"""Embeddings of Vertex AI: `predict` (texts, with `multimodalembedding` pictures too), `embedContent` for the newer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from portico.server.errors import ProviderUnknown
from portico.server.providers.counts import batch_within
from portico.server.providers.gemini.embeddings import task_of
from portico.wire.requests import EmbeddingRequest

Json = dict[str, Any]
_PICTURE = re.compile(r"(?:data:)?(image/[\w.+-]+)(?:;[\w=.+-]+)*;base64,")


_SEVERAL = ("text-embedding-", "text-multilingual-embedding-", "textembedding-gecko")
_MOST, _MOST_TOKENS, _LONGEST_TOKENS = 250, 20_000, 2_048


class _Statistics(msgspec.Struct):
    token_count: float = 0


class _Text(msgspec.Struct):
    values: list[float]
    statistics: _Statistics | None = None


class _Prediction(msgspec.Struct):
    embeddings: _Text | None = None
    textEmbedding: list[float] | None = None
    imageEmbedding: list[float] | None = None


class _Usage(msgspec.Struct):
    promptTokenCount: int = 0


class _Predictions(msgspec.Struct):
    """The answer of either verb."""

    predictions: list[_Prediction] = []
    embedding: _Text | None = None
    usageMetadata: _Usage | None = None


_PREDICTIONS = msgspec.json.Decoder(_Predictions)


def batch_of(model: str, inputs: Sequence[str]) -> int:
    """Inputs of one call: 250 texts of 20,000 tokens together with the older models, else one."""
    if not model.startswith(_SEVERAL):
        return 1
    return batch_within(inputs, _MOST, _MOST_TOKENS, _LONGEST_TOKENS)


def verb_of(model: str) -> str:
    """Google's SDK decides by the same names."""
    return "embedContent" if "gemini" in model and model != "gemini-embedding-001" else "predict"


def write_content(request: EmbeddingRequest, text: str) -> Json:
    """One text or picture for `embedContent`."""
    found = _PICTURE.match(text)
    part: Json = {"text": text}
    if found is not None:
        part = {"inlineData": {"mimeType": found[1], "data": text[found.end() :]}}
    config: Json = {"autoTruncate": True}
    if task := task_of(request):
        config["taskType"] = task
    if request.dimensions is not None:
        config["outputDimensionality"] = request.dimensions
    return {"content": {"parts": [part]}, "embedContentConfig": config}


def write_predict(request: EmbeddingRequest, inputs: Sequence[str], model: str) -> Json:
    if "multimodal" in model:
        body: Json = {"instances": [_either(text) for text in inputs]}
        if request.dimensions is not None:
            body["parameters"] = {"dimension": request.dimensions}
        return body
    task = task_of(request)
    more: Json = {"task_type": task} if task else {}
    parameters: Json = {"autoTruncate": True}
    if request.dimensions is not None:
        parameters["outputDimensionality"] = request.dimensions
    return {"instances": [{"content": text, **more} for text in inputs], "parameters": parameters}


def _either(text: str) -> Json:
    found = _PICTURE.match(text)
    if found is None:
        return {"text": text}
    return {"image": {"bytesBase64Encoded": text[found.end() :], "mimeType": found[1]}}


def read_vectors(body: bytes, count: int) -> tuple[list[Any], int]:
    """Vectors and tokens; pictures count none by `predict`."""
    try:
        answer = _PREDICTIONS.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise ProviderUnknown("the provider's answer is not a list of embeddings") from None
    vectors: list[Any] = []
    tokens = 0
    if answer.embedding is not None:
        vectors.append(answer.embedding.values)
        tokens = answer.usageMetadata.promptTokenCount if answer.usageMetadata else 0
    for one in answer.predictions:
        if one.embeddings is not None:
            vectors.append(one.embeddings.values)
            tokens += int(one.embeddings.statistics.token_count) if one.embeddings.statistics else 0
        elif (vector := one.imageEmbedding or one.textEmbedding) is not None:
            vectors.append(vector)
    if len(vectors) != count:
        raise ProviderUnknown("the provider left out an embedding")
    return vectors, tokens
