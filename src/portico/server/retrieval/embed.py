"""Texts to unit vectors by the embedding model of a profile, through the gateway like every other request."""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from portico.server.access.caller import Caller
from portico.server.errors import PorticoError, ProviderUnknown
from portico.server.gateway.embeddings import EmbeddingGateway
from portico.server.kit.drive import run
from portico.server.kit.request_ids import new_request_id
from portico.server.retrieval.refusals import name_model
from portico.wire.model_ref import read_model_ref
from portico.wire.requests import EmbeddingRequest

if TYPE_CHECKING:
    from portico.server.retrieval.profile import Embedding

Vectors = npt.NDArray[np.float32]
KEPT_QUESTIONS = 1024
KEPT_S = 300.0
QUESTION_S = 60.0
"""Longest wait for the vectors of a question. Somebody waits for its answer; passages are waited for by nobody."""
LONGEST_BATCH = 2048
SHORTEST_PIECE = 64
"""Characters; a text of fewer that is still too long for the model is an error."""
# How a question and a passage are told apart, for the models that want to know. The first pair that is named in the
# name of provider or model counts.
_TYPES = (
    ("nova", ("GENERIC_RETRIEVAL", "GENERIC_INDEX")),
    ("cohere", ("search_query", "search_document")),
    ("vertex_ai", ("RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT")),
    ("gemini", ("RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT")),
    ("nvidia", ("query", "passage")),
    ("pinecone", ("query", "passage")),
)

_ENGLISH_ONLY = (
    "all-minilm", "all-mpnet-base", "embed-english", "nomic-embed-text-v1", "-en-v", "-base-en", "mxbai-embed",
)  # fmt: skip
"""What the names of models that have learned nothing else have in them, lower case."""


class _Item(msgspec.Struct):
    embedding: str


class _Items(msgspec.Struct):
    data: list[_Item]


_decode = msgspec.json.Decoder(_Items).decode


class Embedder:
    """One per process. Questions that were embedded in the last minutes are remembered, per project."""

    def __init__(self, gateway: EmbeddingGateway) -> None:
        self._gateway = gateway
        self._kept: OrderedDict[tuple[object, ...], tuple[float, Vectors]] = OrderedDict()

    async def embed(self, caller: Caller, embedding: Embedding, texts: Sequence[str], *, query: bool) -> Vectors:
        """One row of length 1 for each text; one batch after the other. Raises what the gateway raises.

        A text that is longer than the model takes is embedded in pieces, and their mean stands for it.
        """
        if not texts:
            return np.zeros((0, embedding.dimensions or 0), np.float32)
        if not query:
            return await self._embed_all(caller, embedding, texts, query=False)
        rows = {text: self._find(_key(caller, embedding, text)) for text in texts}
        missing = [text for text, row in rows.items() if row is None]
        if missing:
            found = await self._embed_all(caller, embedding, missing, query=True)
            for text, row in zip(missing, found, strict=True):
                rows[text] = row
                self._keep(_key(caller, embedding, text), row)
        return np.stack([row for text in texts if (row := rows[text]) is not None])

    async def _embed_all(self, caller: Caller, embedding: Embedding, texts: Sequence[str], *, query: bool) -> Vectors:
        size = max(1, min(embedding.batch_size, LONGEST_BATCH))
        parts = []
        for start in range(0, len(texts), size):
            parts.append(await self._batch(caller, embedding, list(texts[start : start + size]), query=query))
        return np.concatenate(parts)

    async def _batch(self, caller: Caller, embedding: Embedding, texts: list[str], *, query: bool) -> Vectors:
        request = EmbeddingRequest(
            read_model_ref(embedding.model),
            [text if text.strip() else "-" for text in texts],
            encoding_format="base64",
            dimensions=embedding.dimensions,
            input_type=input_type(embedding.model, embedding.input_type, query=query),
            timeout_s=QUESTION_S if query else None,
            cache=embedding.cache or None,
        )
        try:
            answer = await run(self._gateway.answer(caller, request, new_request_id()))
        except PorticoError as error:
            if not _is_too_long(error) or max(map(len, texts)) <= SHORTEST_PIECE:
                name_model(error, "embedding", embedding.model)
                raise
            return await self._in_pieces(caller, embedding, texts, query=query)
        return read_vectors(answer.body, len(texts))

    async def _in_pieces(self, caller: Caller, embedding: Embedding, texts: list[str], *, query: bool) -> Vectors:
        """Each text by itself, the too long ones by halves."""
        if len(texts) > 1:
            middle = len(texts) // 2
            parts = [
                await self._batch(caller, embedding, half, query=query) for half in (texts[:middle], texts[middle:])
            ]
            return np.concatenate(parts)
        text = texts[0]
        cut = _cut(text)
        halves = [text[:cut], text[cut:]]
        rows = [await self._batch(caller, embedding, [half], query=query) for half in halves]
        weights = np.array([[len(half)] for half in halves], np.float32)
        return _unit((np.concatenate(rows) * weights).sum(0, keepdims=True))

    def _find(self, key: tuple[object, ...]) -> Vectors | None:
        kept = self._kept.get(key)
        if kept is None or monotonic() - kept[0] > KEPT_S:
            return None
        self._kept.move_to_end(key)
        return kept[1]

    def _keep(self, key: tuple[object, ...], row: Vectors) -> None:
        self._kept[key] = monotonic(), row
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT_QUESTIONS:
            self._kept.popitem(last=False)


def input_type(model: str, asked: str, *, query: bool) -> str | None:
    """What the model is told of a text. `asked` of the profile holds for passages, its counterpart for questions."""
    name = model.lower()
    pair = next((pair for part, pair in _TYPES if part in name), None)
    if asked:
        pairs = [pair for _, pair in _TYPES if asked in pair]
        if not query or not pairs:
            return pairs[0][1] if pairs else asked
        return pairs[0][0]
    return None if pair is None else pair[0 if query else 1]


def knows_language(model: str, language: str) -> bool:
    """Whether vectors of this model (provider/name) say something of texts in a language (ISO 639-1; "" is any). Models
    of which nothing is known are taken to."""
    return language in ("", "en") or not any(part in model.lower() for part in _ENGLISH_ONLY)


def read_vectors(body: bytes, count: int) -> Vectors:
    """The vectors of a gateway's answer in base64. Raises ProviderUnknown when they are none, or of several sizes."""
    items = _decode(body).data
    rows = [np.frombuffer(base64.b64decode(item.embedding), "<f4") for item in items]
    if len(rows) != count or len({len(row) for row in rows}) != 1 or not len(rows[0]):
        raise ProviderUnknown("the embedding model did not give one vector of the same size for each text")
    vectors = np.stack(rows)
    if not np.isfinite(vectors).all():
        raise ProviderUnknown("the embedding model gave numbers that are none")
    return _unit(vectors)


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    return np.asarray(vectors / lengths, np.float32)


def _is_too_long(error: PorticoError) -> bool:
    return error.code == "context_length_exceeded"


def _cut(text: str) -> int:
    """Near the middle, between two words where there is a space."""
    middle = len(text) // 2
    space = text.find(" ", middle, middle + len(text) // 4)
    return middle if space < 0 else space


def _key(caller: Caller, embedding: Embedding, text: str) -> tuple[object, ...]:
    return caller.organization_id, caller.project_id, embedding.model, embedding.dimensions, embedding.input_type, text
