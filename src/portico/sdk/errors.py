"""The error tree of the SDK. Every message says what happened and, as `hint`, what to do.

PorticoError
├── ConfigurationError        MissingCredentials
├── ClientClosed
├── TransportError            HostUnreachable · TlsFailed · RequestTimeout · ConnectionLost
├── ApiError                  BadRequest 400 · Unauthorized 401 · Forbidden 403 · NotFound 404 · MethodNotAllowed 405
│                             RequestConflict 409 · PayloadTooLarge 413 · GuardrailBlocked 422 · RateLimited 429
│                             ServerError 5xx (Overloaded 503 · UpstreamTimeout 504) · Redirected 3xx
├── InvalidAnswer
├── OperationFailed           OperationPending
└── StreamError               StreamInterrupted · StreamFailed
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

ErrorItem = tuple[int | str | None, str]


class PorticoError(Exception):
    """Anything that goes wrong in the SDK. `message` says what happened, `hint` what to do about it."""

    hint = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = message
        if hint is not None:
            self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class ConfigurationError(PorticoError):
    """A setting is missing, contradictory or unreadable; nothing was sent."""


class MissingCredentials(ConfigurationError):
    """No token, or a token without the address it belongs to."""


class ClientClosed(PorticoError):
    """The client was used after its `close`."""

    hint = "Make a new one."

    def __init__(self) -> None:
        super().__init__("This client is closed.")


class TransportError(PorticoError):
    """The request did not reach the server, or its answer did not reach us."""


class HostUnreachable(TransportError):
    hint = "Check the base URL (GEAI_API_BASE_URL), that the server runs, and your network or proxy."


class TlsFailed(TransportError):
    hint = (
        "Check that the base URL should begin with https, and name the file of your own certificate authority "
        "in GEAI_SSL_CERT_PATH or ca_file."
    )


class RequestTimeout(TransportError):
    hint = "The server is busy or stuck: try again, or give more time with timeout_s."


class ConnectionLost(TransportError):
    hint = "The connection was closed before the answer was complete: try again."


class InvalidAnswer(PorticoError):
    """The answer is not what the API documents: most often a page of something else at this address."""

    hint = "Check that the base URL is the address of the API."

    def __init__(
        self, message: str, *, status_code: int | None = None, body: bytes = b"", hint: str | None = None
    ) -> None:
        self.status_code = status_code
        self.body = body
        super().__init__(message, hint=hint)


class ApiError(PorticoError):
    """The server refused or failed.

    `status_code` is the HTTP status (200 is possible: some failures are told in the body only), `errors` the pairs of
    id and description, `body` the JSON or text that came, `request_id` what support asks for.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        errors: Sequence[ErrorItem] = (),
        body: Any = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
        hint: str | None = None,
    ) -> None:
        self.status_code = status_code
        self.errors = list(errors)
        self.body = body
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        super().__init__(message, hint=hint)


class Redirected(ApiError):
    hint = "Redirects are not followed, so that no token goes astray: put the new address in the base URL."


class BadRequest(ApiError):
    hint = "Change the request as the message says."


class Unauthorized(ApiError):
    hint = "Check the token (GEAI_API_KEY or the profile) and that it belongs to this base URL."


class Forbidden(ApiError):
    hint = (
        "This token may not do that: models and assistants need a project token, administration an organization token."
    )


class NotFound(ApiError):
    hint = "Check the name or the id; `portico llm models` lists the models, `portico rag list` the RAG assistants."


class MethodNotAllowed(ApiError):
    hint = "Check that the base URL is the address of the API and that no id is empty."


class RequestConflict(ApiError):
    hint = "Something of that name is there already, or the name is ambiguous: use the id."


class PayloadTooLarge(ApiError):
    hint = "Send less at once."


class GuardrailBlocked(ApiError):
    hint = "A policy of the project blocked the text: rephrase it."


class RateLimited(ApiError):
    hint = "Wait and try again; a used-up quota must be raised by an administrator."


class ServerError(ApiError):
    hint = "Try again; if it stays, give the request id to whoever runs the server."


class Overloaded(ServerError):
    hint = "The server or the model is not ready or too busy: try again in a while."


class UpstreamTimeout(ServerError):
    hint = "The provider of the model took too long: try again, or ask for a shorter answer."


class OperationFailed(PorticoError):
    """Work that goes on after its request, such as the making of a film, did not succeed."""

    hint = "Change the request as the message says, and begin anew."


class OperationPending(OperationFailed):
    """It is not done yet, and the time that was given to it is over; the server goes on with it."""

    hint = "Ask for it again later."


class StreamError(PorticoError):
    """A stream ended in another way than it should; what came before stays valid. `request_id` as in ApiError."""

    def __init__(self, message: str, *, request_id: str | None = None, hint: str | None = None) -> None:
        self.request_id = request_id
        super().__init__(message, hint=hint)


class StreamInterrupted(StreamError):
    hint = "The answer is not complete: ask again."


class StreamFailed(StreamError):
    """The server reported an error in the middle of a stream; `errors` and `body` as in ApiError."""

    hint = "The answer is not complete: ask again."

    def __init__(
        self,
        message: str,
        *,
        errors: Sequence[ErrorItem] = (),
        body: Any = None,
        request_id: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.errors = list(errors)
        self.body = body
        super().__init__(message, request_id=request_id, hint=hint)
