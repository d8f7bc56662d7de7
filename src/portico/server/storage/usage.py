"""One usage line per request, as it stands in the journal and in PostgreSQL."""

from __future__ import annotations

from typing import Literal

import msgspec

Operation = Literal["chat", "embedding"]
Status = Literal["completed", "failed", "cancelled"]


class UsageLine(msgspec.Struct, array_like=True, frozen=True):
    """What one request used. Token fields are disjoint (HC-24); times are milliseconds; `at` is Unix seconds.

    `cost_picousd` = tokens x price in micro-USD per million tokens, hence exact integers of 1e-12 USD.
    New fields go to the end with a default, so that older journals can still be read.
    """

    request_id: str
    organization_id: str
    project_id: str
    token_id: str
    at: float
    operation: Operation
    provider: str
    model: str
    target: str
    stream: bool
    status: Status
    http_status: int
    attempts: int
    first_byte_ms: float
    total_ms: float
    finish_reason: str
    input_uncached: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output_visible: int = 0
    reasoning: int = 0
    audio: int = 0
    images: int = 0
    estimated: bool = False
    cost_picousd: int = 0
