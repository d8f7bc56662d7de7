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
    from portico.sdk.shapes import AvailableModel, Model, Provider, ServiceStatus, Token, TokenIdentity
    from portico.wire.chat import ChatCompletion, Choice, Message, ToolCall, Usage
    from portico.wire.embeddings import Embedding, EmbeddingList

_HOMES = {
    "portico.sdk.chat_stream": "AsyncChatStream ChatStream",
    "portico.sdk.client": "AsyncPortico Portico",
    "portico.sdk.credentials": "Credentials",
    "portico.sdk.errors": (
        "ApiError BadRequest ClientClosed ConfigurationError ConnectionLost Forbidden GuardrailBlocked HostUnreachable "
        "InvalidAnswer MethodNotAllowed MissingCredentials NotFound Overloaded PayloadTooLarge PorticoError "
        "RateLimited Redirected RequestConflict RequestTimeout ServerError StreamError StreamFailed "
        "StreamInterrupted TlsFailed TransportError Unauthorized UpstreamTimeout"
    ),
    "portico.sdk.events": (
        "ChatEvent Finish PlatformEvent ReasoningDelta TextDelta ToolCallDelta ToolCallReady UsageEvent"
    ),
    "portico.sdk.shapes": "AvailableModel Model Provider ServiceStatus Token TokenIdentity",
    "portico.wire.chat": "ChatCompletion Choice Message ToolCall Usage",
    "portico.wire.embeddings": "Embedding EmbeddingList",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "ApiError",
    "AsyncChatStream",
    "AsyncPortico",
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
    "Embedding",
    "EmbeddingList",
    "Finish",
    "Forbidden",
    "GuardrailBlocked",
    "HostUnreachable",
    "InvalidAnswer",
    "Message",
    "MethodNotAllowed",
    "MissingCredentials",
    "Model",
    "NotFound",
    "Overloaded",
    "PayloadTooLarge",
    "PlatformEvent",
    "Portico",
    "PorticoError",
    "Provider",
    "RateLimited",
    "ReasoningDelta",
    "Redirected",
    "RequestConflict",
    "RequestTimeout",
    "ServerError",
    "ServiceStatus",
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
    "TransportError",
    "Unauthorized",
    "UpstreamTimeout",
    "Usage",
    "UsageEvent",
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
