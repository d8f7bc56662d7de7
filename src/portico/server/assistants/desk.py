"""Reads the model reference once and picks the desk. A direct model goes straight to the gateway.

Agents and flows do not exist yet: their names are answered as unknown, as documented.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Mapping
from typing import Protocol

from portico.server.access.caller import Caller
from portico.server.access.policy import require_assistant, require_backend
from portico.server.assistants.definitions import Definition, Definitions
from portico.server.assistants.prompt import FileReferences, PromptDesk, names_files
from portico.server.assistants.refusals import AssistantNotImplemented
from portico.server.errors import AssistantNotFound, PatternMismatch, SearchProfileNotFound
from portico.server.gateway.answers import Answer, Stream
from portico.server.gateway.chat import ChatGateway
from portico.wire.model_ref import AgentRef, SaiaRef
from portico.wire.requests import ChatRequest


class AssistantDesk(Protocol):
    """Where the assistants of one kind are answered."""

    def answer(
        self, caller: Caller, definition: Definition, request: ChatRequest, request_id: str
    ) -> Awaitable[Answer | Stream]: ...


class ProfileDesk(Protocol):
    """Where RAG assistants are answered (`assistants/search`)."""

    def answer(
        self, caller: Caller, name: str, request: ChatRequest, request_id: str
    ) -> Awaitable[Answer | Stream]: ...


_NO_OTHERS: Mapping[str, AssistantDesk] = {}


class Desk:
    """Where every chat request is taken to the one who answers it."""

    def __init__(
        self,
        chat: ChatGateway,
        definitions: Definitions,
        files: FileReferences | None = None,
        others: Mapping[str, AssistantDesk] = _NO_OTHERS,
        search: ProfileDesk | None = None,
    ) -> None:
        """`others` are the desks of further types of assistants, `search` that of RAG assistants."""
        self._chat = chat
        self._search = search
        self._definitions = definitions
        self._files = files
        prompt = PromptDesk(chat, definitions, files)
        self._desks: Mapping[str, AssistantDesk] = {"chat": prompt, "text": prompt, **others}

    def answer(self, caller: Caller, request: ChatRequest, request_id: str) -> Awaitable[Answer | Stream]:
        """The answer, whole or begun; errors of our tree come here or from the awaiting."""
        ref = request.ref
        if isinstance(ref, SaiaRef):
            if ref.type == "assistant":
                return self._assist(caller, ref.name, request, request_id)
            if ref.type == "search" and self._search is not None:  # open to all who may execute: no role names one
                return self._search.answer(caller, ref.name, request, request_id)
            raise SearchProfileNotFound(param="model") if ref.type == "search" else AssistantNotFound(param="model")
        if isinstance(ref, AgentRef):
            _require_uuid(request.conversation_id)
            raise AssistantNotFound(param="model")
        require_backend(caller)  # a frontend role opens assistants, not the models behind them
        if self._files is not None and names_files(request):
            return self._answer_with_files(self._files, caller, request, request_id)
        return self._chat.answer(caller, request, request_id)

    async def _answer_with_files(
        self, files: FileReferences, caller: Caller, request: ChatRequest, request_id: str
    ) -> Answer | Stream:
        """A direct model knows files of the project, too. In a task: the request itself is driven (kit/drive.py)."""
        accepts = self._chat.accepts(caller, request.ref)
        await self._chat.require_room(caller)
        await asyncio.ensure_future(files.put_into(request, caller, None, accepts))
        return await self._chat.answer(caller, request, request_id)

    def _assist(self, caller: Caller, name: str, request: ChatRequest, request_id: str) -> Awaitable[Answer | Stream]:
        """An assistant by its definition. Raises AssistantNotFound, Forbidden, AssistantNotImplemented."""
        definition = self._definitions.find(caller, name)
        require_assistant(caller, definition.assistant_id)
        desk = self._desks.get(definition.type)
        if desk is None:
            raise AssistantNotImplemented(param="model")
        return desk.answer(caller, definition, request, request_id)


def _require_uuid(conversation_id: str | None) -> None:
    """The conversation of an agent is named by a UUID (Chat API reference, `saia-conversation-id`)."""
    if conversation_id is None:
        return
    try:
        uuid.UUID(conversation_id)
    except ValueError:
        raise PatternMismatch("saia-conversation-id", "send a UUID") from None
