"""What users think of answers, low level.

Source: Feedback API reference, POST /v1/feedback/request/{requestId}.
"""

from __future__ import annotations

from portico.sdk.call import Call, JsonObject, Repeat, given, path_segment, send_json
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient

ROOT = "/v1/feedback/request"
ORIGIN = "user-feedback"


def send_call(request_id: str, answer_score: int, comments: str | None, origin: str) -> Call:
    """Sent again when it fails: the last one counts."""
    body = given({"origin": origin, "answerScore": answer_score, "comments": comments})
    return send_json("POST", f"{ROOT}/{path_segment(request_id)}", body, repeat=Repeat.SAFE)


class FeedbackClient(LowLevelClient):
    def send_feedback(
        self, request_id: str, answer_score: int, *, comments: str | None = None, origin: str = ORIGIN
    ) -> JsonObject:
        """POST /v1/feedback/request/{requestId}: `answer_score` 1 is good, 2 is bad."""
        return self._json(send_call(request_id, answer_score, comments, origin))


class AsyncFeedbackClient(AsyncLowLevelClient):
    async def send_feedback(
        self, request_id: str, answer_score: int, *, comments: str | None = None, origin: str = ORIGIN
    ) -> JsonObject:
        """POST /v1/feedback/request/{requestId}: `answer_score` 1 is good, 2 is bad."""
        return await self._json(send_call(request_id, answer_score, comments, origin))
