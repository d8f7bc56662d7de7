"""Ollama's own protocol: /api/chat in lines of JSON, /api/embed for embeddings. No key unless one is configured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from portico.server.errors import ProviderError, ProviderUnknown
from portico.server.providers.base import Adapter, Credential, Decoder, Endpoint, Members, Outgoing, Target, Turn
from portico.server.providers.ollama.lines import LineDecoder
from portico.server.providers.ollama.read import Reader, read_error
from portico.server.providers.ollama.write import write_body
from portico.wire.requests import ChatRequest, EmbeddingRequest

_encode = msgspec.json.Encoder().encode


class _Embedded(msgspec.Struct):
    embeddings: list[list[float]]
    prompt_eval_count: int | None = None


_EMBEDDED = msgspec.json.Decoder(_Embedded)


class Ollama(Adapter):
    """Source: docs.ollama.com/api, read 2026-11-20."""

    name = "ollama"

    def endpoint(self, credential: Credential) -> Endpoint:
        """A base URL with the path of the OpenAI-compatible API, or of the own one, means the server itself."""
        return Endpoint.with_key(credential.base_url.removesuffix("/v1").removesuffix("/api"), credential.key)

    def decoder(self) -> Decoder:
        return LineDecoder()

    def write_chat(self, request: ChatRequest, target: Target, turn: Turn) -> Outgoing:
        turn.reader = Reader(target.model)
        return Outgoing("/api/chat", _encode(write_body(request, target, turn)), request.stream)

    def read_chat(self, body: bytes, request: ChatRequest, turn: Turn) -> Members:
        return _reader_of(turn).read_whole(body, turn)

    def read_frame(self, data: bytes, request: ChatRequest, turn: Turn) -> Sequence[bytes]:
        return _reader_of(turn).read_line(data, turn)

    def write_embeddings(self, request: EmbeddingRequest, inputs: Sequence[str], target: Target) -> Outgoing:
        """Too long a text is refused, as the embeddings reference has it, instead of being cut in silence."""
        members: Members = {"model": target.upstream_model, "input": inputs, "truncate": False}
        if request.dimensions is not None:
            members["dimensions"] = request.dimensions
        return Outgoing("/api/embed", _encode(members), timeout_s=request.timeout_s)

    def read_embeddings(self, body: bytes, count: int) -> tuple[list[Any], int]:
        try:
            answer = _EMBEDDED.decode(body)
        except (msgspec.DecodeError, RecursionError):
            raise ProviderUnknown("the provider's answer is not a list of embeddings") from None
        if len(answer.embeddings) != count:
            raise ProviderUnknown("the provider left out an embedding")
        return list(answer.embeddings), answer.prompt_eval_count or 0

    def read_error(self, status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
        return read_error(status, headers, body)


def _reader_of(turn: Turn) -> Reader:
    reader = turn.reader
    assert isinstance(reader, Reader)  # made by write_chat of the same turn
    return reader
