"""What is asked of a RAG assistant: the last message of the user, and what was said before it.

Source: Chat API reference, "RAG".
"""

from __future__ import annotations

from typing import Any

import msgspec

from portico.server.access.tenancy import clean_text
from portico.server.assistants.search.questions.prompting import undouble
from portico.server.errors import EmptyQuery, PatternMismatch
from portico.server.storage.threads import Turn
from portico.wire.requests import NULL, ChatRequest

CHAT_HISTORY = "chat_history"
"""The variable, in lower case, by which callers who keep the conversation themselves hand it over."""
_ROLES = frozenset({"user", "assistant"})


class _Message(msgspec.Struct):
    role: str = ""
    content: Any = None


_read_messages = msgspec.json.Decoder(list[_Message]).decode


def read_question(request: ChatRequest) -> tuple[str, list[Turn]]:
    """The question, and the messages before it that are a conversation; instructions of the caller are none.

    Raises EmptyQuery when the last message of the user says nothing, or there is none.
    """
    messages = _read_messages(request.members.get("messages", NULL))
    places = [place for place, message in enumerate(messages) if message.role == "user"]
    question = clean_text(_text(messages[places[-1]].content)) if places else ""
    if not question:
        raise EmptyQuery(param="messages")
    return question, _turns(messages[: places[-1]])


def maybe_given_history(request: ChatRequest) -> list[Turn] | None:
    """The conversation in the variable `chat_history`; None when it was not sent. Raises PatternMismatch."""
    given = request.options.variables.get(CHAT_HISTORY)
    if given is None:
        return None
    if not given.strip():
        return []
    try:
        return _turns(_read_messages(undouble(given).encode("utf-8", "replace")))
    except (msgspec.DecodeError, RecursionError):
        hint = 'its value is the text of a JSON array of {"role":"...","content":"..."}'
        raise PatternMismatch(f"variables.{CHAT_HISTORY}", hint) from None


def _turns(messages: list[_Message]) -> list[Turn]:
    told = ((message.role, clean_text(_text(message.content))) for message in messages if message.role in _ROLES)
    return [Turn(role, content) for role, content in told if content]


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (part if isinstance(part, str) else part.get("text") for part in content if isinstance(part, str | dict))
    return "\n".join(one for one in texts if isinstance(one, str))
