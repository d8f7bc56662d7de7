"""The low level: one client per API section, one method per endpoint, JSON in and JSON out (`client.low`)."""

from __future__ import annotations

from portico.sdk.clients.chat import AsyncChatClient, ChatClient
from portico.sdk.clients.embeddings import AsyncEmbeddingsClient, EmbeddingsClient
from portico.sdk.clients.llm import AsyncLlmClient, LlmClient
from portico.sdk.clients.status import AsyncStatusClient, StatusClient
from portico.sdk.clients.tokens import AsyncTokensClient, TokensClient
from portico.sdk.transport import AsyncTransport, Transport

__all__ = [
    "AsyncChatClient",
    "AsyncEmbeddingsClient",
    "AsyncLlmClient",
    "AsyncLowLevel",
    "AsyncStatusClient",
    "AsyncTokensClient",
    "ChatClient",
    "EmbeddingsClient",
    "LlmClient",
    "LowLevel",
    "StatusClient",
    "TokensClient",
]


class LowLevel:
    """Every low-level client over one transport."""

    def __init__(self, transport: Transport) -> None:
        self.chat = ChatClient(transport)
        self.llm = LlmClient(transport)
        self.embeddings = EmbeddingsClient(transport)
        self.tokens = TokensClient(transport)
        self.status = StatusClient(transport)


class AsyncLowLevel:
    """The same for asyncio."""

    def __init__(self, transport: AsyncTransport) -> None:
        self.chat = AsyncChatClient(transport)
        self.llm = AsyncLlmClient(transport)
        self.embeddings = AsyncEmbeddingsClient(transport)
        self.tokens = AsyncTokensClient(transport)
        self.status = AsyncStatusClient(transport)
