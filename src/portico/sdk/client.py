"""`Portico` and `AsyncPortico`: one object with its own credentials and its own connections, both levels on it."""

from __future__ import annotations

import os
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypedDict, Unpack

from portico.sdk.call import Options
from portico.sdk.clients import AsyncLowLevel, LowLevel
from portico.sdk.credentials import Credentials, find_credentials
from portico.sdk.managers.base import read
from portico.sdk.parts import Part
from portico.sdk.shapes import ServiceStatus
from portico.sdk.transport import AsyncTransport, Transport

if TYPE_CHECKING:
    from portico.sdk.managers.access_control import AccessControl, AsyncAccessControl
    from portico.sdk.managers.analytics import Analytics, AsyncAnalytics
    from portico.sdk.managers.assistant_requests import AssistantRequests, AsyncAssistantRequests
    from portico.sdk.managers.assistants import Assistants, AsyncAssistants
    from portico.sdk.managers.audio import AsyncAudio, Audio
    from portico.sdk.managers.audit import AsyncAudit, Audit
    from portico.sdk.managers.auth import AsyncAuth, Auth
    from portico.sdk.managers.cache import AsyncCache, Cache
    from portico.sdk.managers.chat import AsyncChat, Chat
    from portico.sdk.managers.embeddings import AsyncEmbeddings, Embeddings
    from portico.sdk.managers.evaluations import AsyncEvaluations, Evaluations
    from portico.sdk.managers.feedback import AsyncFeedback, Feedback
    from portico.sdk.managers.files import AsyncFiles, Files
    from portico.sdk.managers.guardrails import AsyncGuardrails, Guardrails
    from portico.sdk.managers.images import AsyncImages, Images
    from portico.sdk.managers.llm import AsyncLlm, Llm
    from portico.sdk.managers.omni_parser import AsyncOmniParser, OmniParser
    from portico.sdk.managers.organizations import AsyncOrganizations, Organizations
    from portico.sdk.managers.projects import AsyncProjects, Projects
    from portico.sdk.managers.providers import AsyncProviders, Providers
    from portico.sdk.managers.rag import AsyncRag, Rag
    from portico.sdk.managers.requests import AsyncRequests, Requests
    from portico.sdk.managers.rerank import AsyncRerank, Rerank
    from portico.sdk.managers.responses import AsyncResponses, Responses
    from portico.sdk.managers.secrets import AsyncSecrets, Secrets
    from portico.sdk.managers.tokens import AsyncTokens, Tokens
    from portico.sdk.managers.usage_limits import AsyncUsageLimits, UsageLimits
    from portico.sdk.managers.users import AsyncUsers, Users
    from portico.sdk.managers.videos import AsyncVideos, Videos


class ClientOptions(TypedDict, total=False):
    """What a client can be told beside token and address.

    `alias` names a profile of ~/.geai/credentials and keeps the environment out. `timeout_s` bounds silence: the wait
    for an answer or for its next piece. `max_retries` counts the tries after the first one.
    """

    alias: str | None
    access_token: str | None
    project_id: str | None
    organization_id: str | None
    ca_file: str | os.PathLike[str] | None
    timeout_s: float
    connect_timeout_s: float
    max_retries: int


class Portico:
    """The API, synchronous. `client.chat.complete("openai/gpt-4o-mini", "Hello").text`

    `chat`, `llm`, `embeddings`, `tokens` give typed objects; `low` has one method per endpoint and gives JSON.
    Credentials are looked for in arguments, environment, ~/.geai/credentials and the local server's file.
    Raises MissingCredentials, ConfigurationError; connects at the first call.
    """

    chat: Part[Chat] = Part("managers.chat:Chat")
    llm: Part[Llm] = Part("managers.llm:Llm")
    responses: Part[Responses] = Part("managers.responses:Responses")
    embeddings: Part[Embeddings] = Part("managers.embeddings:Embeddings")
    rerank: Part[Rerank] = Part("managers.rerank:Rerank")
    omni_parser: Part[OmniParser] = Part("managers.omni_parser:OmniParser")
    files: Part[Files] = Part("managers.files:Files")
    images: Part[Images] = Part("managers.images:Images")
    audio: Part[Audio] = Part("managers.audio:Audio")
    videos: Part[Videos] = Part("managers.videos:Videos")
    providers: Part[Providers] = Part("managers.providers:Providers")
    tokens: Part[Tokens] = Part("managers.tokens:Tokens")
    guardrails: Part[Guardrails] = Part("managers.guardrails:Guardrails")
    secrets: Part[Secrets] = Part("managers.secrets:Secrets")
    feedback: Part[Feedback] = Part("managers.feedback:Feedback")
    audit: Part[Audit] = Part("managers.audit:Audit")
    cache: Part[Cache] = Part("managers.cache:Cache")
    assistants: Part[Assistants] = Part("managers.assistants:Assistants")
    rag: Part[Rag] = Part("managers.rag:Rag")
    evaluations: Part[Evaluations] = Part("managers.evaluations:Evaluations")
    assistant_requests: Part[AssistantRequests] = Part("managers.assistant_requests:AssistantRequests")
    projects: Part[Projects] = Part("managers.projects:Projects")
    organizations: Part[Organizations] = Part("managers.organizations:Organizations")
    access_control: Part[AccessControl] = Part("managers.access_control:AccessControl")
    auth: Part[Auth] = Part("managers.auth:Auth")
    users: Part[Users] = Part("managers.users:Users")
    usage_limits: Part[UsageLimits] = Part("managers.usage_limits:UsageLimits")
    requests: Part[Requests] = Part("managers.requests:Requests")
    analytics: Part[Analytics] = Part("managers.analytics:Analytics")

    def __init__(
        self, api_key: str | None = None, base_url: str | None = None, **options: Unpack[ClientOptions]
    ) -> None:
        self._transport = Transport(*_settings(api_key, base_url, options))
        self.low = LowLevel(self._transport)

    def _ground(self, name: str) -> object:
        return getattr(self.low, name)

    @property
    def credentials(self) -> Credentials:
        """What this client uses, and where it was found; tokens do not print."""
        return self._transport.credentials

    def status(self) -> ServiceStatus:
        """Whether the server runs, and its version; needs no valid token."""
        return read(ServiceStatus, self.low.status.get_status())

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return _shown(self, self.credentials)


class AsyncPortico:
    """The API for asyncio: the same names, awaited; listings and streams with `async for`."""

    chat: Part[AsyncChat] = Part("managers.chat:AsyncChat")
    llm: Part[AsyncLlm] = Part("managers.llm:AsyncLlm")
    responses: Part[AsyncResponses] = Part("managers.responses:AsyncResponses")
    embeddings: Part[AsyncEmbeddings] = Part("managers.embeddings:AsyncEmbeddings")
    rerank: Part[AsyncRerank] = Part("managers.rerank:AsyncRerank")
    omni_parser: Part[AsyncOmniParser] = Part("managers.omni_parser:AsyncOmniParser")
    files: Part[AsyncFiles] = Part("managers.files:AsyncFiles")
    images: Part[AsyncImages] = Part("managers.images:AsyncImages")
    audio: Part[AsyncAudio] = Part("managers.audio:AsyncAudio")
    videos: Part[AsyncVideos] = Part("managers.videos:AsyncVideos")
    providers: Part[AsyncProviders] = Part("managers.providers:AsyncProviders")
    tokens: Part[AsyncTokens] = Part("managers.tokens:AsyncTokens")
    guardrails: Part[AsyncGuardrails] = Part("managers.guardrails:AsyncGuardrails")
    secrets: Part[AsyncSecrets] = Part("managers.secrets:AsyncSecrets")
    feedback: Part[AsyncFeedback] = Part("managers.feedback:AsyncFeedback")
    audit: Part[AsyncAudit] = Part("managers.audit:AsyncAudit")
    cache: Part[AsyncCache] = Part("managers.cache:AsyncCache")
    assistants: Part[AsyncAssistants] = Part("managers.assistants:AsyncAssistants")
    rag: Part[AsyncRag] = Part("managers.rag:AsyncRag")
    evaluations: Part[AsyncEvaluations] = Part("managers.evaluations:AsyncEvaluations")
    assistant_requests: Part[AsyncAssistantRequests] = Part("managers.assistant_requests:AsyncAssistantRequests")
    projects: Part[AsyncProjects] = Part("managers.projects:AsyncProjects")
    organizations: Part[AsyncOrganizations] = Part("managers.organizations:AsyncOrganizations")
    access_control: Part[AsyncAccessControl] = Part("managers.access_control:AsyncAccessControl")
    auth: Part[AsyncAuth] = Part("managers.auth:AsyncAuth")
    users: Part[AsyncUsers] = Part("managers.users:AsyncUsers")
    usage_limits: Part[AsyncUsageLimits] = Part("managers.usage_limits:AsyncUsageLimits")
    requests: Part[AsyncRequests] = Part("managers.requests:AsyncRequests")
    analytics: Part[AsyncAnalytics] = Part("managers.analytics:AsyncAnalytics")

    def __init__(
        self, api_key: str | None = None, base_url: str | None = None, **options: Unpack[ClientOptions]
    ) -> None:
        self._transport = AsyncTransport(*_settings(api_key, base_url, options))
        self.low = AsyncLowLevel(self._transport)

    def _ground(self, name: str) -> object:
        return getattr(self.low, name)

    @property
    def credentials(self) -> Credentials:
        """What this client uses, and where it was found; tokens do not print."""
        return self._transport.credentials

    async def status(self) -> ServiceStatus:
        """Whether the server runs, and its version; needs no valid token."""
        return read(ServiceStatus, await self.low.status.get_status())

    async def close(self) -> None:
        """Closes the connections."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return _shown(self, self.credentials)


def _settings(api_key: str | None, base_url: str | None, options: ClientOptions) -> tuple[Credentials, Options]:
    credentials = find_credentials(
        api_key=api_key,
        base_url=base_url,
        alias=options.get("alias"),
        access_token=options.get("access_token"),
        project_id=options.get("project_id"),
        organization_id=options.get("organization_id"),
        ca_file=options.get("ca_file"),
    )
    default = Options()
    return credentials, Options(
        timeout_s=options.get("timeout_s", default.timeout_s),
        connect_timeout_s=options.get("connect_timeout_s", default.connect_timeout_s),
        max_retries=options.get("max_retries", default.max_retries),
    )


def _shown(client: object, credentials: Credentials) -> str:
    return f"{type(client).__name__}(base_url={credentials.base_url!r}, source={credentials.source!r})"
