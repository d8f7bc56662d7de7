"""What the SDK reads more tolerantly than the server writes: every member may be missing, nothing is lost (`extra`)."""

from __future__ import annotations

from typing import Any

from msgspec import field

from portico.wire import tokens
from portico.wire.tolerant import Shape


class ModelProperty(Shape):
    """A further attribute of a model; `value` is always text."""

    id: str = ""
    name: str = ""
    type: str = ""
    value: str = ""


class Model(Shape, rename="camel"):
    """One model of the catalogue. `full_name` goes into `model` of the other APIs; windows count tokens."""

    id: str = ""
    name: str = ""
    full_name: str = ""
    type: str = ""
    description: str = ""
    context_window: int | None = None
    max_output_tokens: int | None = None
    streaming: bool | None = None
    multimodal: bool | None = None
    tool_calling: bool | None = None
    function_calling: bool | None = None
    is_custom: bool | None = None
    priority: int | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    media_capabilities: dict[str, Any] = field(default_factory=dict)
    properties: list[ModelProperty] = field(default_factory=list)
    friendly_name: str = ""
    interface_type: str = ""


class Provider(Shape, rename="camel"):
    """One provider; `models` is filled when it was asked for."""

    name: str = ""
    friendly_name: str = ""
    description: str = ""
    interface_type: str = ""
    models: list[Model] = field(default_factory=list)


class AvailableModel(Shape):
    """One entry of the OpenAI-style list; `id` is the full name."""

    id: str = ""
    object: str = "model"
    created: int = 0
    owned_by: str = ""


class ServiceStatus(Shape):
    """What a server says of itself."""

    running: bool = False
    version: str = ""
    timestamp: str = ""


class Token(tokens.ApiToken):
    """One API token. In the answer that creates it `id` is the secret: keep it then, it is not shown again."""

    def __repr__(self) -> str:
        shown = self.id if self.id == self.api_token_id else "***"
        return f"Token(id={shown!r}, name={self.name!r}, status={self.status!r}, api_token_id={self.api_token_id!r})"


class TokenIdentity(Shape, rename="camel"):
    """Whose token it is. `project_id` and `project_name` are None for a token of the organization."""

    organization_id: str = ""
    organization_name: str = ""
    project_id: str | None = None
    project_name: str | None = None
    scope: str = ""
