"""Portico: SDK of the Globant Enterprise AI API. The public names, and nothing else; each is loaded at first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from portico.sdk.chat_stream import AsyncChatStream, ChatStream
    from portico.sdk.client import AsyncPortico, Portico
    from portico.sdk.credentials import Credentials
    from portico.sdk.errors import (
        ApiError,
        BadRequest,
        ClientClosed,
        ConfigurationError,
        ConnectionLost,
        Forbidden,
        GuardrailBlocked,
        HostUnreachable,
        InvalidAnswer,
        MethodNotAllowed,
        MissingCredentials,
        NotFound,
        OperationFailed,
        OperationPending,
        Overloaded,
        PayloadTooLarge,
        PorticoError,
        RateLimited,
        Redirected,
        RequestConflict,
        RequestTimeout,
        ServerError,
        StreamError,
        StreamFailed,
        StreamInterrupted,
        TlsFailed,
        TransportError,
        Unauthorized,
        UpstreamTimeout,
    )
    from portico.sdk.events import (
        ChatEvent,
        Finish,
        PlatformEvent,
        ReasoningDelta,
        TextDelta,
        ToolCallDelta,
        ToolCallReady,
        UsageEvent,
    )
    from portico.sdk.media import Image, ImageList, Speech, Video
    from portico.sdk.rag_answers import RagAnswer, RagSource
    from portico.sdk.rag_progress import FileUpload, IndexBoard
    from portico.sdk.rag_stream import AsyncRagStream, RagStream
    from portico.sdk.response_stream import AsyncResponseStream, ResponseStream
    from portico.sdk.shapes import AvailableModel, Model, Provider, ServiceStatus, Token, TokenIdentity
    from portico.wire.access_control import Invitation, Member, OrganizationAccess, ProjectAccess, Role
    from portico.wire.assistants import Assistant, AssistantItem, AssistantRevision, RevisionDiff
    from portico.wire.audio import Transcription
    from portico.wire.audit import AuditCheck, AuditEntry
    from portico.wire.auth import AccessToken, Session, SetupLink, User, UserInfo
    from portico.wire.chat import ChatCompletion, Choice, Message, ToolCall, Usage
    from portico.wire.embeddings import Embedding, EmbeddingList
    from portico.wire.files import FileData, FileItem, Uploaded
    from portico.wire.guardrails import GuardrailSettings
    from portico.wire.omni_parser import ParsedFile, ParsedPart
    from portico.wire.organizations import DeletedOrganization, Organization
    from portico.wire.projects import DeletedProject, Plugin, Project
    from portico.wire.providers import ModelAlias, OwnModel, OwnProvider, ProviderKey, ProviderState
    from portico.wire.requests_log import RequestItem, RequestStatus
    from portico.wire.rerank import Ranked, Ranking
    from portico.wire.responses import Response, ResponseEvent
    from portico.wire.search import Document, ProfileItem, RagAssistant
    from portico.wire.secrets import ProjectSecret, SecretAccess
    from portico.wire.usage_limits import UsageLimit, UsageRate
    from portico.wire.videos import VideoOperation

_HOMES = {
    "portico.sdk.chat_stream": "AsyncChatStream ChatStream",
    "portico.sdk.client": "AsyncPortico Portico",
    "portico.sdk.credentials": "Credentials",
    "portico.sdk.errors": (
        "ApiError BadRequest ClientClosed ConfigurationError ConnectionLost Forbidden GuardrailBlocked HostUnreachable "
        "InvalidAnswer MethodNotAllowed MissingCredentials NotFound OperationFailed OperationPending Overloaded "
        "PayloadTooLarge PorticoError "
        "RateLimited Redirected RequestConflict RequestTimeout ServerError StreamError StreamFailed "
        "StreamInterrupted TlsFailed TransportError Unauthorized UpstreamTimeout"
    ),
    "portico.sdk.events": (
        "ChatEvent Finish PlatformEvent ReasoningDelta TextDelta ToolCallDelta ToolCallReady UsageEvent"
    ),
    "portico.sdk.rag_answers": "RagAnswer RagSource",
    "portico.sdk.rag_progress": "FileUpload IndexBoard",
    "portico.sdk.rag_stream": "AsyncRagStream RagStream",
    "portico.sdk.response_stream": "AsyncResponseStream ResponseStream",
    "portico.sdk.shapes": "AvailableModel Model Provider ServiceStatus Token TokenIdentity",
    "portico.sdk.media": "Image ImageList Speech Video",
    "portico.wire.audio": "Transcription",
    "portico.wire.assistants": "Assistant AssistantItem AssistantRevision RevisionDiff",
    "portico.wire.audit": "AuditCheck AuditEntry",
    "portico.wire.auth": "AccessToken Session SetupLink User UserInfo",
    "portico.wire.search": "Document ProfileItem RagAssistant",
    "portico.wire.secrets": "ProjectSecret SecretAccess",
    "portico.wire.rerank": "Ranked Ranking",
    "portico.wire.videos": "VideoOperation",
    "portico.wire.chat": "ChatCompletion Choice Message ToolCall Usage",
    "portico.wire.embeddings": "Embedding EmbeddingList",
    "portico.wire.files": "FileData FileItem Uploaded",
    "portico.wire.guardrails": "GuardrailSettings",
    "portico.wire.providers": "ModelAlias OwnModel OwnProvider ProviderKey ProviderState",
    "portico.wire.responses": "Response ResponseEvent",
    "portico.wire.projects": "DeletedProject Plugin Project",
    "portico.wire.omni_parser": "ParsedFile ParsedPart",
    "portico.wire.organizations": "DeletedOrganization Organization",
    "portico.wire.access_control": "Invitation Member OrganizationAccess ProjectAccess Role",
    "portico.wire.usage_limits": "UsageLimit UsageRate",
    "portico.wire.requests_log": "RequestItem RequestStatus",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "AccessToken",
    "ApiError",
    "Assistant",
    "AssistantItem",
    "AssistantRevision",
    "AsyncChatStream",
    "AsyncPortico",
    "AsyncRagStream",
    "AsyncResponseStream",
    "AuditCheck",
    "AuditEntry",
    "AvailableModel",
    "BadRequest",
    "ChatCompletion",
    "ChatEvent",
    "ChatStream",
    "Choice",
    "ClientClosed",
    "ConfigurationError",
    "ConnectionLost",
    "Credentials",
    "DeletedOrganization",
    "DeletedProject",
    "Document",
    "Embedding",
    "EmbeddingList",
    "FileData",
    "FileItem",
    "FileUpload",
    "Finish",
    "Forbidden",
    "GuardrailBlocked",
    "GuardrailSettings",
    "HostUnreachable",
    "Image",
    "ImageList",
    "IndexBoard",
    "InvalidAnswer",
    "Invitation",
    "Member",
    "Message",
    "MethodNotAllowed",
    "MissingCredentials",
    "Model",
    "ModelAlias",
    "NotFound",
    "OperationFailed",
    "OperationPending",
    "Organization",
    "OrganizationAccess",
    "Overloaded",
    "OwnModel",
    "OwnProvider",
    "ParsedFile",
    "ParsedPart",
    "PayloadTooLarge",
    "PlatformEvent",
    "Plugin",
    "Portico",
    "PorticoError",
    "ProfileItem",
    "Project",
    "ProjectAccess",
    "ProjectSecret",
    "Provider",
    "ProviderKey",
    "ProviderState",
    "RagAnswer",
    "RagAssistant",
    "RagSource",
    "RagStream",
    "Ranked",
    "Ranking",
    "RateLimited",
    "ReasoningDelta",
    "Redirected",
    "RequestConflict",
    "RequestItem",
    "RequestStatus",
    "RequestTimeout",
    "Response",
    "ResponseEvent",
    "ResponseStream",
    "RevisionDiff",
    "Role",
    "SecretAccess",
    "ServerError",
    "ServiceStatus",
    "Session",
    "SetupLink",
    "Speech",
    "StreamError",
    "StreamFailed",
    "StreamInterrupted",
    "TextDelta",
    "TlsFailed",
    "Token",
    "TokenIdentity",
    "ToolCall",
    "ToolCallDelta",
    "ToolCallReady",
    "Transcription",
    "TransportError",
    "Unauthorized",
    "Uploaded",
    "UpstreamTimeout",
    "Usage",
    "UsageEvent",
    "UsageLimit",
    "UsageRate",
    "User",
    "UserInfo",
    "Video",
    "VideoOperation",
    "__version__",
]


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
