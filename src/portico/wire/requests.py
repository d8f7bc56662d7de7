"""Requests as the server reads them: the few members it needs are values, all others stay the bytes they were."""

from __future__ import annotations

from typing import Literal

import msgspec

from portico.wire.model_ref import ModelRef

NULL = msgspec.Raw(b"null")
Members = dict[str, msgspec.Raw]


class ChatRequest(msgspec.Struct):
    """A chat completion request. `members` holds what goes to a provider, without `model` and platform members.

    `media` are the MIME types of the attached parts, `image/*` for an address without one. `include_usage` is the
    caller's `stream_options.include_usage`; tools in `members` are in the OpenAI form. `body_bytes` serves estimates.
    """

    ref: ModelRef
    members: Members
    stream: bool = False
    include_usage: bool = False
    has_tools: bool = False
    media: tuple[str, ...] = ()
    conversation_id: str | None = None
    body_bytes: int = 0


class EmbeddingRequest(msgspec.Struct):
    """An embeddings request. `timeout_s` is how long the caller is willing to wait; None: as long as the server is."""

    ref: ModelRef
    inputs: list[str]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    input_type: str | None = None
    user: str | None = None
    timeout_s: float | None = None
