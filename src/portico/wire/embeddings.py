"""Embeddings as documented: a vector for each input, in the order of the inputs.

Source: Embeddings API reference, POST /embeddings.
"""

from __future__ import annotations

from msgspec import field

from portico.wire.chat import Usage
from portico.wire.tolerant import Shape


class Embedding(Shape):
    """One vector: numbers, or a base64 string of little-endian 32-bit floats."""

    index: int = 0
    object: str = "embedding"
    embedding: list[float] | str = field(default_factory=list)

    def vector(self) -> list[float]:
        """The numbers, whichever way they came."""
        if not isinstance(self.embedding, str):
            return self.embedding
        import struct  # needed for the packed form only
        from base64 import b64decode

        packed = b64decode(self.embedding)
        return list(struct.unpack(f"<{len(packed) // 4}f", packed))


class EmbeddingList(Shape):
    """The answer to one embeddings request."""

    object: str = "list"
    model: str = ""
    data: list[Embedding] = field(default_factory=list)
    usage: Usage | None = None
    request_id: str = field(default="", name="requestId")
