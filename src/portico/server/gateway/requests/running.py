"""Requests that this process is answering right now: who may ask about them, and a way to end them."""

from __future__ import annotations

from typing import Protocol

from portico.server.access.caller import Caller
from portico.server.errors import RequestCancelled


class Work(Protocol):
    """A request being answered."""

    stream: bool

    def cancel(self, error: BaseException) -> None:
        """Raises `error` where the request waits; its caller reads it as the answer, or as the end of a stream."""


class Running:
    """`add` and `remove` around each request, on the hot path: a dict set and a dict pop."""

    __slots__ = ("_requests",)

    def __init__(self) -> None:
        self._requests: dict[str, tuple[Caller, Work]] = {}

    def add(self, request_id: str, caller: Caller, work: Work) -> None:
        self._requests[request_id] = (caller, work)

    def remove(self, request_id: str) -> None:
        self._requests.pop(request_id, None)

    def has(self, request_id: str, organization_id: str, project_id: str | None) -> bool:
        """Whether it runs here and belongs to this project; that of another one is as good as none."""
        caller = self._requests[request_id][0] if request_id in self._requests else None
        return caller is not None and (caller.organization_id, caller.project_id) == (organization_id, project_id)

    def cancel(self, request_id: str, organization_id: str, project_id: str | None) -> bool:
        """Whether there was something to cancel."""
        if not self.has(request_id, organization_id, project_id):
            return False
        self._requests[request_id][1].cancel(RequestCancelled())
        return True

    @property
    def open_requests(self) -> int:
        return len(self._requests)

    @property
    def open_streams(self) -> int:
        return sum(work.stream for _, work in self._requests.values())
