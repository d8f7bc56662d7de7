"""Google's Vertex AI: Gemini under a project's address, with Google's credentials; and the partners it serves.

Claude is spoken to in Anthropic's dialect, Mistral and open models in OpenAI's: their adapters do the work here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from portico.server.errors import ProviderError
from portico.server.providers.access_tokens import AccessTokens
from portico.server.providers.anthropic import Anthropic
from portico.server.providers.base import (
    Adapter,
    Credential,
    Endpoint,
    Members,
    Outgoing,
    Reached,
    Target,
    Turn,
)
from portico.server.providers.gemini import Gemini
from portico.server.providers.gemini.read import Reader
from portico.server.providers.mistral import Mistral
from portico.server.providers.openai import OpenAI
from portico.server.providers.transport import Transport
from portico.server.providers.vertex_ai.account import BY_ACCOUNT
from portico.server.providers.vertex_ai.embeddings import batch_of, read_vectors, verb_of, write_content, write_predict
from portico.server.providers.vertex_ai.place import (
    Dialect,
    api_version,
    base_url_of,
    is_account,
    is_api_key,
    may_lie_at,
    model_path,
    prefix_of,
    publisher_of,
)
from portico.server.providers.vertex_ai.video import read_begun, read_operation, write_film
from portico.wire.requests import ChatRequest, EmbeddingRequest, VideoRequest, VideoStatusRequest

ANTHROPIC_VERSION = "vertex-2023-10-16"
_ANTHROPIC_ERROR = re.compile(rb'"type"\s*:\s*"error"')
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


class Partner(msgspec.Struct):
    """Stands in `turn.reader` while another dialect's adapter reads; `reader` is what that one keeps there."""

    adapter: Adapter
    reader: Any = None


class VertexAI(Gemini):
    """The key is a service account's JSON, an API key (express mode) or an access token. Options: `project`,
    `location`, `api_version` (v1), `access_token`, `token_url`, `tool_schema`."""

    name = "vertex_ai"
    fetches = frozenset({"gs"})
    embeddings_batch = 1
    """The Gemini models and multimodalembedding take one input; for the older ones see `embeddings.py`."""
    request_id_headers = (b"request-id", b"x-request-id")

    def __init__(self, transport: Transport) -> None:
        super().__init__()
        self._tokens = AccessTokens(transport, BY_ACCOUNT)
        self._partners: dict[Dialect, Adapter] = {"anthropic": Anthropic(), "openai": OpenAI(), "mistral": Mistral()}

    def endpoint(self, credential: Credential) -> Endpoint | None:
        prefix_of(credential)
        if is_account(credential):
            return None
        base_url = base_url_of(credential)
        if is_api_key(credential):
            return Endpoint(base_url, (("x-goog-api-key", credential.key),))
        return Endpoint.with_key(base_url, credential.option("access_token") or credential.key)

    async def reach(self, target: Target) -> Reached:
        token = await self._tokens.find(target.credential)
        return Reached(Endpoint.with_key(base_url_of(target.credential), token), _nothing)

    def path(self, target: Target, verb: str) -> str:
        return f"{model_path(target.credential, target.upstream_model, 'google')}:{verb}"

    def sends_ids_to(self, target: Target) -> bool:
        """FunctionCall has an `id` in v1beta1 only; v1 refuses members it does not know."""
        return api_version(target.credential) != "v1"

    # chat -------------------------------------------------------------------------------------------------

    def write_chat(self, request: ChatRequest, target: Target, turn: Turn) -> Outgoing:
        publisher = publisher_of(target.upstream_model)
        partner = self._partners.get(publisher.dialect)
        if partner is None:
            return super().write_chat(request, target, turn)
        written = partner.write_chat(request, target, turn)
        turn.reader = Partner(partner, turn.reader)
        if publisher.dialect == "openai":
            path = f"{prefix_of(target.credential)}/endpoints/openapi/chat/completions"
            return Outgoing(path, written.body, written.stream, headers=written.headers)
        verb = "streamRawPredict" if request.stream else "rawPredict"
        body = _as_anthropic(written.body) if publisher.dialect == "anthropic" else written.body
        path = f"{model_path(target.credential, target.upstream_model, publisher.name)}:{verb}"
        return Outgoing(path, body, written.stream, headers=written.headers)

    def read_chat(self, body: bytes, request: ChatRequest, turn: Turn) -> Members:
        partner = turn.reader
        if not isinstance(partner, Partner):
            return super().read_chat(body, request, turn)
        turn.reader = partner.reader
        try:
            return partner.adapter.read_chat(body, request, turn)
        finally:
            partner.reader, turn.reader = turn.reader, partner

    def most_output(self, request: ChatRequest, target: Target) -> int | None:
        partner = self._partners.get(publisher_of(target.upstream_model).dialect)
        return super().most_output(request, target) if partner is None else partner.most_output(request, target)

    def write_rest(self, outgoing: Outgoing, answers: Sequence[bytes]) -> Outgoing | None:
        return self._partners["anthropic"].write_rest(outgoing, answers)  # nobody else's answers pause

    def join_answers(self, answers: Sequence[bytes]) -> bytes:
        return self._partners["anthropic"].join_answers(answers)

    def read_frame(self, data: bytes, request: ChatRequest, turn: Turn) -> Sequence[bytes]:
        reader = turn.reader
        if type(reader) is Reader:
            return reader.read_frame(data, turn)
        assert isinstance(reader, Partner)
        turn.reader = reader.reader
        try:
            return reader.adapter.read_frame(data, request, turn)
        finally:
            reader.reader, turn.reader = turn.reader, reader

    def end_frames(self, request: ChatRequest, turn: Turn) -> Sequence[bytes]:
        partner = turn.reader
        if not isinstance(partner, Partner):
            return super().end_frames(request, turn)
        turn.reader = partner.reader
        try:
            return partner.adapter.end_frames(request, turn)
        finally:
            partner.reader, turn.reader = turn.reader, partner

    # other verbs ------------------------------------------------------------------------------------------

    def write_embeddings(self, request: EmbeddingRequest, inputs: Sequence[str], target: Target) -> Outgoing:
        verb = verb_of(target.upstream_model)
        body = (
            write_content(request, inputs[0])
            if verb == "embedContent"
            else write_predict(request, inputs, target.upstream_model)
        )
        return Outgoing(self.path(target, verb), _encode(body), timeout_s=request.timeout_s)

    def embeddings_batch_of(self, target: Target, inputs: Sequence[str]) -> int:
        return batch_of(target.upstream_model, inputs)

    def read_embeddings(self, body: bytes, count: int) -> tuple[list[Any], int]:
        return read_vectors(body, count)

    def write_video(self, request: VideoRequest, target: Target, turn: Turn) -> Outgoing:
        return Outgoing(self.path(target, "predictLongRunning"), _encode(write_film(request)))

    def read_video(self, body: bytes, request: VideoRequest, turn: Turn) -> str:
        return read_begun(body, request, turn)

    def may_have_begun(self, operation: str, target: Target) -> bool:
        return may_lie_at(operation, target.credential, target.upstream_model)

    def write_video_status(self, request: VideoStatusRequest, target: Target) -> Outgoing:
        body = {"operationName": request.operation}
        return Outgoing(self.path(target, "fetchPredictOperation"), _encode(body))

    def read_video_status(self, body: bytes, request: VideoStatusRequest) -> Members:
        return read_operation(body)

    def read_error(self, status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
        if _ANTHROPIC_ERROR.search(body[:400]):
            return self._partners["anthropic"].read_error(status, headers, body)
        return super().read_error(status, headers, body)


def _as_anthropic(body: bytes) -> bytes:
    """The model stands in the path there, the version in the body."""
    members: Members = dict(_MEMBERS.decode(body))
    members.pop("model", None)
    return _encode({"anthropic_version": ANTHROPIC_VERSION, **members})


def _nothing() -> None:
    """An address that needs no giving back."""
