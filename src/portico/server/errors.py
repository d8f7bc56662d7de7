"""The error tree. Raised in any room, put on the wire in `edge/errors.py` only.

PorticoError
├── BadRequest 400            FieldRequired 9 · OutOfRange 8 · PatternMismatch 11 · BadInputText 20 · EmptyQuery 10
│                             MediaNotSupported 46 · InvalidModelName 11 · InvalidType 2009 · ProviderNotConfigured 1001
│                             ContentUnreadable 45 · FileTooLarge 47 · ContextLengthExceeded 150
├── Unauthorized 401          TokenBlocked 6
├── Forbidden 403             OutOfScope 7 · ForeignProject 2006
├── NotFound 404, id 4000     ModelNotFound · AssistantNotFound 1 · RequestNotFound 3 · BadEndpoint 404
│                             SearchProfileNotFound 1101 (its status is 200)
├── Conflict 409              AmbiguousModelName 4000
├── RequestCancelled 499, id 9010
├── QuotaExceeded 429, id 154 · TooManyRequests 429, id 9001
├── MethodNotAllowed 405 · PayloadTooLarge 413 · GuardrailBlocked 422 · NotImplementedYet 501, id 2010
├── ServerStopping 503, id 153 · DatabaseAway 503, id 9002 · JournalFull 503, id 9003
├── StorageFull 507, id 9004 · StorageAway 503, id 9005
└── ProviderError 502, id 150 ProviderUnknown · ProviderAuth · ProviderRefused 400 · ProviderTimeout 504, id 100
                              ProviderSilent 504, id 100 · ProviderRateLimit 429, id 151 · ProviderQuota 429, id 152
                              ProviderOvercapacity 503, id 153

What only one room can say stands there, below one of these: `access/refusals.py` (organizations, projects, members,
tokens, secrets), `access/session_refusals.py` (sessions), `access/sign_in/refusals.py` (people),
`assistants/refusals.py`, `assistants/files/refusals.py`, `assistants/search/refusals.py`,
`assistants/search/evaluations/refusals.py`, `retrieval/refusals.py`, `retrieval/crawling/refusals.py`.
Ids and texts: error list of the API reference; 9000 and above are our own.
"""

from __future__ import annotations

from collections.abc import Mapping


class StartError(Exception):
    """The server cannot start; the message is one sentence that says what to change. Never holds a password."""


class PorticoError(Exception):
    """One refusal: HTTP `status`, documented `id`, and a sentence that tells what to change.

    `code` and `param` feed the OpenAI-shaped half of the body; `code` defaults to the id.
    `retry_after_s` becomes the Retry-After header.
    """

    status = 500
    id = 500
    text = "Internal Server Error"
    type: str | None = None

    def __init__(
        self,
        message: str | None = None,
        *,
        param: str | None = None,
        code: str | int | None = None,
        retry_after_s: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.message = message or self.text
        self.param = param
        self.code = code if code is not None else self.id
        self.retry_after_s = retry_after_s
        self.headers = dict(headers or {})
        super().__init__(self.message)


class BadRequest(PorticoError):
    status, id, text = 400, 20, "Bad Input Text"


class BadInputText(BadRequest):
    id, text = 20, "Bad Input Text"


class FieldRequired(BadRequest):
    id = 9

    def __init__(self, field: str, hint: str = "") -> None:
        super().__init__(f"Field {field} is required" + (f": {hint}" if hint else ""), param=field)


class OutOfRange(BadRequest):
    id = 8

    def __init__(self, field: str, hint: str = "") -> None:
        super().__init__(f"Field {field} is out of range" + (f": {hint}" if hint else ""), param=field)


class PatternMismatch(BadRequest):
    id = 11

    def __init__(self, field: str, hint: str = "") -> None:
        tail = f": {hint}" if hint else ""
        super().__init__(f"Field {field} does not match the specified pattern{tail}", param=field)


class EmptyQuery(BadRequest):
    id, text = 10, "Query Text Empty"


class InvalidModelName(BadRequest):
    id, text = 11, "Invalid 'model' name. Must follow pattern {provider}/{modelName}"

    def __init__(self) -> None:
        super().__init__(param="model")


class InvalidType(BadRequest):
    id, text = 2009, "Invalid Type"


class ProviderNotConfigured(BadRequest):
    """The model is known, its provider has no credential or base URL; the message names the setting."""

    id, text = 1001, "Provider Configuration Error"


class MediaNotSupported(BadRequest):
    id, text = 46, "The file format provided is not supported by this model."


class ContentUnreadable(BadRequest):
    id, text = 45, "Unable to read or extract content. Please verify the file and try again."

    def __init__(self, reason: str = "") -> None:
        super().__init__(f"{self.text} ({reason})" if reason else None)
        self.reason = reason


class FileTooLarge(BadRequest):
    id, text = 47, "The file size exceeds the limit allowed by this model."


class ContextLengthExceeded(BadRequest):
    id, text = 150, "The prompt is longer than the context window of the model."

    def __init__(self, message: str | None = None, param: str = "messages") -> None:
        super().__init__(message, param=param, code="context_length_exceeded")


class Unauthorized(PorticoError):
    """A refused credential learns only that it was refused."""

    status, id, text = 401, 401, "Unauthorized"


class TokenBlocked(Unauthorized):
    id, text = 6, "ApiToken not found or blocked"


class Forbidden(PorticoError):
    status, id, text = 403, 403, "Forbidden"


class OutOfScope(Forbidden):
    id, text = 7, "ApiToken out of scope"


class ForeignProject(Forbidden):
    """The official clients wait for the words behind the colon, `%1` included, each in another place."""

    id = 2006
    text = "Project Not In Organization: Forbidden. Organization or Project mismatch: verify the provided authorization"

    def __init__(self, *, is_id: bool = True) -> None:
        super().__init__(None if is_id else f"{self.text}. Input data is missing (required %1) project-id")


class NotFound(PorticoError):
    status, id, text = 404, 4000, "Not Found."


class BadEndpoint(NotFound):
    id, text = 404, "Bad Endpoint"


class ModelNotFound(NotFound):
    id = 4000

    def __init__(self, full_name: str) -> None:
        super().__init__(f"Model '{full_name}' does not exist.", param="model", code="model_not_found")


class AssistantNotFound(NotFound):
    id, text = 1, "Assistant Not Found"


class RequestNotFound(NotFound):
    id, text = 3, "Request Not Found"


class SearchProfileNotFound(NotFound):
    """Documented with HTTP 200: execution APIs report an unknown RAG profile in a body of its own shape."""

    status, id, text = 200, 1101, "Search Index Profile Name not found"


class MethodNotAllowed(PorticoError):
    status, id, text = 405, 405, "Method Not Allowed"


class Conflict(PorticoError):
    status, id, text = 409, 409, "Conflict"


class AmbiguousModelName(Conflict):
    id, text = 4000, "The model name is ambiguous."


class RequestCancelled(PorticoError):
    """Somebody asked for the end of a running request: what its own caller reads. Not a status that clients retry."""

    status, id, text = 499, 9010, "The request was cancelled."


class QuotaExceeded(PorticoError):
    """A usage limit of the project or of its organization is used up, or too little of it is left for this request."""

    status, id, text = 429, 154, "Quota exceeded."
    type = "insufficient_quota"


class TooManyRequests(PorticoError):
    """A rate per minute that our own operator has set; the limits themselves stand in `x-ratelimit-*`."""

    status, id, text = 429, 9001, "Too many requests"
    type = "rate_limit_error"


class PayloadTooLarge(PorticoError):
    status, id, text = 413, 413, "Payload Too Large"


class GuardrailBlocked(PorticoError):
    """A guardrail of the project refuses a request or an answer. Category and score are for the log, not the caller."""

    status, id, text = 422, 422, "The request was blocked by guardrails due to a policy violation."

    def __init__(self, category: str, score: float) -> None:
        super().__init__()
        self.category = category
        self.score = score


class NotImplementedYet(PorticoError):
    status, id, text = 501, 2010, "Not Implemented"


class ServerStopping(PorticoError):
    """No ProviderError, so that nobody tries again within a process that ends."""

    status, id, text = 503, 153, "The server is stopping: send the request again in a moment."


class DatabaseAway(PorticoError):
    """The database does not answer right now; the pool connects again by itself when it is back."""

    status, id, text = 503, 9002, "The database is not available."


class JournalFull(PorticoError):
    """The disk has no room for another usage line; nothing is served that could not be metered."""

    status, id, text = 503, 9003, "The disk of the usage journal is full. Make room in the server's data folder."


class StorageFull(PorticoError):
    """Uploads leave a reserve on the disk: the database and the journal need it more."""

    status, id, text = 507, 9004, "There is no room for this file on the server."


class StorageAway(PorticoError):
    """The folder or the bucket of the files does not answer as it should; nothing was kept."""

    status, id, text = 503, 9005, "The storage of the files is not available."


class ProviderError(PorticoError):
    """A provider refused or failed. `retryable`: another try there, before the first byte, may heal it; `elsewhere`:
    another key or another provider may."""

    status, id, text = 502, 150, "Provider Unknown Error"
    retryable = False
    elsewhere = False
    attempts = 1


class ProviderUnknown(ProviderError):
    retryable = elsewhere = True


class ProviderAuth(ProviderError):
    """The provider refused our credential (its 401 or 403); never the caller's 401."""

    elsewhere = True


class ProviderRefused(ProviderError):
    """The provider's own validation error, passed through with its text, code and param."""

    status, id = 400, 150


class ProviderTimeout(ProviderError):
    status, id, text = 504, 100, "Provider Request Timeout"
    retryable = elsewhere = True


class ProviderSilent(ProviderTimeout):
    """It took the request and did not begin to answer in the time that it has while another target could."""


class ProviderRateLimit(ProviderError):
    status, id, text = 429, 151, "Provider Rate Limit"
    retryable = elsewhere = True


class ProviderQuota(ProviderError):
    status, id, text = 429, 152, "Provider Quota Exceeded"
    elsewhere = True


class ProviderOvercapacity(ProviderError):
    status, id, text = 503, 153, "Provider Overcapacity"
    retryable = elsewhere = True
