"""Questions to RAG assistants, high level: answers with their sources, at once or as they are made."""

from __future__ import annotations

from typing import Unpack

from portico.sdk.call import JsonObject
from portico.sdk.clients.chat import AsyncChatClient, ChatClient, ChatOptions, Messages
from portico.sdk.clients.rag import AsyncRagClient, QueryOptions, RagClient
from portico.sdk.errors import InvalidAnswer, PorticoError
from portico.sdk.rag_answers import RagAnswer, read_answer
from portico.sdk.rag_stream import AsyncRagStream, RagStream


class RagQuestions:
    """The part of `client.rag` that asks."""

    def __init__(self, client: RagClient) -> None:
        self._client = client

    def query(self, profile: str, question: str, **options: Unpack[QueryOptions]) -> RagAnswer:
        """By `/v1/search/execute`. Nothing found is an answer without `success`; an unknown profile raises NotFound."""
        return _answer(self._client.execute_query(profile, question, **options))

    def ask(self, name: str, messages: Messages, **options: Unpack[ChatOptions]) -> RagAnswer:
        """By the Chat API; `messages` may be the text of a question, `thread_id` names the conversation.

        Nothing found is an answer without `success`; an unknown profile raises NotFound.
        """
        return _answer(ChatClient(self._client._transport).chat_completion(_model(name), messages, **options))

    def stream(self, name: str, messages: Messages, **options: Unpack[ChatOptions]) -> RagStream:
        """The answer as it is made; its sources come at the end."""
        options.setdefault("stream_options", {"include_usage": True})
        client = ChatClient(self._client._transport)
        return RagStream(client.stream_chat_completion(_model(name), messages, **options))


class AsyncRagQuestions:
    """The same for asyncio."""

    def __init__(self, client: AsyncRagClient) -> None:
        self._client = client

    async def query(self, profile: str, question: str, **options: Unpack[QueryOptions]) -> RagAnswer:
        """By `/v1/search/execute`. Nothing found is an answer without `success`; an unknown profile raises NotFound."""
        return _answer(await self._client.execute_query(profile, question, **options))

    async def ask(self, name: str, messages: Messages, **options: Unpack[ChatOptions]) -> RagAnswer:
        """By the Chat API; `messages` may be the text of a question, `thread_id` names the conversation.

        Nothing found is an answer without `success`; an unknown profile raises NotFound.
        """
        return _answer(
            await AsyncChatClient(self._client._transport).chat_completion(_model(name), messages, **options)
        )

    async def stream(self, name: str, messages: Messages, **options: Unpack[ChatOptions]) -> AsyncRagStream:
        """The answer as it is made; its sources come at the end."""
        options.setdefault("stream_options", {"include_usage": True})
        client = AsyncChatClient(self._client._transport)
        return AsyncRagStream(await client.stream_chat_completion(_model(name), messages, **options))


def _model(name: str) -> str:
    if not name.strip():
        raise PorticoError("The name of the RAG assistant is empty.", hint="`portico rag list` shows the names.")
    return f"saia:search:{name}"


def _answer(body: JsonObject) -> RagAnswer:
    try:
        return read_answer(body)
    except ValueError as error:
        raise InvalidAnswer(f"The server's answer is no answer of a RAG assistant: {error}.") from None
