"""Bedrock's exceptions as errors of our tree: by name, whatever the status beside them says (HC-13, HC-26)."""

from __future__ import annotations

import re

import msgspec

from portico.server.errors import (
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
from portico.server.providers.openai_errors import ProviderContextTooLong, error_of, presentable

_KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}(?::\S+)?|\bABSK[\w+/=]{16,}|\bbedrock-api-key-\S+")
_TOO_LONG = re.compile(
    r"(?:input|prompt) is too long|too many input tokens"
    r"|exceeds? (?:the )?(?:model'?s? )?(?:maximum )?context|context (?:length|window)",
    re.I,
)
_UNKNOWN_MODEL = re.compile(r"model identifier is invalid|model .{0,80}(?:not found|does not exist)", re.I)
_FILTERED = re.compile(r"content (?:filter|polic)|responsible ai", re.I)
_AUTH_WITHOUT_WORDS = {  # their texts show the signed request or say nothing a caller could use
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "IncompleteSignatureException",
    "MissingAuthenticationTokenException",
    "ExpiredTokenException",
    "ExpiredToken",
    "InvalidClientTokenId",
}


class _ErrorBody(msgspec.Struct):
    message: str | None = None
    Message: str | None = None
    type: str | None = msgspec.field(default=None, name="__type")


_BODY = msgspec.json.Decoder(_ErrorBody)


def read_error(status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
    """A refusal over HTTP: the kind is in a header, or in the body, with a namespace in front or behind."""
    given = _read_body(body)
    named = headers.get(b"x-amzn-errortype", b"").decode("latin-1") or given.type or ""
    kind = named.partition(":")[0].rpartition("#")[2]
    return _error_of(kind, given.message or given.Message or "", status, headers)


def read_stream_error(kind: bytes, payload: bytes) -> ProviderError:
    """An exception inside a stream; `kind` is its `:exception-type`, or the code and text of an error message."""
    given = _read_body(payload)
    name, _, words = kind.decode("utf-8", "replace").partition(": ")
    name = name[:1].upper() + name[1:]
    return _error_of(name, given.message or given.Message or words, 0, {})


def _read_body(body: bytes) -> _ErrorBody:
    try:
        return _BODY.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return _ErrorBody()


def _error_of(kind: str, message: str, status: int, headers: dict[bytes, bytes]) -> ProviderError:
    message = presentable(_KEY.sub("***", message))
    wait = read_retry_after(headers)
    match kind:
        case "ValidationException":
            return _refused(message)
        case "AccessDeniedException":
            return ProviderAuth(message or None)
        case _ if kind in _AUTH_WITHOUT_WORDS:
            return ProviderAuth("the provider refused the configured key")
        case "ThrottlingException" | "TooManyRequestsException":
            return ProviderRateLimit(message or None, retry_after_s=wait)
        case "ServiceQuotaExceededException":
            return ProviderQuota(message or None, retry_after_s=wait)
        case "ServiceUnavailableException" | "ModelNotReadyException":
            return ProviderOvercapacity(message or None, retry_after_s=wait)
        case "ModelTimeoutException":
            return ProviderTimeout(message or None, retry_after_s=wait)
        case "ResourceNotFoundException":
            return _not_found(message)
        case "InternalServerException" | "ModelErrorException" | "ModelStreamErrorException":
            return ProviderUnknown(message or None, retry_after_s=wait)
    if not status:
        return ProviderUnknown(message or None)
    return error_of(status, headers, msgspec.Raw(msgspec.json.encode({"message": message})))


def _refused(message: str) -> ProviderError:
    if _TOO_LONG.search(message):
        return ProviderContextTooLong(message, "messages")
    if _UNKNOWN_MODEL.search(message):
        return _not_found(message)
    refused = ProviderRefused(message or "the provider refused the request")
    refused.code = "content_filter" if _FILTERED.search(message) else "ValidationException"
    return refused


def _not_found(message: str) -> ProviderError:
    refused = ProviderRefused(message or "the provider does not know the model", param="model")
    refused.status, refused.code = 404, "model_not_found"
    return refused
