"""What an adapter is asked: pure translation between the documented shapes and one provider's protocol.

An adapter never opens a connection. `write_*` makes an `Outgoing`, the transport sends it, `read_*` reads the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from portico.server.errors import NotImplementedYet, ProviderError
from portico.wire.requests import ChatRequest, EmbeddingRequest

Members = dict[str, Any]
"""A JSON object of which each member is still raw (msgspec.Raw) or is already a value of ours."""


class Endpoint(msgspec.Struct, frozen=True, cache_hash=True):
    """Where a provider is reached and with what key. `base_url` has no trailing slash: `http://127.0.0.1:9000/v1`."""

    base_url: str
    key: str = ""

    def __repr__(self) -> str:
        return f"Endpoint({self.base_url!r}, key=***)"


@dataclass(frozen=True, slots=True)
class Reached:
    """An endpoint found for one request; `release` is called once, when the request is over."""

    endpoint: Endpoint
    release: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Target:
    """One way to have a model answered: an adapter, an endpoint, and the model's name over there.

    `endpoint` is None when the adapter finds it itself (`Adapter.reach`), as the embedded models do.
    """

    provider: str
    model: str
    upstream_model: str
    adapter: Adapter
    endpoint: Endpoint | None


class Outgoing(msgspec.Struct, frozen=True):
    """A request as it goes to a provider: `path` is appended to the endpoint's base URL.

    `timeout_s` shortens the longest wait for a plain answer.
    """

    path: str
    body: bytes
    stream: bool = False
    timeout_s: float | None = None


class Tokens(msgspec.Struct):
    """Disjoint counts (HC-24): nothing is in two fields. The sum of the inputs is the prompt."""

    input_uncached: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output_visible: int = 0
    reasoning: int = 0
    audio: int = 0
    images: int = 0
    estimated: bool = False


class Turn(msgspec.Struct):
    """What is learnt while one answer passes: tokens, how it ended, how much of it was seen.

    `reader` belongs to the adapter (state between frames); `keep_usage` says whether the caller asked for usage.
    """

    keep_usage: bool
    content_frames: int = 0
    finish_reason: str = ""
    tokens: Tokens | None = None
    usage_members: Members | None = None
    reader: Any = None


class Adapter:
    """One provider protocol. Offers the verbs that it overrides; every other verb is refused by name."""

    name = ""

    def write_chat(self, request: ChatRequest, target: Target, turn: Turn) -> Outgoing:
        raise self._lacks("chat")

    def read_chat(self, body: bytes, request: ChatRequest, turn: Turn) -> Members:
        """A whole answer, in the documented shape; fills `turn`. Raises ProviderError for an answer that is none."""
        raise self._lacks("chat")

    def read_frame(self, data: bytes, request: ChatRequest, turn: Turn) -> Sequence[bytes]:
        """One event of a stream to JSON texts of documented chunks (none, one or several); fills `turn`."""
        raise self._lacks("chat")

    def write_embeddings(self, request: EmbeddingRequest, inputs: Sequence[str], target: Target) -> Outgoing:
        raise self._lacks("embeddings")

    def read_embeddings(self, body: bytes, count: int) -> tuple[list[Any], int]:
        """Vectors in the order of the inputs (lists of numbers, or base64 texts) and the prompt tokens."""
        raise self._lacks("embeddings")

    def read_error(self, status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
        raise self._lacks("errors")

    async def reach(self, target: Target) -> Reached:
        """Where the target is right now. Only for adapters whose targets have no fixed endpoint."""
        raise self._lacks("a fixed address")

    def _lacks(self, verb: str) -> NotImplementedYet:
        return NotImplementedYet(f"Not Implemented: provider protocol '{self.name}' does not offer {verb} yet")
