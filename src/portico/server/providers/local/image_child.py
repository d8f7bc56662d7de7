"""A process that embeds pictures on loopback, and texts beside them where its model has one space for both.

`POST /v1/embeddings` as OpenAI has it, pictures as data URLs with base64; `GET /health`. Vectors have length 1.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from .child import Orders, check_memory, explain_load_failure
from .child_http import App, Headers, Refusal, serve, write_vectors
from .child_shapes import NOT_SUPPORTED, UNREADABLE
from .embed_child import read_question
from .encoder import MAX_TOKENS, Encoder, TextTooLong, Vectors
from .image_encoder import TOKENS_PER_PICTURE, ImageEncoder, JointEncoder, read_names
from .pictures import PictureRefused, is_picture


class Embedder:
    """The handler over one encoder."""

    def __init__(self, orders: Orders, encoder: ImageEncoder | JointEncoder) -> None:
        self._orders, self._encoder = orders, encoder
        self._pool = ThreadPoolExecutor(orders.threads, thread_name_prefix="embed")

    async def embed(self, body: bytes, headers: Headers) -> Iterator[bytes]:
        question = read_question(body, self._encoder.dimensions)
        inputs = [question.input] if isinstance(question.input, str) else question.input
        vectors = np.empty((len(inputs), self._encoder.dimensions), np.float32)
        tokens = 0
        loop = asyncio.get_running_loop()
        # As many at a time as there are workers, so that another request gets its turn in between.
        for start in range(0, len(inputs), self._orders.threads):
            some = range(start, min(start + self._orders.threads, len(inputs)))
            found = [loop.run_in_executor(self._pool, self._embed_one, i, inputs[i]) for i in some]
            for i, (vector, count) in zip(some, await asyncio.gather(*found), strict=True):
                vectors[i] = vector
                tokens += count
        return write_vectors(vectors, question.encoding_format, self._orders.model, tokens)

    def _embed_one(self, index: int, given: str) -> tuple[Vectors, int]:
        """The vector and what it counts as. Raises Refusal."""
        try:
            if is_picture(given):
                return self._encoder.embed_picture(given), TOKENS_PER_PICTURE
            if isinstance(self._encoder, JointEncoder):
                return self._encoder.embed_text(given)
        except PictureRefused as error:
            raise Refusal(400, f"input {index}: {error}", "input", UNREADABLE) from None
        except TextTooLong as error:
            message = f"input {index} has {error.tokens} tokens, the model takes {MAX_TOKENS}: split the text"
            raise Refusal(400, message, "input", "context_length_exceeded") from None
        message = f"input {index} is a text: this model takes pictures only, as data:image/...;base64,..."
        raise Refusal(400, message, "input", NOT_SUPPORTED)


def load(orders: Orders) -> ImageEncoder | JointEncoder:
    """One file: the network alone. Five: names, words, network, and MiniLM with its tokenizer."""
    if len(orders.files) == 1:
        return ImageEncoder(orders.files[0])
    ids, words, network, texts, tokenizer = orders.files
    return JointEncoder(ImageEncoder(network), Encoder(texts, tokenizer), read_names(ids, words))


def main() -> None:
    orders = Orders.read()
    check_memory(orders)
    try:
        encoder = load(orders)
    except Exception as error:  # the libraries raise classes of their own, and plain Exception
        explain_load_failure(orders, error)
    # A body of pictures is large, and unfolded larger still: what waits must not be in memory.
    serve(orders, App(orders, {"/v1/embeddings": Embedder(orders, encoder).embed}, at_once=orders.threads))


if __name__ == "__main__":
    main()
