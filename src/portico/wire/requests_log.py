"""The log of requests: its export, and the state of one request. The server writes these shapes, the SDK reads them.

Source: Organization API reference, GET /request/export; Chat API reference, "Asynchronous status, cancellation".
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType, field

from portico.wire.tolerant import Shape


class RequestTokens(Shape, rename="camel"):
    """Tokens of one request. `input` and `output` are whole sums, the others say what parts of them were."""

    input: int = 0
    output: int = 0
    total: int = 0
    cached: int = 0
    cache_written: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0


class RequestItem(Shape, rename="camel"):
    """One request that is over; `feedback` is good, bad or None. Times are UTC without a zone, costs are in `currency`.

    `prompt`, `input_text` and `output` are None unless the server keeps texts. `outcome` is completed, failed or
    cancelled; `status` says the same in the words that the query was asked in. `revision` is that of
    `assistant`, 0 without one.
    """

    request_id: str = ""
    assistant: str = ""
    revision: int = 0
    intent: str = "Default"
    timestamp: str = ""
    prompt: str | None = None
    output: str | None = None
    input_text: str | None = None
    status: str = ""
    outcome: str = ""
    api_token: str = ""
    api_token_id: str = ""
    project_id: str = ""
    module: str = ""
    session_id: str = ""
    feedback: str | None = None
    feedback_comments: str | None = None
    rag_sources_consulted: str | None = None
    provider: str = ""
    model: str = ""
    stream: bool = False
    http_status: int = 0
    error_id: str = ""
    attempts: int = 0
    finish_reason: str = ""
    cache: str = ""
    tokens: RequestTokens = field(default_factory=RequestTokens)
    images: int = 0
    units: int = 0
    cost: float = 0.0
    currency: str = "USD"
    estimated: bool = False
    elapsed_time_ms: int = 0
    first_byte_time_ms: float = 0.0
    start_timestamp: str = ""
    end_timestamp: str = ""
    adjusted: str = ""
    provider_request_id: str = ""
    user: str = ""
    metadata: Any = None
    caller_request_id: str = ""
    parent_request_id: str = ""
    trace_id: str = ""
    source: str = ""


class RequestExport(Shape):
    """Answer of `GET /v1/organization/request/export`, newest first."""

    items: list[RequestItem] = field(default_factory=list)


class RequestFailure(Shape):
    """Why a request failed: a documented id and its text."""

    code: int = 0
    message: str = ""


class RequestStatus(Shape, rename="camel"):
    """Answer of `GET /v1/assistant/request/{id}/status` and of `.../cancel`.

    Also the answer of the execution part of the Assistant API. `status` is pending (just begun), running, completed,
    failed or cancelled; `progress` a percentage. `error` is there after a failure only; `text` when it is over, and
    either an assistant was asked by that API, or the server keeps texts. `success` says whether it completed.
    `provider_response` is a chat completion as JSON text, "" where it is not kept.
    """

    request_id: str = ""
    status: str = ""
    success: bool = False
    progress: int = 0
    timestamp: str = ""
    provider_name: str = ""
    provider_response: str = ""
    error: RequestFailure | UnsetType = UNSET
    text: str | UnsetType = UNSET
