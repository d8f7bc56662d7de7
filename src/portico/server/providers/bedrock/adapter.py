"""AWS Bedrock: Converse and ConverseStream for chat, InvokeModel for embeddings and reranking; signed with SigV4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from portico.server.errors import ProviderError
from portico.server.kit.clock import Clock, system_clock
from portico.server.providers.base import (
    Adapter,
    Credential,
    Decoder,
    Endpoint,
    Header,
    Members,
    Outgoing,
    Target,
    Turn,
    read_limit,
)
from portico.server.providers.bedrock import invoke
from portico.server.providers.bedrock.errors import read_error
from portico.server.providers.bedrock.event_stream import EventStreamDecoder
from portico.server.providers.bedrock.family import family_of
from portico.server.providers.bedrock.keys import endpoint_of, signer_of
from portico.server.providers.bedrock.read import Reader
from portico.server.providers.bedrock.sigv4 import Signer
from portico.server.providers.bedrock.thinking import limit_for, read_thinking, refuses_limits
from portico.server.providers.bedrock.write import Body
from portico.server.providers.origin import Origin
from portico.wire.requests import ChatRequest, EmbeddingRequest, RerankRequest

_SIGNERS_KEPT = 256
_JSON = "application/json"


class Bedrock(Adapter):
    """`clock` dates the signatures; Amazon refuses one that is more than five minutes off."""

    name = "bedrock"
    request_id_headers = (b"x-amzn-requestid",)
    fetches = frozenset({"s3"})
    embeddings_batch = 1
    """Titan and Nova take one text a call."""

    def __init__(self, clock: Clock = system_clock) -> None:
        self._clock = clock
        self._signers: dict[Credential, tuple[Signer | None, str]] = {}

    def endpoint(self, credential: Credential) -> Endpoint:
        return endpoint_of(credential)

    def decoder(self) -> Decoder:
        return EventStreamDecoder()

    def write_chat(self, request: ChatRequest, target: Target, turn: Turn) -> Outgoing:
        writer = Body(request, target, turn)
        body = writer.write()
        turn.reader = Reader(target.model, writer.answer_tool, writer.family.inclusive_usage)
        verb = "converse-stream" if request.stream else "converse"
        return self._outgoing(target, verb, body, stream=request.stream)

    def most_output(self, request: ChatRequest, target: Target) -> int | None:
        limit, family = read_limit(request), family_of(target.model, target.upstream_model)
        thinking = read_thinking(request, target.traits, family, limit, Turn(keep_usage=False))
        return None if refuses_limits(thinking, family) else limit_for(thinking, limit, target.traits)

    def read_chat(self, body: bytes, request: ChatRequest, turn: Turn) -> Members:
        return _reader_of(turn).read_whole(body, turn)

    def read_frame(self, data: bytes, request: ChatRequest, turn: Turn) -> Sequence[bytes]:
        return _reader_of(turn).read_event(data, turn)

    def write_embeddings(self, request: EmbeddingRequest, inputs: Sequence[str], target: Target) -> Outgoing:
        body = invoke.write_embeddings(request, inputs, target)
        return self._outgoing(target, "invoke", body, timeout_s=request.timeout_s)

    def embeddings_batch_of(self, target: Target, inputs: Sequence[str]) -> int:
        return invoke.batch_of(target, inputs)

    def read_embeddings(self, body: bytes, count: int) -> tuple[list[Any], int]:
        return invoke.read_embeddings(body, count)

    def write_rerank(self, request: RerankRequest, target: Target) -> Outgoing:
        return self._outgoing(target, "invoke", invoke.write_rerank(request, target))

    def read_rerank(self, body: bytes, request: RerankRequest, turn: Turn) -> list[tuple[int, float]]:
        return invoke.read_rerank(body, request, turn)

    def read_error(self, status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
        return read_error(status, headers, body)

    def _outgoing(
        self, target: Target, verb: str, body: bytes, *, stream: bool = False, timeout_s: float | None = None
    ) -> Outgoing:
        path = f"/model/{quote(target.upstream_model, safe='')}/{verb}"
        return Outgoing(path, body, stream, timeout_s, self._signature(target, path, body))

    def _signature(self, target: Target, path: str, body: bytes) -> tuple[Header, ...]:
        known = self._signers.get(target.credential)
        if known is None:
            if len(self._signers) >= _SIGNERS_KEPT:  # keys change
                self._signers.clear()
            prefix = Origin.of(endpoint_of(target.credential).base_url).prefix
            known = self._signers[target.credential] = (signer_of(target.credential), prefix)
        signer, prefix = known
        return () if signer is None else signer.sign(prefix + path, body, _JSON, self._clock)


def _reader_of(turn: Turn) -> Reader:
    reader = turn.reader
    assert isinstance(reader, Reader)  # made by write_chat of the same turn
    return reader
