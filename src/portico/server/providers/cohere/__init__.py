"""Cohere, version 2 of its API: chat, embeddings, reranking. Documented requests in, documented answers out.

Plans before tool calls and thoughts come as `reasoning_content` and `thinking_blocks`. Files other than pictures and
texts are refused: the API has no place for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from portico.server.errors import ProviderError
from portico.server.providers.base import Adapter, Credential, Endpoint, Members, Outgoing, Target, Turn
from portico.server.providers.cohere.errors import read_error
from portico.server.providers.cohere.stream import Reader
from portico.server.providers.cohere.vectors import embed_members, read_ranks, read_vectors, rerank_members
from portico.server.providers.cohere.whole import read_whole
from portico.server.providers.cohere.write import write_body
from portico.wire.requests import ChatRequest, EmbeddingRequest, RerankRequest

_encode = msgspec.json.Encoder().encode


class Cohere(Adapter):
    name = "cohere"
    request_id_headers = (b"x-debug-trace-id", b"x-request-id")
    fetches = frozenset({"http", "https"})
    embeddings_batch = 96

    def endpoint(self, credential: Credential) -> Endpoint:
        base_url = credential.base_url
        for version in ("/v1", "/v2"):
            base_url = base_url.removesuffix(version)
        return Endpoint.with_key(base_url, credential.key)

    def write_chat(self, request: ChatRequest, target: Target, turn: Turn) -> Outgoing:
        body, unwrap = write_body(request, target, turn)
        turn.reader = Reader(target.upstream_model, unwrap)
        return Outgoing(
            "/v2/chat", _encode({"model": target.upstream_model, "stream": request.stream, **body}), request.stream
        )

    def read_chat(self, body: bytes, request: ChatRequest, turn: Turn) -> Members:
        reader = _reader(turn)
        return read_whole(body, reader.model, reader.unwrap, turn)

    def read_frame(self, data: bytes, request: ChatRequest, turn: Turn) -> Sequence[bytes]:
        return _reader(turn).read(data, turn)

    def write_embeddings(self, request: EmbeddingRequest, inputs: Sequence[str], target: Target) -> Outgoing:
        members = embed_members(request, inputs, target.upstream_model)
        return Outgoing("/v2/embed", _encode(members), timeout_s=request.timeout_s)

    def read_embeddings(self, body: bytes, count: int) -> tuple[list[Any], int]:
        return read_vectors(body, count)

    def write_rerank(self, request: RerankRequest, target: Target) -> Outgoing:
        return Outgoing("/v2/rerank", _encode(rerank_members(request, target.upstream_model)))

    def read_rerank(self, body: bytes, request: RerankRequest, turn: Turn) -> list[tuple[int, float]]:
        return read_ranks(body, len(request.documents), turn)

    def read_error(self, status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
        return read_error(status, headers, body)


def _reader(turn: Turn) -> Reader:
    if not isinstance(turn.reader, Reader):
        turn.reader = Reader()
    return turn.reader
