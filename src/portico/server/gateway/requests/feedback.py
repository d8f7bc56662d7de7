"""What users think of answers: checked against the requests of the project, and kept, one per request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portico.server.access import audit
from portico.server.access.caller import Caller
from portico.server.access.places import find_project
from portico.server.access.policy import require
from portico.server.access.tenancy import Tenancy, maybe_text
from portico.server.errors import FieldRequired, OutOfRange
from portico.server.gateway.requests.history import Requests
from portico.server.storage.feedback import FeedbackRow, put_feedback

LONGEST_ORIGIN, LONGEST_COMMENTS = 100, 10_000
SCORES: Mapping[object, int] = {1: 1, 2: 2, "1": 1, "2": 2}
"""1 good, 2 bad; command lines send texts."""


async def put(tenancy: Tenancy, requests: Requests, caller: Caller, request_id: str, body: Mapping[str, Any]) -> None:
    """`origin`, `answerScore`, `comments`. The request may have ended this moment, in any process, or still run.

    Raises RequestNotFound (404, id 3), FieldRequired (9), OutOfRange (8), PatternMismatch (11).
    """
    require(caller, "assistants")
    project_id = find_project(caller)
    origin, comments = maybe_text(body, "origin", LONGEST_ORIGIN), maybe_text(body, "comments", LONGEST_COMMENTS)
    if not origin:
        raise FieldRequired("origin")
    score = _read_score(body)
    found = await requests.find_status(caller, request_id)
    row = FeedbackRow(caller.organization_id, project_id, found.request_id, origin, score, comments or "")
    async with tenancy.database.begin() as connection:
        await put_feedback(connection, row)
        await audit.record(connection, tenancy, caller, "update", "feedback", row.request_id, details={"score": score})


def _read_score(body: Mapping[str, Any]) -> int:
    given = body.get("answerScore")
    if given is None or given == "":
        raise FieldRequired("answerScore", "1 is good, 2 is bad")
    told = given.strip() if isinstance(given, str) else given
    score = None if isinstance(told, bool | list | dict) else SCORES.get(told)
    if score is None:
        raise OutOfRange("answerScore", "1 is good, 2 is bad")
    return score
