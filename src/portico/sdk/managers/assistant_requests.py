"""Assistants at work, high level: asked, or begun and waited for."""

from __future__ import annotations

import time
from typing import Unpack

from portico.sdk.clients.assistant_requests import (
    AssistantRequestOptions,
    AssistantRequestsClient,
    AsyncAssistantRequestsClient,
)
from portico.sdk.clients.chat import Messages
from portico.sdk.errors import PorticoError
from portico.sdk.managers.base import read
from portico.wire.requests_log import RequestStatus

FIRST_LOOK_S, LONGEST_LOOK_S = 0.2, 3.0
_OPEN = ("pending", "running")


class AssistantRequests:
    """`client.assistant_requests`: asks assistants by their names."""

    def __init__(self, client: AssistantRequestsClient) -> None:
        self._requests = client

    def chat(self, assistant: str, messages: Messages, **options: Unpack[AssistantRequestOptions]) -> RequestStatus:
        """The answer, in `text`. Raises ApiError when there is none. `client.chat` streams: "saia:assistant:NAME"."""
        return read(RequestStatus, self._requests.send_chat_request(assistant, messages, **options))

    def text(self, assistant: str, prompt: str, **options: Unpack[AssistantRequestOptions]) -> RequestStatus:
        """The same with a single text."""
        return read(RequestStatus, self._requests.send_text_request(assistant, prompt, **options))

    def begin(self, assistant: str, messages: Messages, **options: Unpack[AssistantRequestOptions]) -> RequestStatus:
        """Starts a request and comes back at once; `wait` or `status` gives its answer by `request_id`."""
        return read(RequestStatus, self._requests.begin_chat_request(assistant, messages, **options))

    def status(self, request_id: str) -> RequestStatus:
        """What became of a request of this project. Raises NotFound."""
        return read(RequestStatus, self._requests.get_request_status(request_id))

    def cancel(self, request_id: str) -> RequestStatus:
        """Ends a request that runs; one that is over stays what it was. Raises NotFound."""
        return read(RequestStatus, self._requests.cancel_request(request_id))

    def wait(self, request_id: str, timeout_s: float = 600.0) -> RequestStatus:
        """The same as `status`, once the request is over. Raises NotFound; PorticoError after `timeout_s` seconds."""
        until, pause_s = time.monotonic() + timeout_s, FIRST_LOOK_S
        while (found := self.status(request_id)).status in _OPEN:
            if time.monotonic() + pause_s > until:
                raise _still_open(request_id, timeout_s)
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, LONGEST_LOOK_S)
        return found


class AsyncAssistantRequests:
    """The same for asyncio."""

    def __init__(self, client: AsyncAssistantRequestsClient) -> None:
        self._requests = client

    async def chat(
        self, assistant: str, messages: Messages, **options: Unpack[AssistantRequestOptions]
    ) -> RequestStatus:
        """The answer, in `text`. Raises ApiError when there is none. `client.chat` streams: "saia:assistant:NAME"."""
        return read(RequestStatus, await self._requests.send_chat_request(assistant, messages, **options))

    async def text(self, assistant: str, prompt: str, **options: Unpack[AssistantRequestOptions]) -> RequestStatus:
        """The same with a single text."""
        return read(RequestStatus, await self._requests.send_text_request(assistant, prompt, **options))

    async def begin(
        self, assistant: str, messages: Messages, **options: Unpack[AssistantRequestOptions]
    ) -> RequestStatus:
        """Starts a request and comes back at once; `wait` or `status` gives its answer by `request_id`."""
        return read(RequestStatus, await self._requests.begin_chat_request(assistant, messages, **options))

    async def status(self, request_id: str) -> RequestStatus:
        """What became of a request of this project. Raises NotFound."""
        return read(RequestStatus, await self._requests.get_request_status(request_id))

    async def cancel(self, request_id: str) -> RequestStatus:
        """Ends a request that runs; one that is over stays what it was. Raises NotFound."""
        return read(RequestStatus, await self._requests.cancel_request(request_id))

    async def wait(self, request_id: str, timeout_s: float = 600.0) -> RequestStatus:
        """The same as `status`, once the request is over. Raises NotFound; PorticoError after `timeout_s` seconds."""
        import asyncio  # slow to import, and not everybody waits

        until, pause_s = time.monotonic() + timeout_s, FIRST_LOOK_S
        while (found := await self.status(request_id)).status in _OPEN:
            if time.monotonic() + pause_s > until:
                raise _still_open(request_id, timeout_s)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, LONGEST_LOOK_S)
        return found


def _still_open(request_id: str, timeout_s: float) -> PorticoError:
    return PorticoError(
        f"Request {request_id} is still running after {timeout_s:g} s.", hint="Wait longer, or cancel it."
    )
