"""What users think of answers, high level."""

from __future__ import annotations

from portico.sdk.clients.feedback import AsyncFeedbackClient, FeedbackClient

GOOD, BAD = 1, 2


class Feedback:
    """`client.feedback`: whether an answer was good. `request_id` is what the answer told.

    A second word about the same request replaces the first.
    """

    def __init__(self, client: FeedbackClient) -> None:
        self._client = client

    def good(self, request_id: str, comments: str | None = None) -> None:
        """Raises NotFound when the project has no such request."""
        self._client.send_feedback(request_id, GOOD, comments=comments)

    def bad(self, request_id: str, comments: str | None = None) -> None:
        """Raises NotFound when the project has no such request."""
        self._client.send_feedback(request_id, BAD, comments=comments)


class AsyncFeedback:
    """The same for asyncio."""

    def __init__(self, client: AsyncFeedbackClient) -> None:
        self._client = client

    async def good(self, request_id: str, comments: str | None = None) -> None:
        """Raises NotFound when the project has no such request."""
        await self._client.send_feedback(request_id, GOOD, comments=comments)

    async def bad(self, request_id: str, comments: str | None = None) -> None:
        """Raises NotFound when the project has no such request."""
        await self._client.send_feedback(request_id, BAD, comments=comments)
