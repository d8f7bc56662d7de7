"""The low level: one client per API section, one method per endpoint, JSON in and JSON out (`client.low`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portico.sdk.parts import Part

if TYPE_CHECKING:
    from portico.sdk.clients.access_control import AccessControlClient, AsyncAccessControlClient
    from portico.sdk.clients.analytics import AnalyticsClient, AsyncAnalyticsClient
    from portico.sdk.clients.assistant_requests import AssistantRequestsClient, AsyncAssistantRequestsClient
    from portico.sdk.clients.assistants import AssistantsClient, AsyncAssistantsClient
    from portico.sdk.clients.audio import AsyncAudioClient, AudioClient
    from portico.sdk.clients.audit import AsyncAuditClient, AuditClient
    from portico.sdk.clients.auth import AsyncAuthClient, AuthClient
    from portico.sdk.clients.cache import AsyncCacheClient, CacheClient
    from portico.sdk.clients.chat import AsyncChatClient, ChatClient
    from portico.sdk.clients.embeddings import AsyncEmbeddingsClient, EmbeddingsClient
    from portico.sdk.clients.evaluations import AsyncEvaluationsClient, EvaluationsClient
    from portico.sdk.clients.feedback import AsyncFeedbackClient, FeedbackClient
    from portico.sdk.clients.files import AsyncFilesClient, FilesClient
    from portico.sdk.clients.guardrails import AsyncGuardrailsClient, GuardrailsClient
    from portico.sdk.clients.images import AsyncImagesClient, ImagesClient
    from portico.sdk.clients.llm import AsyncLlmClient, LlmClient
    from portico.sdk.clients.omni_parser import AsyncOmniParserClient, OmniParserClient
    from portico.sdk.clients.organizations import AsyncOrganizationsClient, OrganizationsClient
    from portico.sdk.clients.projects import AsyncProjectsClient, ProjectsClient
    from portico.sdk.clients.providers import AsyncProvidersClient, ProvidersClient
    from portico.sdk.clients.rag import AsyncRagClient, RagClient
    from portico.sdk.clients.requests import AsyncRequestsClient, RequestsClient
    from portico.sdk.clients.rerank import AsyncRerankClient, RerankClient
    from portico.sdk.clients.responses import AsyncResponsesClient, ResponsesClient
    from portico.sdk.clients.secrets import AsyncSecretsClient, SecretsClient
    from portico.sdk.clients.status import AsyncStatusClient, StatusClient
    from portico.sdk.clients.tokens import AsyncTokensClient, TokensClient
    from portico.sdk.clients.usage_limits import AsyncUsageLimitsClient, UsageLimitsClient
    from portico.sdk.clients.users import AsyncUsersClient, UsersClient
    from portico.sdk.clients.videos import AsyncVideosClient, VideosClient
    from portico.sdk.transport import AsyncTransport, Transport


class LowLevel:
    """Every low-level client over one transport."""

    chat: Part[ChatClient] = Part("clients.chat:ChatClient")
    llm: Part[LlmClient] = Part("clients.llm:LlmClient")
    responses: Part[ResponsesClient] = Part("clients.responses:ResponsesClient")
    embeddings: Part[EmbeddingsClient] = Part("clients.embeddings:EmbeddingsClient")
    rerank: Part[RerankClient] = Part("clients.rerank:RerankClient")
    omni_parser: Part[OmniParserClient] = Part("clients.omni_parser:OmniParserClient")
    files: Part[FilesClient] = Part("clients.files:FilesClient")
    images: Part[ImagesClient] = Part("clients.images:ImagesClient")
    audio: Part[AudioClient] = Part("clients.audio:AudioClient")
    videos: Part[VideosClient] = Part("clients.videos:VideosClient")
    providers: Part[ProvidersClient] = Part("clients.providers:ProvidersClient")
    tokens: Part[TokensClient] = Part("clients.tokens:TokensClient")
    projects: Part[ProjectsClient] = Part("clients.projects:ProjectsClient")
    organizations: Part[OrganizationsClient] = Part("clients.organizations:OrganizationsClient")
    access_control: Part[AccessControlClient] = Part("clients.access_control:AccessControlClient")
    usage_limits: Part[UsageLimitsClient] = Part("clients.usage_limits:UsageLimitsClient")
    requests: Part[RequestsClient] = Part("clients.requests:RequestsClient")
    assistants: Part[AssistantsClient] = Part("clients.assistants:AssistantsClient")
    rag: Part[RagClient] = Part("clients.rag:RagClient")
    evaluations: Part[EvaluationsClient] = Part("clients.evaluations:EvaluationsClient")
    assistant_requests: Part[AssistantRequestsClient] = Part("clients.assistant_requests:AssistantRequestsClient")
    analytics: Part[AnalyticsClient] = Part("clients.analytics:AnalyticsClient")
    guardrails: Part[GuardrailsClient] = Part("clients.guardrails:GuardrailsClient")
    cache: Part[CacheClient] = Part("clients.cache:CacheClient")
    audit: Part[AuditClient] = Part("clients.audit:AuditClient")
    feedback: Part[FeedbackClient] = Part("clients.feedback:FeedbackClient")
    secrets: Part[SecretsClient] = Part("clients.secrets:SecretsClient")
    auth: Part[AuthClient] = Part("clients.auth:AuthClient")
    users: Part[UsersClient] = Part("clients.users:UsersClient")
    status: Part[StatusClient] = Part("clients.status:StatusClient")

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _ground(self, name: str) -> Transport:
        return self._transport


class AsyncLowLevel:
    """The same for asyncio."""

    chat: Part[AsyncChatClient] = Part("clients.chat:AsyncChatClient")
    llm: Part[AsyncLlmClient] = Part("clients.llm:AsyncLlmClient")
    responses: Part[AsyncResponsesClient] = Part("clients.responses:AsyncResponsesClient")
    embeddings: Part[AsyncEmbeddingsClient] = Part("clients.embeddings:AsyncEmbeddingsClient")
    rerank: Part[AsyncRerankClient] = Part("clients.rerank:AsyncRerankClient")
    omni_parser: Part[AsyncOmniParserClient] = Part("clients.omni_parser:AsyncOmniParserClient")
    files: Part[AsyncFilesClient] = Part("clients.files:AsyncFilesClient")
    images: Part[AsyncImagesClient] = Part("clients.images:AsyncImagesClient")
    audio: Part[AsyncAudioClient] = Part("clients.audio:AsyncAudioClient")
    videos: Part[AsyncVideosClient] = Part("clients.videos:AsyncVideosClient")
    providers: Part[AsyncProvidersClient] = Part("clients.providers:AsyncProvidersClient")
    tokens: Part[AsyncTokensClient] = Part("clients.tokens:AsyncTokensClient")
    projects: Part[AsyncProjectsClient] = Part("clients.projects:AsyncProjectsClient")
    organizations: Part[AsyncOrganizationsClient] = Part("clients.organizations:AsyncOrganizationsClient")
    access_control: Part[AsyncAccessControlClient] = Part("clients.access_control:AsyncAccessControlClient")
    usage_limits: Part[AsyncUsageLimitsClient] = Part("clients.usage_limits:AsyncUsageLimitsClient")
    requests: Part[AsyncRequestsClient] = Part("clients.requests:AsyncRequestsClient")
    assistants: Part[AsyncAssistantsClient] = Part("clients.assistants:AsyncAssistantsClient")
    rag: Part[AsyncRagClient] = Part("clients.rag:AsyncRagClient")
    evaluations: Part[AsyncEvaluationsClient] = Part("clients.evaluations:AsyncEvaluationsClient")
    assistant_requests: Part[AsyncAssistantRequestsClient] = Part(
        "clients.assistant_requests:AsyncAssistantRequestsClient"
    )
    analytics: Part[AsyncAnalyticsClient] = Part("clients.analytics:AsyncAnalyticsClient")
    guardrails: Part[AsyncGuardrailsClient] = Part("clients.guardrails:AsyncGuardrailsClient")
    cache: Part[AsyncCacheClient] = Part("clients.cache:AsyncCacheClient")
    audit: Part[AsyncAuditClient] = Part("clients.audit:AsyncAuditClient")
    feedback: Part[AsyncFeedbackClient] = Part("clients.feedback:AsyncFeedbackClient")
    secrets: Part[AsyncSecretsClient] = Part("clients.secrets:AsyncSecretsClient")
    auth: Part[AsyncAuthClient] = Part("clients.auth:AsyncAuthClient")
    users: Part[AsyncUsersClient] = Part("clients.users:AsyncUsersClient")
    status: Part[AsyncStatusClient] = Part("clients.status:AsyncStatusClient")

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    def _ground(self, name: str) -> AsyncTransport:
        return self._transport
