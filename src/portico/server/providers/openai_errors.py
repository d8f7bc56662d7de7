"""A provider's refusal in the OpenAI shape to an error of our tree (HC-26). Never its address, never a key."""

from __future__ import annotations

import re

import msgspec

from portico.server.errors import (
    ContextLengthExceeded,
    ProviderAuth,
    ProviderError,
    ProviderOvercapacity,
    ProviderQuota,
    ProviderRateLimit,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnknown,
)
from portico.server.kit.retry_after import read_retry_after

_TOO_LONG = re.compile(r"context.{0,20}(length|size|window)|maximum context|exceeds the available context", re.I)


class _ErrorBody(msgspec.Struct):
    message: str | None = None
    type: str | None = None
    param: str | None = None
    code: str | int | None = None


class ProviderContextTooLong(ProviderRefused, ContextLengthExceeded):
    """The provider says the prompt is too long."""

    def __init__(self, message: str | None, param: str) -> None:
        ContextLengthExceeded.__init__(self, message, param)


def error_of(status: int, headers: dict[bytes, bytes], raw: msgspec.Raw) -> ProviderError:
    """One table from a provider's status and words to our tree (HC-26). Never its address, never a key."""
    body = _read_error_body(raw)
    message = body.message or ""
    code = body.code if isinstance(body.code, str) else None
    wait = read_retry_after(headers)
    if isinstance(body.code, int) and 400 <= body.code < 600 and status == 502:
        status = body.code
    if code == "context_length_exceeded" or (status in (400, 413, 500) and _TOO_LONG.search(message)):
        return ProviderContextTooLong(message or None, body.param or "messages")
    if status in (401, 403):
        return ProviderAuth(message if status == 403 and message else "the provider refused the configured key")
    if status == 402 or code == "insufficient_quota":
        return ProviderQuota(retry_after_s=wait)
    if status == 429:
        return ProviderRateLimit(message or None, retry_after_s=wait)
    if status in (503, 529):
        return ProviderOvercapacity(message or None, retry_after_s=wait)
    if status in (408, 504):
        return ProviderTimeout(message or None, retry_after_s=wait)
    if status in (404, 400, 409, 413, 415, 422):
        refused = ProviderRefused(message or f"the provider refused the request ({status})", param=body.param)
        refused.status = 404 if status == 404 else 400
        named = "model_not_found" if status == 404 else body.type or refused.id
        refused.code = body.code if body.code is not None else named
        return refused
    return ProviderUnknown(message or None, retry_after_s=wait)


def _read_error_body(raw: msgspec.Raw) -> _ErrorBody:
    try:
        return msgspec.json.decode(raw, type=_ErrorBody)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        return _ErrorBody(message=msgspec.json.decode(raw, type=str))
    except (msgspec.DecodeError, RecursionError):
        return _ErrorBody()
