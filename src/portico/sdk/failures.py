"""Is this answer a failure, and which? All envelopes of the API are read here, with any HTTP status.

Source: rules of the API reference on errors: A `errors`, B and C `error`, D `message`, also with HTTP 200.
"""

from __future__ import annotations

from typing import Any

import msgspec

from portico.sdk import errors
from portico.sdk.call import Answer, JsonObject
from portico.sdk.errors import ApiError, ErrorItem

_BY_STATUS: dict[int, type[ApiError]] = {
    400: errors.BadRequest,
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    409: errors.RequestConflict,
    413: errors.PayloadTooLarge,
    422: errors.GuardrailBlocked,
    429: errors.RateLimited,
    503: errors.Overloaded,
    504: errors.UpstreamTimeout,
}
# Failures that come with HTTP 200 have only their id to tell them apart.
_BY_ID: dict[int, int] = {
    1: 404,
    6: 401,
    7: 403,
    100: 504,
    151: 429,
    152: 429,
    153: 503,
    154: 429,
    1010: 404,
    1101: 404,
}

# Refusals of an access token: the session is over, or was never one.
_SESSION_IDS = frozenset({21, 101, 102, 103, 112, 114, 122})

LONGEST_WAIT_S = 31_536_000.0
"""A year: what a server says beyond it, infinity included, means the same."""


def read_json(answer: Answer, *, tells_of_failures: bool = False) -> Any:
    """The JSON of a good answer; an empty body (204) is an empty object. Raises ApiError, InvalidAnswer.

    `tells_of_failures`: an answer whose subject is another request, which may have failed while this one did not.
    """
    if answer.status >= 300:
        raise read_failure(answer)
    if not answer.body.strip():
        return {}
    try:
        value = msgspec.json.decode(answer.body)
    except ValueError:  # DecodeError, or bytes that are no UTF-8
        raise errors.InvalidAnswer(
            f"The server answered HTTP {answer.status} with something that is no JSON: {_excerpt(answer.body)!r}.",
            status_code=answer.status,
            body=answer.body,
        ) from None
    if not tells_of_failures and is_failure(value):
        raise api_error(answer.status, value, answer)
    return value


def read_failure(answer: Answer) -> ApiError:
    """The error of an answer whose status says that it is one."""
    try:
        body: Any = msgspec.json.decode(answer.body)
    except ValueError:
        body = answer.body.decode("utf-8", "replace")
    return api_error(answer.status, body, answer)


def is_failure(value: object) -> bool:
    """True for a body that tells a failure, whatever the HTTP status was."""
    if not isinstance(value, dict):
        return False
    error = value.get("error")
    if isinstance(error, dict):
        code = error.get("code", error.get("id"))
        if error and code not in (0, "0"):
            return True
    elif error:
        return True
    if value.get("errors") or value.get("success") is False or value.get("status") == "failed":
        return True
    return bool(_message_items(value.get("message")))


def read_items(body: object) -> list[ErrorItem]:
    """Pairs of id and description out of any envelope; ids that are numbers in quotes become numbers."""
    if not isinstance(body, dict):
        return []
    found = body.get("errors")
    entries: list[Any] = found if isinstance(found, list) else [found] if found else []
    if not entries and body.get("error"):
        entries = [body["error"]]
    return [_item(entry) for entry in entries] or _message_items(body.get("message"))


def api_error(status: int, body: Any, answer: Answer | None = None) -> ApiError:
    """The class that fits the status (or, with HTTP 200, the id), filled with what the body tells."""
    items = read_items(body)
    text = "; ".join(description for _, description in items if description) or _plain_text(body)
    kind = _kind(status, items)
    # A failed request to an assistant comes with 200, which would only confuse.
    where = f"The server answered HTTP {status}" if status != 200 else "The request failed"
    ids = ", ".join(str(number) for number, _ in items if number not in (None, status))
    if ids:
        where += f" (error {ids})"
    hint = None
    if answer is not None and kind is errors.Redirected and (location := answer.headers.get("location")):
        text = f"redirect to {location}"
    if answer is not None and kind is errors.NotFound and items and items[0][0] == 404:
        hint = "There is no such path: check the base URL, which must not end with /v1."
    if kind is errors.Unauthorized and items and items[0][0] in _SESSION_IDS:
        hint = "Sign in again: portico login --user EMAIL."
    return kind(
        f"{where}: {text.rstrip('.')}." if text else f"{where}.",
        status_code=status,
        errors=items,
        body=body,
        request_id=_request_id(body, answer),
        retry_after_s=retry_after_s(answer) if answer is not None else None,
        hint=hint,
    )


def stream_failure(frame: JsonObject, request_id: str | None) -> errors.StreamFailed:
    """The error of a frame that holds one."""
    items = read_items(frame)
    text = "; ".join(description for _, description in items if description) or "the server reported an error"
    number = items[0][0] if items else None
    what = f"The stream failed (error {number})" if number is not None else "The stream failed"
    return errors.StreamFailed(
        f"{what}: {text.rstrip('.')}.", errors=items, body=frame, request_id=frame.get("requestId") or request_id
    )


def retry_after_s(answer: Answer) -> float | None:
    """The wait that the server asks for, in seconds; it may be given as seconds or as a date."""
    raw = answer.headers.get("retry-after", "").strip()
    try:
        return max(0.0, min(float(raw), LONGEST_WAIT_S))
    except ValueError:
        pass
    from datetime import UTC, datetime  # slow to import, and dates are rare
    from email.utils import parsedate_to_datetime

    try:
        date = parsedate_to_datetime(raw)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())


def _kind(status: int, items: list[ErrorItem]) -> type[ApiError]:
    if status < 300 and items and isinstance(number := items[0][0], int):
        status = _BY_ID.get(number, number)
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 500 <= status < 600:
        return errors.ServerError
    if 300 <= status < 400:
        return errors.Redirected
    return errors.BadRequest if 400 <= status < 500 else ApiError


def _item(entry: Any) -> ErrorItem:
    if not isinstance(entry, dict):
        return None, str(entry)
    number = entry.get("id", entry.get("code"))
    if isinstance(number, str) and number.lstrip("-").isdigit():
        number = int(number)
    if not isinstance(number, int | str):
        number = None
    text = entry.get("description") or entry.get("message") or ""
    return number, text if isinstance(text, str) else str(text)


def _message_items(message: object) -> list[ErrorItem]:
    if not isinstance(message, list):
        return []
    entries = [entry for entry in message if isinstance(entry, dict) and entry.get("type") == "error"]
    return [(None, str(entry.get("description", ""))) for entry in entries]


def _request_id(body: object, answer: Answer | None) -> str | None:
    if isinstance(body, dict) and isinstance(number := body.get("requestId"), str):
        return number
    return answer.request_id if answer is not None else None


def _plain_text(body: object) -> str:
    if isinstance(body, dict):
        return str(body.get("message") or body.get("detail") or "")
    return _excerpt(str(body).encode())


def _excerpt(body: bytes) -> str:
    text = " ".join(body[:600].decode("utf-8", "replace").split())
    return text if len(text) <= 160 else text[:157] + "..."
