"""Azure OpenAI: the OpenAI protocol under addresses of its own, with a key or an access token of Entra ID.

A base URL that ends with `/openai/v1` is the newer address: models in the body, as with OpenAI. Otherwise each
deployment has a path and the API a version. Source: Azure OpenAI REST API reference, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from msgspec.structs import replace

from portico.server.errors import ProviderError
from portico.server.providers.access_tokens import AccessTokens
from portico.server.providers.azure.entra import BY_APPLICATION, is_application
from portico.server.providers.base import Credential, Endpoint, Outgoing, Reached, Target, Turn
from portico.server.providers.openai import OpenAI
from portico.server.providers.transport import Transport
from portico.wire.requests import (
    ChatRequest,
    EmbeddingRequest,
    ImageRequest,
    ResponsesRequest,
    SpeechRequest,
    TranscriptionRequest,
)

API_VERSION = "2024-10-21"
"""The newest version that is generally available; another one is named by the option `api_version`."""
V1 = "/openai/v1"
_UNKNOWN_DEPLOYMENT = "DeploymentNotFound"


class Azure(OpenAI):
    """Options: `api_version`, `access_token`, and of an application of Entra ID `tenant_id`, `client_id`,
    `client_secret` (`token_url`)."""

    name = "azure"
    request_id_headers = (b"apim-request-id", b"x-request-id")

    def __init__(self, transport: Transport) -> None:
        self._tokens = AccessTokens(transport, BY_APPLICATION)

    def endpoint(self, credential: Credential) -> Endpoint | None:
        """A token goes before an application, an application before a key, which goes out as `api-key`."""
        base_url = _base_url_of(credential)
        token = credential.option("access_token")
        if token:
            return Endpoint.with_key(base_url, token)
        if is_application(credential):
            return None
        return Endpoint(base_url, (("api-key", credential.key),) if credential.key else ())

    async def reach(self, target: Target) -> Reached:
        token = await self._tokens.find(target.credential)
        return Reached(Endpoint.with_key(_base_url_of(target.credential), token), _nothing)

    def write_chat(self, request: ChatRequest, target: Target, turn: Turn) -> Outgoing:
        return _addressed(super().write_chat(request, target, turn), target)

    def relays_responses(self, target: Target) -> bool:
        return True

    def write_responses(self, request: ResponsesRequest, target: Target, turn: Turn) -> Outgoing:
        return _addressed(super().write_responses(request, target, turn), target)

    def write_embeddings(self, request: EmbeddingRequest, inputs: Sequence[str], target: Target) -> Outgoing:
        return _addressed(super().write_embeddings(request, inputs, target), target)

    def write_image(self, request: ImageRequest, target: Target, turn: Turn) -> Outgoing:
        return _addressed(super().write_image(request, target, turn), target)

    def write_speech(self, request: SpeechRequest, target: Target, turn: Turn) -> Outgoing:
        return _addressed(super().write_speech(request, target, turn), target)

    def write_transcription(self, request: TranscriptionRequest, target: Target, turn: Turn) -> Outgoing:
        return _addressed(super().write_transcription(request, target, turn), target)

    def read_error(self, status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
        error = super().read_error(status, headers, body)
        if error.code == _UNKNOWN_DEPLOYMENT:
            error.code = "model_not_found"
        return error


def _base_url_of(credential: Credential) -> str:
    """The address of the resource, however much of the path was copied with it."""
    return credential.base_url.rstrip("/").removesuffix("/openai")


def _addressed(outgoing: Outgoing, target: Target) -> Outgoing:
    """The same request at the path of its deployment; the Responses API knows no deployments in its path."""
    credential = target.credential
    if credential.base_url.endswith(V1):
        return outgoing
    if outgoing.path == "/responses":
        return replace(outgoing, path=f"{V1}{outgoing.path}")
    version = quote(credential.option("api_version", API_VERSION), safe="")
    deployment = quote(target.upstream_model, safe="")
    return replace(outgoing, path=f"/openai/deployments/{deployment}{outgoing.path}?api-version={version}")


def _nothing() -> None:
    """An address that needs no giving back."""
