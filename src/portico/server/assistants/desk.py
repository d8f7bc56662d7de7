"""Reads the model reference once and picks the desk. A direct model goes straight to the gateway.

The other desks (assistants, RAG, agents, flows) do not exist yet: their names are answered as unknown, as documented.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable

from portico.server.access.caller import Caller
from portico.server.errors import AssistantNotFound, PatternMismatch, SearchProfileNotFound
from portico.server.gateway.chat import ChatGateway, ChatStream
from portico.wire.model_ref import AgentRef, SaiaRef
from portico.wire.requests import ChatRequest


class Desk:
    """Where every chat request is taken to the one who answers it."""

    def __init__(self, chat: ChatGateway) -> None:
        self._chat = chat

    def answer(self, caller: Caller, request: ChatRequest, request_id: str) -> Awaitable[bytes | ChatStream]:
        """The answer, whole or begun; errors of our tree come here or from the awaiting."""
        ref = request.ref
        if isinstance(ref, AgentRef):
            _require_uuid(request.conversation_id)
            raise AssistantNotFound(param="model")
        if isinstance(ref, SaiaRef):
            raise SearchProfileNotFound(param="model") if ref.type == "search" else AssistantNotFound(param="model")
        return self._chat.answer(caller, request, request_id)


def _require_uuid(conversation_id: str | None) -> None:
    """The conversation of an agent is named by a UUID (Chat API reference, `saia-conversation-id`)."""
    if conversation_id is None:
        return
    try:
        uuid.UUID(conversation_id)
    except ValueError:
        raise PatternMismatch("saia-conversation-id", "send a UUID") from None
