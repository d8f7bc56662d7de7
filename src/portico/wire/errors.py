"""The documented error bodies: the list of platform APIs, and the superset of the OpenAI-like endpoints."""

from __future__ import annotations

import msgspec


class ErrorItem(msgspec.Struct):
    id: int
    description: str


class PlatformErrors(msgspec.Struct):
    """`{"errors":[{"id","description"}]}`."""

    errors: list[ErrorItem]


class OpenAIError(msgspec.Struct):
    """`code` is a number of the documented list, or a provider's own text."""

    code: int | str
    message: str
    type: str
    param: str | None = None


class ExecutionError(msgspec.Struct):
    """What an OpenAI SDK reads (`error`) and what the reference documents (`errors`), in one body."""

    error: OpenAIError
    errors: list[ErrorItem]
    request_id: str = msgspec.field(name="requestId")
    success: bool = False
    status: str = "failed"


class GuardrailError(ExecutionError):
    """The same for what a guardrail has blocked: with an empty text and result, as documented."""

    text: str = ""
    result: dict[str, str] = msgspec.field(default_factory=dict)


class StreamedError(msgspec.Struct):
    """An error after the first byte; the stream ends behind it without `[DONE]`."""

    error: OpenAIError
    request_id: str = msgspec.field(name="requestId")
