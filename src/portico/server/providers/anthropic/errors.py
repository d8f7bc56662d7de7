"""Refusals of the Messages API to errors of our tree: with a status of their own, or inside a stream of status 200.

Source: platform.claude.com/docs/en/api/errors.
"""

from __future__ import annotations

import re

import msgspec

from portico.server.errors import ProviderError
from portico.server.providers.openai_errors import error_of

STATUS_BY_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_TOO_LONG = re.compile(r"prompt is too long|exceeds? (the )?(context|maximum number of tokens)|too many tokens", re.I)
_SPENT = re.compile(r"credit balance is too low|API usage limits|spend(ing)? limit", re.I)
_FILTERED = re.compile(r"content filtering policy", re.I)
_PAYMENT_REQUIRED = 402


class _Details(msgspec.Struct):
    error_code: str | None = None


class _Error(msgspec.Struct):
    type: str = ""
    message: str = ""
    details: _Details | None = None


class _Body(msgspec.Struct):
    error: msgspec.Raw = msgspec.Raw(b"{}")


_ERROR = msgspec.json.Decoder(_Error)
_BODY = msgspec.json.Decoder(_Body)


def read_error(status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
    """HTML and empty bodies, as proxies in front send them, give the error of the status alone."""
    try:
        raw = _BODY.decode(body).error
    except (msgspec.DecodeError, RecursionError):
        raw = msgspec.Raw(b"{}")
    return _error_of(status, headers, raw)


def error_in_body(raw: msgspec.Raw) -> ProviderError:
    """An error that came with status 200; its type tells the status it should have had (HC-13)."""
    return _error_of(None, {}, raw)


def _error_of(status: int | None, headers: dict[bytes, bytes], raw: msgspec.Raw) -> ProviderError:
    try:
        error = _ERROR.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        error = _Error()
    if status is None:
        status = STATUS_BY_TYPE.get(error.type, 500)
    told = {"message": error.message, "type": error.type or None}
    code = error.details and error.details.error_code
    if status in (400, 429) and (_SPENT.search(error.message) or (code or "").endswith("spend_limit_reached")):
        status = _PAYMENT_REQUIRED
    elif status == 400 and _TOO_LONG.search(error.message):
        told["code"] = "context_length_exceeded"
    elif status == 400 and _FILTERED.search(error.message):
        told["code"] = "content_filter"
    elif status == 400 and code:
        told["code"] = code
    return error_of(status, headers, msgspec.Raw(msgspec.json.encode(told)))
