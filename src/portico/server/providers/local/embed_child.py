"""A process that serves text embeddings and reranking on loopback, by one encoder.

`POST /v1/embeddings` as OpenAI has it (`input`, `encoding_format`, `dimensions`): vectors of length 1; a text of more
than 512 tokens is refused, never cut. `POST /v1/rerank` (`query`, `documents`): see `ranking.py`. `GET /health`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec
import numpy as np

from .batcher import Batcher
from .child import Orders, check_memory, explain_load_failure
from .child_http import App, Headers, Refusal, serve, write_vectors
from .encoder import DIMENSIONS, MAX_TOKENS, Encoder, TextTooLong
from .ranking import rank


class Question(msgspec.Struct):
    """The body of a request. `model` is not looked at: there is one."""

    input: str | list[str]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None


_decode = msgspec.json.Decoder(Question).decode


class Embedder:
    """The two handlers over one encoder."""

    def __init__(self, orders: Orders, encoder: Encoder) -> None:
        self._orders, self._encoder = orders, encoder
        self._batcher: Batcher | None = None

    async def embed(self, body: bytes, headers: Headers) -> Iterator[bytes]:
        question = read_question(body, DIMENSIONS)
        texts = [question.input] if isinstance(question.input, str) else question.input
        batcher = self._get_batcher()
        try:
            rows = await batcher.tokenize(texts)
        except TextTooLong as error:
            raise Refusal(400, str(error), "input", "context_length_exceeded") from None
        vectors = np.empty((len(rows), DIMENSIONS), np.float32)
        async for indexes, found in batcher.embed(rows):
            vectors[indexes] = found
        return write_vectors(vectors, question.encoding_format, self._orders.model, sum(map(len, rows)))

    async def rerank(self, body: bytes, headers: Headers) -> list[bytes]:
        return [await rank(self._get_batcher(), body, headers)]

    def _get_batcher(self) -> Batcher:
        if self._batcher is None:  # made here, for it belongs to the running loop
            self._batcher = Batcher(self._encoder, self._orders.threads)
        return self._batcher


def read_question(body: bytes, dimensions: int) -> Question:
    """Raises Refusal for a body that is none, or asks for other `dimensions` than these."""
    try:
        question = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        hint = ". Token arrays are not understood: send text" if "$.input[" in str(error) else ""
        raise Refusal(400, f"{error}{hint}", "input" if "$.input" in str(error) else None) from None
    if not question.input or ("" in question.input and isinstance(question.input, list)):
        raise Refusal(400, "input must hold at least one text, and no empty one", "input")
    if question.dimensions not in (None, dimensions):
        raise Refusal(400, f"dimensions must be {dimensions} for this model", "dimensions")
    return question


def main() -> None:
    orders = Orders.read()
    check_memory(orders)
    try:
        encoder = Encoder(orders.files[0], orders.files[1])
    except Exception as error:  # the libraries raise classes of their own, and plain Exception
        explain_load_failure(orders, error)
    embedder = Embedder(orders, encoder)
    app = App(orders, {"/v1/embeddings": embedder.embed, "/v1/rerank": embedder.rerank})
    serve(orders, app, max_tokens=MAX_TOKENS)


if __name__ == "__main__":
    main()
