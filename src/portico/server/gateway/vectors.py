"""Vectors as providers give them (numbers, or base64 of 32-bit floats), as callers want them, and as they are kept."""

from __future__ import annotations

import base64
from array import array
from collections.abc import Sequence
from typing import Any

import msgspec

from portico.server.errors import ProviderUnknown

_encode = msgspec.json.Encoder().encode
Vector = list[float] | str


def encode_batch(vectors: Sequence[Any], start: int, encoding_format: str) -> bytes:
    """The items of `data`, the first with the index `start`, joined by commas."""
    convert = as_base64 if encoding_format == "base64" else as_numbers
    items = [
        {"object": "embedding", "index": start + i, "embedding": convert(vector)} for i, vector in enumerate(vectors)
    ]
    return _encode(items)[1:-1]


def as_numbers(vector: Vector) -> list[float]:
    """Raises ProviderUnknown for a text that is no vector."""
    return vector if isinstance(vector, list) else array("f", pack(vector)).tolist()


def as_base64(vector: Vector) -> str:
    """Little-endian float32, as the embeddings reference has it (HC-28)."""
    return vector if isinstance(vector, str) else base64.b64encode(pack(vector)).decode()


def pack(vector: Vector) -> bytes:
    """The bytes of little-endian 32-bit floats. Raises ProviderUnknown for a text that is no vector."""
    if isinstance(vector, list):
        return array("f", vector).tobytes()
    try:
        packed = base64.b64decode(vector, validate=True)
        array("f", packed)
    except ValueError:
        raise ProviderUnknown("the provider's embedding is not base64 of 32-bit numbers") from None
    return packed
