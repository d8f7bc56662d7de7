"""Requests that were made: their export, and the state and end of one. Low level, JSON out.

Source: Organization API reference, GET /request/export; Chat API reference, "Asynchronous status, cancellation".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypedDict, Unpack

from portico.sdk.call import Call, JsonObject, Repeat, get, path_segment, send_json
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient, read_object

EXPORT = "/v1/organization/request/export"
ROOT = "/v1/assistant/request"


class RequestFilter(TypedDict, total=False):
    """Which requests. `status` is completed, failed or cancelled; `project_id` narrows an organization token."""

    assistant_name: str | None
    status: str | None
    project_id: str | None


def export_call(filters: RequestFilter, skip: int, count: int) -> Call:
    query = {
        "assistantName": filters.get("assistant_name"),
        "status": filters.get("status"),
        "skip": skip,
        "count": count,
    }
    call = get(EXPORT, query, {"ProjectId": filters.get("project_id")})
    return call if count else replace(call, deadline_s=None)  # everything may take its time, as long as it flows


def status_call(request_id: str) -> Call:
    return get(f"{ROOT}/{path_segment(request_id)}/status")


def cancel_call(request_id: str) -> Call:
    """Sent again when it fails: a request that is over stays what it was."""
    path = f"{ROOT}/{path_segment(request_id)}/cancel"
    return send_json("POST", path, {"requestId": request_id}, repeat=Repeat.SAFE)


class RequestsClient(LowLevelClient):
    def export_request_data(self, *, skip: int = 0, count: int = 100, **filters: Unpack[RequestFilter]) -> JsonObject:
        """GET /v1/organization/request/export: `items`, newest first; `count` 0 asks for all of them."""
        return self._json(export_call(filters, skip, count))

    def get_request_status(self, request_id: str) -> JsonObject:
        """GET /v1/assistant/request/{requestId}/status."""
        return read_object(self._transport.send(status_call(request_id)), tells_of_failures=True)

    def cancel_request(self, request_id: str) -> JsonObject:
        """POST /v1/assistant/request/{requestId}/cancel."""
        return read_object(self._transport.send(cancel_call(request_id)), tells_of_failures=True)


class AsyncRequestsClient(AsyncLowLevelClient):
    async def export_request_data(
        self, *, skip: int = 0, count: int = 100, **filters: Unpack[RequestFilter]
    ) -> JsonObject:
        """GET /v1/organization/request/export: `items`, newest first; `count` 0 asks for all of them."""
        return await self._json(export_call(filters, skip, count))

    async def get_request_status(self, request_id: str) -> JsonObject:
        """GET /v1/assistant/request/{requestId}/status."""
        return read_object(await self._transport.send(status_call(request_id)), tells_of_failures=True)

    async def cancel_request(self, request_id: str) -> JsonObject:
        """POST /v1/assistant/request/{requestId}/cancel."""
        return read_object(await self._transport.send(cancel_call(request_id)), tells_of_failures=True)
