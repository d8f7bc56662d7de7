"""Chat, high level: typed answers, streams of events."""

from __future__ import annotations

from typing import Unpack

from portico.sdk.chat_stream import AsyncChatStream, ChatStream
from portico.sdk.clients.chat import AsyncChatClient, ChatClient, ChatOptions, Messages
from portico.sdk.managers.base import read
from portico.wire.chat import ChatCompletion


class Chat:
    """`client.chat`: ask a model, an assistant, a flow or an agent."""

    def __init__(self, client: ChatClient) -> None:
        self._client = client

    def complete(self, model: str, messages: Messages, **options: Unpack[ChatOptions]) -> ChatCompletion:
        """The whole answer. `messages` may be the text of a single question."""
        return read(ChatCompletion, self._client.chat_completion(model, messages, **options))

    def stream(self, model: str, messages: Messages, **options: Unpack[ChatOptions]) -> ChatStream:
        """The answer as it is made, usage at its end. Raises before the first event when the server refuses."""
        options.setdefault("stream_options", {"include_usage": True})
        return ChatStream(self._client.stream_chat_completion(model, messages, **options))


class AsyncChat:
    """The same for asyncio."""

    def __init__(self, client: AsyncChatClient) -> None:
        self._client = client

    async def complete(self, model: str, messages: Messages, **options: Unpack[ChatOptions]) -> ChatCompletion:
        """The whole answer. `messages` may be the text of a single question."""
        return read(ChatCompletion, await self._client.chat_completion(model, messages, **options))

    async def stream(self, model: str, messages: Messages, **options: Unpack[ChatOptions]) -> AsyncChatStream:
        """The answer as it is made, usage at its end. Raises before the first event when the server refuses."""
        options.setdefault("stream_options", {"include_usage": True})
        return AsyncChatStream(await self._client.stream_chat_completion(model, messages, **options))
