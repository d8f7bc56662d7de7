"""Google AI Studio: the Gemini API at generativelanguage.googleapis.com. Vertex AI builds on it with paths of its own.

In: documented requests and a target. Out: calls of `generateContent` and its like, and their answers read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from portico.server.errors import ProviderError
from portico.server.providers.base import Adapter, Credential, Endpoint, Members, Outgoing, Target, Turn
from portico.server.providers.gemini.embeddings import read_batch, write_batch
from portico.server.providers.gemini.errors import read_google_error
from portico.server.providers.gemini.images import read_gemini, read_imagen, write_gemini, write_imagen
from portico.server.providers.gemini.read import Reader
from portico.server.providers.gemini.signatures import Signatures
from portico.server.providers.gemini.write import route_of, write_body
from portico.wire.requests import ChatRequest, EmbeddingRequest, ImageRequest

_encode = msgspec.json.Encoder().encode
_VERSION = re.compile(r"/v\d+(?:alpha|beta)?\d*$")


class Gemini(Adapter):
    name = "gemini"
    fetches = frozenset({"https"})  # since January 2026: https://ai.google.dev/gemini-api/docs/file-input-methods
    embeddings_batch = 100
    version = "v1beta"
    """The version of the API where the base URL names none; plain JSON schemas are read from v1beta on."""
    sends_ids = True
    """Whether calls and results carry their ids there."""

    def __init__(self) -> None:
        self._signatures = Signatures()

    def endpoint(self, credential: Credential) -> Endpoint | None:
        return Endpoint(credential.base_url, (("x-goog-api-key", credential.key),) if credential.key else ())

    # chat -------------------------------------------------------------------------------------------------

    def write_chat(self, request: ChatRequest, target: Target, turn: Turn) -> Outgoing:
        route = route_of(target, sends_ids=self.sends_ids_to(target))
        body = write_body(
            request, target, turn, self._signatures, route, json_schema=takes_json_schema(target.credential)
        )
        turn.reader = Reader(
            target.upstream_model,
            route.name,
            self._signatures,
            grounded=any("functionDeclarations" not in tool for tool in body.get("tools", ())),
            as_json="responseMimeType" in body.get("generationConfig", {}),
        )
        verb = "streamGenerateContent?alt=sse" if request.stream else "generateContent"
        return Outgoing(self.path(target, verb), _encode(body), request.stream)

    def read_chat(self, body: bytes, request: ChatRequest, turn: Turn) -> Members:
        reader: Reader = turn.reader
        return reader.read_whole(body, turn)

    def read_frame(self, data: bytes, request: ChatRequest, turn: Turn) -> Sequence[bytes]:
        reader: Reader = turn.reader
        return reader.read_frame(data, turn)

    def end_frames(self, request: ChatRequest, turn: Turn) -> Sequence[bytes]:
        reader: Reader = turn.reader
        return reader.end_frames(turn)

    # other verbs ------------------------------------------------------------------------------------------

    def write_embeddings(self, request: EmbeddingRequest, inputs: Sequence[str], target: Target) -> Outgoing:
        body = write_batch(request, inputs, f"models/{target.upstream_model.removeprefix('models/')}")
        return Outgoing(self.path(target, "batchEmbedContents"), _encode(body), timeout_s=request.timeout_s)

    def read_embeddings(self, body: bytes, count: int) -> tuple[list[Any], int]:
        return read_batch(body, count)

    def write_image(self, request: ImageRequest, target: Target, turn: Turn) -> Outgoing:
        if "imagen" in target.upstream_model or "imagegeneration" in target.upstream_model:
            return Outgoing(self.path(target, "predict"), _encode(write_imagen(request)))
        return Outgoing(self.path(target, "generateContent"), _encode(write_gemini(request)))

    def read_image(self, body: bytes, request: ImageRequest, turn: Turn) -> list[Members]:
        return (
            read_gemini(body, turn)
            if b'"candidates"' in body or b'"promptFeedback"' in body
            else read_imagen(body, turn)
        )

    def read_error(self, status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
        return read_google_error(status, headers, body)

    # addresses --------------------------------------------------------------------------------------------

    def path(self, target: Target, verb: str) -> str:
        """The path of one verb of the model, behind the base URL. A model's name never leaves its place in it."""
        model = target.upstream_model.removeprefix("models/")
        prefix = "" if _VERSION.search(target.credential.base_url) else f"/{self.version}"
        return f"{prefix}/models/{quote(model, safe='@')}:{verb}"

    def sends_ids_to(self, target: Target) -> bool:
        return self.sends_ids


def takes_json_schema(credential: Credential) -> bool:
    """Unless the operator says that the host lacks the newer fields: option `tool_schema` = `openapi`."""
    return credential.option("tool_schema") != "openapi"
