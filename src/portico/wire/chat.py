"""Chat completions as documented: the whole answer, its tool calls, usage with costs.

Source: Chat API reference, POST /v1/chat/completions.
"""

from __future__ import annotations

from typing import Any

from msgspec import field

from portico.wire.tolerant import Shape


class TokenDetails(Shape):
    """What a token count is made of."""

    cached_tokens: int = 0
    reasoning_tokens: int = 0
    audio_tokens: int = 0


class Usage(Shape):
    """Tokens spent, and what they cost in `currency`."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    prompt_cost: float = 0.0
    completion_cost: float = 0.0
    total_cost: float = 0.0
    currency: str = "USD"
    prompt_tokens_details: TokenDetails | None = None
    completion_tokens_details: TokenDetails | None = None


class FunctionCall(Shape):
    """A function and its arguments: JSON in a string, exactly as the model wrote it."""

    name: str = ""
    arguments: str = ""


class ToolCall(Shape):
    """A call the model asks for; answer it with a message of role `tool` and this `id`."""

    id: str = ""
    type: str = "function"
    function: FunctionCall = field(default_factory=FunctionCall)
    index: int | None = None


class Message(Shape):
    """One turn of a conversation, as an answer carries it."""

    role: str = "assistant"
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[ToolCall] = field(default_factory=list)
    refusal: str | None = None
    reasoning_content: str | None = None
    annotations: list[Any] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The content as text; the text parts joined when it comes in parts."""
        if isinstance(self.content, list):
            return "".join(part["text"] for part in self.content if isinstance(part.get("text"), str))
        return self.content or ""


class Choice(Shape):
    """One of the answers; `finish_reason` is stop, length, tool_calls or content_filter."""

    index: int = 0
    message: Message = field(default_factory=Message)
    finish_reason: str | None = None


class ChatCompletion(Shape):
    """A whole answer. Of RAG assistants it also has `documents`, `text` and `threadId` in `extra`."""

    id: str = ""
    object: str = "chat.completion"
    created: int = 0
    model: str = ""
    choices: list[Choice] = field(default_factory=list)
    usage: Usage | None = None
    request_id: str = field(default="", name="requestId")

    @property
    def text(self) -> str:
        """The text of the first choice."""
        return self.choices[0].message.text if self.choices else ""

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The tool calls of the first choice."""
        return self.choices[0].message.tool_calls if self.choices else []

    @property
    def finish_reason(self) -> str | None:
        """Why the first choice ended."""
        return self.choices[0].finish_reason if self.choices else None
