"""Responses as documented: output items, usage with costs, and the typed events of a stream.

Source: Responses API reference, POST /responses.
"""

from __future__ import annotations

from typing import Any

from msgspec import field

from portico.wire.chat import Usage
from portico.wire.tolerant import Shape


class OutputContent(Shape):
    """A part of a message: `output_text` with `text`, or `refusal`."""

    type: str = "output_text"
    text: str = ""
    refusal: str = ""
    annotations: list[Any] = field(default_factory=list)


class OutputItem(Shape):
    """One item of a response: `message`, `function_call`, `reasoning`, or another kind, which is whole in `raw`.

    Answer a function call with an item `{"type": "function_call_output", "call_id": ..., "output": ...}`.
    """

    id: str = ""
    type: str = "message"
    role: str = ""
    status: str = ""
    content: list[OutputContent] = field(default_factory=list)
    name: str = ""
    arguments: str = ""
    call_id: str = ""
    summary: list[OutputContent] = field(default_factory=list)


class Response(Shape):
    """A whole response. `status` is completed, or incomplete with a reason in `incomplete_details`."""

    id: str = ""
    object: str = "response"
    created_at: float = 0
    status: str = ""
    model: str = ""
    output: list[OutputItem] = field(default_factory=list)
    usage: Usage | None = None
    incomplete_details: dict[str, Any] | None = None
    request_id: str = field(default="", name="requestId")

    @property
    def text(self) -> str:
        """The texts of all messages, joined."""
        parts = (part for item in self.output if item.type == "message" for part in item.content)
        return "".join(part.text for part in parts)

    @property
    def function_calls(self) -> list[OutputItem]:
        """What the model asks to be called."""
        return [item for item in self.output if item.type == "function_call"]


class ResponseEvent(Shape):
    """One event of a stream. `delta` is its piece of text or of arguments; `response` comes with the first and last."""

    type: str = ""
    sequence_number: int = 0
    delta: str = ""
    item_id: str = ""
    output_index: int = 0
    item: OutputItem | None = None
    response: Response | None = None
