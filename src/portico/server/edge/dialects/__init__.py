"""The APIs that speak of chat in words other than the chat API's: which paths are theirs, and how they refuse."""

from __future__ import annotations

from collections.abc import Mapping

from portico.server.edge.dialects import assistant, messages, responses
from portico.server.edge.dialects.dialect import CHAT, Dialect

_DIALECTS: Mapping[str, Dialect] = {
    **dict.fromkeys(responses.PATHS, responses.DIALECT),
    **dict.fromkeys(assistant.PATHS, assistant.DIALECT),
    **dict.fromkeys((*messages.PATHS, *messages.COUNT_PATHS), messages.DIALECT),
}


def dialect_of(path: str) -> Dialect:
    """How a hot path refuses, breaks off and breaks a silence."""
    return _DIALECTS.get(path, CHAT)
