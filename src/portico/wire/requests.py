"""Requests as the server reads them: the few members it needs are values, all others stay the bytes they were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from portico.wire.guardrails import Guardrail
from portico.wire.model_ref import ModelRef

NULL = msgspec.Raw(b"null")
Members = dict[str, msgspec.Raw]


class Labels(msgspec.Struct, frozen=True):
    """What a caller says about its request, for the record: ids of its own, and the W3C trace it belongs to."""

    req_id: str = ""
    parent_req_id: str = ""
    trace_id: str = ""
    user_id: str = ""
    source: str = ""
    traceparent: str = ""


NO_LABELS = Labels()


class AssistantOptions(msgspec.Struct, frozen=True):
    """What only assistants understand of a request. `variables` by their keys in lower case; a revision by its number
    or by its name, None for the active one. For RAG assistants: the conversation, "" without one, and the filters as
    they came."""

    variables: Mapping[str, str] = {}
    revision: int | None = None
    revision_name: str | None = None
    thread_id: str = ""
    filters: Any = None


NO_OPTIONS = AssistantOptions()


class AssistantUse(msgspec.Struct, frozen=True):
    """The assistant that has become a request to a model. `defaults` are the members that come from its settings and
    not from the caller; `guardrails` are on for it, whatever the project says; a prompt that `is_filled` holds words of
    the caller. `said` is what people have said, where the messages hold more than that; None: what the messages say.
    What is not `is_final` is a step on the way, whose answer only the assistant reads: no check is for it."""

    assistant_id: str
    name: str
    revision: int
    guardrails: frozenset[Guardrail] = frozenset()
    defaults: frozenset[str] = frozenset()
    is_filled: bool = False
    said: tuple[str, ...] | None = None
    is_final: bool = True


Dialect = Literal["chat", "messages", "responses"]
"""The API a chat request came in by; what only that API knows, adapters of another one leave out."""


class ChatRequest(msgspec.Struct):
    """A chat completion request. `members` holds what goes to a provider, without `model` and platform members.

    `media` are the MIME types of the attached parts, `image/*` for an address without one. `include_usage` is the
    caller's `stream_options.include_usage`; tools in `members` are in the OpenAI form. `body_bytes` serves estimates.
    `effort` and `budget` are what is left of `reasoning_effort` and `thinking` once a model is known: a level it
    accepts, or "none" ("" was not asked for); thinking tokens (None: not asked, 0: off, -1: as the model likes).
    `cache` is X-Saia-Cache-Enabled, None when it was not sent; `metadata` is JSON text, kept with the record.
    `options` are for an assistant; `assistant` is the one that the request was made of, when `ref` is its model's.
    """

    ref: ModelRef
    members: Members
    stream: bool = False
    include_usage: bool = False
    has_tools: bool = False
    media: tuple[str, ...] = ()
    conversation_id: str | None = None
    body_bytes: int = 0
    effort: str = ""
    budget: int | None = None
    cache: bool | None = None
    labels: Labels = NO_LABELS
    metadata: str = ""
    dialect: Dialect = "chat"
    options: AssistantOptions = NO_OPTIONS
    assistant: AssistantUse | None = None


class ResponsesRequest(msgspec.Struct):
    """A request of the Responses API for a model that speaks it. `members` are raw, as that API has them, without
    `model` and `stream`; `user` and `metadata` as for chat."""

    ref: ModelRef
    members: Members
    stream: bool = False
    body_bytes: int = 0
    labels: Labels = NO_LABELS
    metadata: str = ""
    user: str = ""


class EmbeddingRequest(msgspec.Struct):
    """An embeddings request. `timeout_s` is how long the caller is willing to wait; None: as long as the server is."""

    ref: ModelRef
    inputs: list[str]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    input_type: str | None = None
    user: str | None = None
    timeout_s: float | None = None
    cache: bool | None = None
    labels: Labels = NO_LABELS


class File(msgspec.Struct, frozen=True):
    """A file as it came in a form or a data URL; `content_type` is a MIME type, `name` may be empty."""

    data: bytes
    content_type: str
    name: str = ""


class RerankRequest(msgspec.Struct):
    """Which of `documents` fit `query` best. `top_n` None: all of them."""

    ref: ModelRef
    query: str
    documents: list[str]
    top_n: int | None = None


class ImageRequest(msgspec.Struct):
    """Pictures to be made, or changed when `images` holds some. `members` are further members, raw, for the provider.

    `size` is "1024x1024" or "auto", `aspect_ratio` "16:9"; "" where not given.
    """

    ref: ModelRef
    prompt: str
    n: int = 1
    size: str = ""
    quality: str = ""
    aspect_ratio: str = ""
    response_format: str = ""
    images: tuple[File, ...] = ()
    mask: File | None = None
    members: Members = {}


class SpeechRequest(msgspec.Struct):
    """A text to be spoken. `response_format` is mp3, wav, opus, aac, flac or pcm; `members` as for pictures."""

    ref: ModelRef
    text: str
    voice: str
    response_format: str = "mp3"
    members: Members = {}


class TranscriptionRequest(msgspec.Struct):
    """A recording to be written down. `fields` are the further fields of the form: language, prompt, temperature; those
    that came more than once (`timestamp_granularities[]`) have a list. `seconds` is how long it is, 0 where nobody has
    looked."""

    ref: ModelRef
    file: File
    response_format: str = "json"
    fields: Mapping[str, str | list[str]] = {}
    seconds: float = 0.0


class VideoRequest(msgspec.Struct):
    """A film to be made; `duration_s` 0 leaves it to the model."""

    ref: ModelRef
    prompt: str
    duration_s: int = 0
    image: File | None = None
    members: Members = {}


class VideoStatusRequest(msgspec.Struct):
    """How far the film `operation` is; it is the provider's own name of it."""

    ref: ModelRef
    operation: str
