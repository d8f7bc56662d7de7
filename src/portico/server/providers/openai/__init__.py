"""The OpenAI protocol, as spoken by OpenAI and by every compatible server; one file per verb."""

from __future__ import annotations

from collections.abc import Sequence

from portico.server.providers.base import Members, Outgoing, Target, Turn, read_limit
from portico.server.providers.openai.chat import Chat
from portico.server.providers.openai.embeddings import Embeddings
from portico.server.providers.openai.foreign import as_own
from portico.server.providers.openai.media import Pictures, Speech
from portico.server.providers.openai.native_responses import NativeResponses
from portico.server.providers.openai.responses import (
    Reader,
    needs_responses,
    raise_limit,
    read_event,
    read_response,
    write_response,
)
from portico.wire.requests import ChatRequest


class OpenAI(Chat, Embeddings, Pictures, Speech, NativeResponses):
    """Chat goes over the Chat Completions API, or over the Responses API where the model is served there only."""

    name = "openai"
    fetches = frozenset({"http", "https"})

    def write_chat(self, request: ChatRequest, target: Target, turn: Turn) -> Outgoing:
        request = as_own(request, turn)
        if needs_responses(request, target):
            return write_response(request, target, turn)
        return Chat.write_chat(self, request, target, turn)

    def most_output(self, request: ChatRequest, target: Target) -> int | None:
        limit = read_limit(request)
        return raise_limit(limit) if limit and needs_responses(request, target) else limit

    def read_chat(self, body: bytes, request: ChatRequest, turn: Turn) -> Members:
        if type(turn.reader) is Reader:
            return read_response(body, turn)
        return Chat.read_chat(self, body, request, turn)

    def read_frame(self, data: bytes, request: ChatRequest, turn: Turn) -> Sequence[bytes]:
        if type(turn.reader) is Reader:
            return read_event(data, turn)
        return Chat.read_frame(self, data, request, turn)
