"""Google's refusals (`google.rpc.Status`, alone or in a list) to errors of our tree (HC-18, HC-26)."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from portico.server.errors import ProviderAuth, ProviderError, ProviderQuota, ProviderRateLimit, ProviderRefused
from portico.server.kit.retry_after import read_retry_after
from portico.server.providers.openai_errors import ProviderContextTooLong, error_of, presentable

_TOO_LONG = re.compile(
    r"token count.{0,60}(exceeds|but .{0,20}support)|exceeds the maximum number of (input )?tokens"
    r"|input.{0,20}too (long|large)|prompt is too long|maximum context",
    re.I | re.S,
)
_FILTERED = re.compile(r"responsible ai|safety (filter|setting|polic)|sensitive words|prohibited (content|use)", re.I)
_SPENT = re.compile(r"billing|prepay|credits? (are|is) depleted|spend(ing)? (cap|limit)|free.?tier.*limit: 0", re.I)
_BAD_KEY = frozenset(
    {
        "API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED", "API_KEY_HTTP_REFERRER_BLOCKED",
        "API_KEY_IP_ADDRESS_BLOCKED", "ACCESS_TOKEN_EXPIRED", "CREDENTIALS_MISSING",
    }
)  # fmt: skip
_PRIVATE = re.compile(r"(?<=projects/)[\w.:-]+|\bya29\.[\w-]+")  # projects, and access tokens
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s")
_encode = msgspec.json.Encoder().encode
_NO_BODY = msgspec.Raw(b"{}")


def read_google_error(status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
    """A refusal with its HTTP status; bodies of other shapes (a partner's model, a proxy) are understood as well."""
    try:
        given: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return error_of(status, headers, _NO_BODY)
    if isinstance(given, list):  # streams refuse with a list of one
        given = given[0] if given else {}
    error = given.get("error", given) if isinstance(given, dict) else {}
    if isinstance(error, str):  # the token endpoint: {"error": "invalid_grant", "error_description": "..."}
        error = {"message": given.get("error_description") or error}
    return google_error(status, headers, error if isinstance(error, dict) else {})


def google_error(status: int, headers: dict[bytes, bytes], error: dict[str, Any]) -> ProviderError:
    """One `google.rpc.Status`. `status` is that of HTTP, or what the error itself says inside a stream."""
    message = error.get("message")
    message = _PRIVATE.sub("***", presentable(message)) if isinstance(message, str) else ""
    kind = error.get("status")
    kind = kind if isinstance(kind, str) else ""
    details = [d for d in error.get("details") or () if isinstance(d, dict)]
    wait = _retry_s(details)
    if wait is None:
        wait = read_retry_after(headers)
    if any(d.get("reason") in _BAD_KEY for d in details) or (status == 400 and "API key not valid" in message):
        return ProviderAuth("the provider refused the configured key")
    if status == 400 and _TOO_LONG.search(message):
        return ProviderContextTooLong(message, "messages")
    if status == 429:
        if _is_spent(message, details, wait):
            return ProviderQuota(message or None, retry_after_s=wait)
        return ProviderRateLimit(message or None, retry_after_s=wait)
    code: Any = kind or error.get("code")
    plain = {"message": message, "code": None if status == 404 else code, "type": error.get("type")}
    found = error_of(status, headers, msgspec.Raw(_encode(plain)))
    if isinstance(found, ProviderRefused) and not isinstance(found, ProviderContextTooLong):
        if status == 404:
            found.code = "model_not_found"
        elif _FILTERED.search(message):
            found.code = "content_filter"
    if found.retry_after_s is None and found.retryable:
        found.retry_after_s = wait
    return found


def _is_spent(message: str, details: list[dict[str, Any]], wait: float | None) -> bool:
    """Whether waiting a moment is of no use: a daily quota, or money. Minute quotas are rates."""
    quotas = [str(v.get("quotaId") or "") for d in details for v in d.get("violations") or () if isinstance(v, dict)]
    if any("PerDay" in quota for quota in quotas):
        return True
    if any("PerMinute" in quota for quota in quotas):
        return False
    return wait is None and _SPENT.search(message) is not None


def _retry_s(details: list[dict[str, Any]]) -> float | None:
    for detail in details:
        if str(detail.get("@type", "")).endswith("google.rpc.RetryInfo"):
            match = _SECONDS.fullmatch(str(detail.get("retryDelay", "")))
            if match:
                return float(match[1])
    return None
