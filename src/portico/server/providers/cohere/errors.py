"""Refusals of Cohere, which have a sentence and no kind, to errors of our tree.

Source: docs.cohere.com/reference/errors.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from portico.server.errors import ProviderError
from portico.server.providers.openai_errors import error_of

_TOO_LONG = re.compile(
    r"too many tokens|(prompt|input|request) is too long|context (length|window)"
    r"|exceeds? the (maximum|limit).{0,40}token",
    re.I,
)
_SPENT = re.compile(r"(calls|requests) ?/ ?month|billing|payment|spending limit|monthly", re.I)
_FILTERED = re.compile(r"safety|blocked (output|input)|toxic", re.I)
_KEY = re.compile(r"\b[A-Za-z0-9]{40}\b")  # Cohere's keys have no mark of their own
_INVALID_TOKEN, _CLIENT_CLOSED = 498, 499


class _Body(msgspec.Struct):
    message: Any = ""
    error_type: str | None = None


_BODY = msgspec.json.Decoder(_Body)


def read_error(status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
    """HTML and empty bodies, as proxies in front send them, give the error of the status alone."""
    try:
        given = _BODY.decode(body)
    except (msgspec.DecodeError, RecursionError):
        given = _Body()
    message = hide_keys(given.message if isinstance(given.message, str) else "")
    told = {"message": message, "type": given.error_type}
    if status == _INVALID_TOKEN:
        status = 401
    elif status == _CLIENT_CLOSED:
        status = 502
    elif status == 429 and _SPENT.search(message):
        status = 402
    elif status in (400, 422) and _TOO_LONG.search(message):
        told["code"] = "context_length_exceeded"
        status = 400
    elif status in (400, 422) and _FILTERED.search(message):
        told["code"] = "content_filter"
    return error_of(status, headers, msgspec.Raw(msgspec.json.encode(told)))


def hide_keys(message: str) -> str:
    return _KEY.sub("***", message)
