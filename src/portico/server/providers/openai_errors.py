"""A provider's refusal in the OpenAI shape to an error of our tree (HC-26). Never its address, never a key."""

from __future__ import annotations

import re
from typing import Any

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
from portico.server.kit.retry_after import read_rate_reset, read_retry_after

LONGEST_MESSAGE = 2_000
_TOO_LONG = re.compile(r"context.{0,20}(length|size|window)|maximum context|exceeds the available context", re.I)
_KEY = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|nvapi|hf)[-_][\w*-]{12,}|\bAIza[\w-]{20,}"  # keys begin with their maker's mark
    r"|\beyJ[\w-]{8,}(?:\.[\w-]+){1,2}"  # access tokens that are JSON web tokens
    r"|(?<=\bBearer )[^\s\"',;]{12,}|(?:(?<=api_key=)|(?<=api-key=)|(?<=[?&]key=))[^\s&\"',;]{8,}",
    re.I,
)
# A host that is no public name: a number, `localhost`, or a name of the operator's own network.
_INNER = re.compile(
    r"\b(?:https?|wss?)://(?:[^\s/@\"']+@)?"
    r"(?:[\d.]+|\[[^\]\s]+\]|[\w-]+|[\w.-]+\.(?:local|internal|lan|corp|svc|test))(?::\d+)?(?![\w.-])[^\s\"'<>)]*",
    re.I,
)


_STATUS = {
    "invalid_request_error": 400,
    "content_filter": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "model_not_found": 404,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "overloaded_error": 503,
}
"""Codes and types of OpenAI's errors, and of those who speak like OpenAI, that leave no doubt."""


class _ErrorBody(msgspec.Struct):
    message: str = ""
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
    message = body.message
    code = body.code if isinstance(body.code, str) else None
    wait = read_retry_after(headers)
    if status == 502:
        status = _status_of(body)
    if code == "context_length_exceeded" or (status in (400, 413, 500) and _TOO_LONG.search(message)):
        return ProviderContextTooLong(message or None, body.param or "messages")
    if status in (401, 403):
        return ProviderAuth(message if status == 403 and message else "the provider refused the configured key")
    if status == 402 or code == "insufficient_quota":
        return ProviderQuota(retry_after_s=wait)
    if status == 429:
        return ProviderRateLimit(message or None, retry_after_s=read_rate_reset(headers) if wait is None else wait)
    if status in (503, 529):
        return ProviderOvercapacity(message or None, retry_after_s=wait)
    if status in (408, 504):
        return ProviderTimeout(message or None, retry_after_s=wait)
    if status in (404, 400, 409, 413, 415, 422):
        refused = ProviderRefused(message or f"the provider refused the request ({status})", param=body.param)
        refused.status = status if status in (404, 413) else 400
        refused.retryable = status == 409  # a lock that another request holds (HC-17)
        named = "model_not_found" if status == 404 else body.type or refused.id
        refused.code = body.code if body.code is not None else named
        return refused
    return ProviderUnknown(message or None, retry_after_s=wait)


def _status_of(body: _ErrorBody) -> int:
    """What an error in an answer of status 200 would have been outside of it (HC-13): by its code, or by its type."""
    code = body.code
    if isinstance(code, str) and code.isascii() and code.isdigit():
        code = int(code[:3]) if len(code) == 3 else 0
    if isinstance(code, int):
        return code if 400 <= code < 600 else 502
    return _STATUS.get(code or "") or _STATUS.get(body.type or "", 502)


def presentable(message: str) -> str:
    """A provider's sentence as a caller may read it: without keys, without addresses of inner networks, not endless."""
    message = message if len(message) <= LONGEST_MESSAGE else message[:LONGEST_MESSAGE] + "..."
    return _INNER.sub("***", _KEY.sub("***", message))


def _read_error_body(raw: msgspec.Raw) -> _ErrorBody:
    """The members that are what they should be; one that is not must not hide the others."""
    try:
        given: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return _ErrorBody()
    if isinstance(given, list):  # FastAPI lists what it refuses
        given = given[0] if given else {}
    if not isinstance(given, dict):
        return _ErrorBody(presentable(given) if isinstance(given, str) else "")
    code = given.get("code")
    return _ErrorBody(
        presentable(_maybe_text(given.get("message")) or _maybe_text(given.get("msg")) or ""),
        _maybe_text(given.get("type")),
        _maybe_text(given.get("param")),
        code if isinstance(code, str | int) and not isinstance(code, bool) else None,
    )


def _maybe_text(value: object) -> str | None:
    return value if isinstance(value, str) else None
