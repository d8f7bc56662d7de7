"""The only place where an error becomes a status and a body: the platform list, or the execution superset."""

from __future__ import annotations

import logging
import math

import msgspec

from portico.server.errors import GuardrailBlocked, PorticoError, ProviderError, ProviderRefused, SearchProfileNotFound
from portico.server.kit.ascii_json import ascii_encode
from portico.wire.errors import ErrorItem, ExecutionError, GuardrailError, OpenAIError, PlatformErrors, StreamedError

_encode = msgspec.json.Encoder().encode
_log = logging.getLogger("portico.edge")
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
Headers = list[tuple[bytes, bytes]]


def own_error(error: BaseException) -> PorticoError:
    """The error itself when it is one of our tree; otherwise a 500 that tells nothing, with the trace in the log."""
    if isinstance(error, PorticoError):
        return error
    _log.error("unexpected error", exc_info=error)
    return PorticoError()


def platform_body(error: PorticoError) -> bytes:
    """`{"errors":[{"id","description"}]}`."""
    return _encode(PlatformErrors([ErrorItem(error.id, error.message)]))


def execution_body(error: PorticoError, request_id: str) -> bytes:
    """What chat, embeddings and their like answer: readable by the OpenAI SDKs and by the platform's clients."""
    if isinstance(error, SearchProfileNotFound):
        inner = {"code": error.id, "message": error.message}
        return _encode({"error": inner, "status": "failed", "success": False, "text": "", "requestId": request_id})
    kind = GuardrailError if isinstance(error, GuardrailBlocked) else ExecutionError
    return _encode(kind(_openai_error(error), [ErrorItem(error.id, error.message)], request_id))


def stream_body(error: PorticoError, request_id: str) -> bytes:
    """The JSON of the last event of a stream that failed after its first byte; in ASCII, as all of a stream."""
    return ascii_encode(StreamedError(_openai_error(error), request_id))


def error_headers(error: PorticoError) -> Headers:
    headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in error.headers.items()]
    if error.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if error.retry_after_s is not None:
        headers.append((b"retry-after", str(max(1, math.ceil(error.retry_after_s))).encode()))
    if isinstance(error, ProviderError):
        headers.append((b"x-portico-attempts", str(error.attempts).encode()))
    return headers


def _openai_error(error: PorticoError) -> OpenAIError:
    return OpenAIError(error.code, error.message, error.type or _type_of(error), error.param)


def _type_of(error: PorticoError) -> str:
    if error.id == 154:
        return "insufficient_quota"
    if isinstance(error, ProviderRefused) or error.status in (400, 404, 409, 413, 422):
        return "invalid_request_error"
    return _TYPES.get(error.status, "server_error" if error.status >= 500 else "invalid_request_error")
