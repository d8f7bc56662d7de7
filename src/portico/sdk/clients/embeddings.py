"""Embeddings, low level.

Source: Embeddings API reference, POST /embeddings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict, Unpack

from portico.sdk.call import Call, JsonObject, Repeat, given, send_json
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient
from portico.sdk.errors import PorticoError

PATH = "/embeddings"


class EmbeddingOptions(TypedDict, total=False):
    """What embeddings can be asked beside model and input. None means "not given"."""

    encoding_format: Literal["float", "base64"] | None
    dimensions: int | None
    user: str | None
    input_type: str | None
    timeout: int | None  # seconds the server may take
    cache: bool | None  # header `X-Saia-Cache-Enabled`: the server's default for embeddings is off


def embeddings_call(model: str, texts: str | Sequence[str], options: EmbeddingOptions) -> Call:
    """Embeddings as a call. Raises PorticoError for what no server takes, before anything is sent."""
    entries = [texts] if isinstance(texts, str) else list(texts)
    if not entries or not all(isinstance(entry, str) and entry for entry in entries):
        raise PorticoError("The input of embeddings is empty, or has an empty entry.", hint="Give one text or more.")
    members = given({name: value for name, value in options.items() if name != "cache"})
    cache = options.get("cache")
    headers = {"X-Saia-Cache-Enabled": None if cache is None else str(cache).lower()}
    return send_json("POST", PATH, {"model": model, "input": entries, **members}, repeat=Repeat.WORK, headers=headers)


class EmbeddingsClient(LowLevelClient):
    def generate_embeddings(
        self, model: str, input: str | Sequence[str], **options: Unpack[EmbeddingOptions]
    ) -> JsonObject:
        """POST /embeddings: a vector for each input."""
        return self._json(embeddings_call(model, input, options))


class AsyncEmbeddingsClient(AsyncLowLevelClient):
    async def generate_embeddings(
        self, model: str, input: str | Sequence[str], **options: Unpack[EmbeddingOptions]
    ) -> JsonObject:
        """POST /embeddings: a vector for each input."""
        return await self._json(embeddings_call(model, input, options))
