"""Mistral: OpenAI's protocol with a dialect of its own. Chunks of plain text are relayed, the others written anew."""

from __future__ import annotations

from collections.abc import Sequence

from portico.server.errors import ProviderError
from portico.server.providers.base import Members, Outgoing, Target, Turn
from portico.server.providers.mistral import read
from portico.server.providers.mistral.write import encode, write_body
from portico.server.providers.openai.chat import Chat
from portico.server.providers.openai.embeddings import Embeddings
from portico.wire.requests import ChatRequest, EmbeddingRequest


class Mistral(Chat, Embeddings):
    """Source: docs.mistral.ai/api and the SDK `mistralai` 3.7, read 2026-11-20."""

    name = "mistral"
    request_id_headers = (b"mistral-correlation-id", b"x-kong-request-id", b"x-request-id")
    fetches = frozenset({"http", "https"})
    embeddings_batch = 64  # a call takes 16 thousand tokens

    def write_chat(self, request: ChatRequest, target: Target, turn: Turn) -> Outgoing:
        members = write_body(request, target, turn)
        if request.stream:
            members["stream"] = True  # usage comes unasked, in the last chunk
        turn.reader = read.Reader()
        return Outgoing("/chat/completions", encode(members), request.stream)

    def read_chat(self, body: bytes, request: ChatRequest, turn: Turn) -> Members:
        return read.read_whole(body, turn)

    def read_frame(self, data: bytes, request: ChatRequest, turn: Turn) -> Sequence[bytes]:
        reader = turn.reader
        assert isinstance(reader, read.Reader)  # made by write_chat of the same turn
        if read.OWN_SHAPE.search(data) is not None:
            return reader.read_chunk(data, turn)
        relayed = super().read_frame(data, request, turn)
        reader.relayed = True
        thoughts = reader.end_thoughts()
        return [*thoughts, *relayed] if thoughts else relayed

    def write_embeddings(self, request: EmbeddingRequest, inputs: Sequence[str], target: Target) -> Outgoing:
        members: Members = {"model": target.upstream_model, "input": inputs, "encoding_format": "float"}
        if request.dimensions is not None:
            members["output_dimension"] = request.dimensions
        return Outgoing("/embeddings", encode(members), timeout_s=request.timeout_s)

    def read_error(self, status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
        return read.read_error(status, headers, body)
