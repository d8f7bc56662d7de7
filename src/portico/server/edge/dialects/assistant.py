"""How the execution part of the Assistant API refuses: what went wrong with a request is an answer, with status 200.

Source: Assistant API reference, "Execution": `success` false, and `error` with a documented id.
"""

from __future__ import annotations

import msgspec

from portico.server.assistants.answers import tell_failure
from portico.server.edge.dialects.dialect import Dialect
from portico.server.edge.errors import Headers, error_headers, platform_body
from portico.server.errors import (
    DatabaseAway,
    Forbidden,
    JournalFull,
    MethodNotAllowed,
    NotImplementedYet,
    PayloadTooLarge,
    PorticoError,
    ServerStopping,
    TooManyRequests,
    Unauthorized,
)

CHAT = "/v1/assistant/chat"
CHAT_BEGIN = "/v1/assistant/chat/begin"
TEXT = "/v1/assistant/text"
TEXT_BEGIN = "/v1/assistant/text/begin"
PICTURE = "/v1/assistant/text2img"
PATHS = (CHAT, CHAT_BEGIN, TEXT, TEXT_BEGIN, PICTURE)
_NO_ANSWER = (
    Unauthorized, Forbidden, MethodNotAllowed, PayloadTooLarge, NotImplementedYet,
    TooManyRequests, ServerStopping, DatabaseAway, JournalFull,
)  # fmt: skip
"""What says nothing of the request itself: these keep their status, so that clients sign in, wait or go elsewhere."""


def refuse(error: PorticoError, request_id: str) -> tuple[int, bytes, Headers]:
    if isinstance(error, _NO_ANSWER) or type(error) is PorticoError:
        return error.status, platform_body(error), error_headers(error)
    return 200, msgspec.json.encode(tell_failure(error, request_id)), error_headers(error)


DIALECT = Dialect(refuse=refuse)
