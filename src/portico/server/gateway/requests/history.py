"""Requests seen from outside: what became of them, their export, and an end to one that still runs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec

from portico.server.access import audit
from portico.server.access.caller import Caller
from portico.server.access.tenancy import Tenancy
from portico.server.errors import (
    OutOfRange,
    PorticoError,
    ProviderOvercapacity,
    ProviderQuota,
    ProviderRateLimit,
    ProviderTimeout,
    ProviderUnknown,
    QuotaExceeded,
    RequestCancelled,
    RequestNotFound,
)
from portico.server.gateway.requests.elsewhere import Elsewhere, Wish
from portico.server.gateway.requests.running import Running
from portico.server.kit.clock import wire_time
from portico.server.storage.requests import Asked, RequestFilter, RequestRow, list_requests, maybe_request
from portico.server.storage.usage import UsageLine
from portico.wire.requests_log import RequestFailure, RequestItem, RequestStatus, RequestTokens

PAGE = 500
FLUSH_S = 1.5
"""Within this time the line of a request that has ended is in the database, wherever it ran."""
_LOOK_S = 0.3
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_WORDS: dict[str, Asked] = {
    "completed": "completed",
    "succeeded": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "pending": "pending",
}
_FEEDBACK = {1: "good", 2: "bad"}
_MODULES = {"chat": "Chat", "embedding": "Embeddings", "responses": "Responses"}


class Requests:
    """One per process: knows what runs here, asks the others, and reads what is over."""

    def __init__(self, tenancy: Tenancy, running: Running, elsewhere: Elsewhere) -> None:
        self._tenancy = tenancy
        self._database = tenancy.database
        self._running = running
        self._elsewhere = elsewhere

    async def find_status(self, caller: Caller, request_id: str) -> RequestStatus:
        """Raises RequestNotFound, also for a request of another project."""
        if self._running.has(request_id, caller.organization_id, caller.project_id):
            return _running(request_id)
        row = await self._maybe_over(caller, request_id) or await self._ask("find", caller, request_id)
        return _running(request_id) if row is None else _over(row)

    async def cancel(self, caller: Caller, request_id: str) -> RequestStatus:
        """Ends a request that runs, here or elsewhere; one that is over stays what it was. Raises RequestNotFound."""
        if not self._running.cancel(request_id, caller.organization_id, caller.project_id):
            row = await self._maybe_over(caller, request_id) or await self._ask("cancel", caller, request_id)
            if row is not None:
                return _over(row)
        async with self._database.begin() as connection:
            await audit.record(connection, self._tenancy, caller, "cancel", "request", request_id)
        return _cancelled(request_id)

    async def cancel_elsewhere(self, caller: Caller, request_id: str) -> bool:
        """Whether another process had it, and has ended it."""
        return await self._elsewhere.ask("cancel", caller, request_id)

    async def _ask(self, wish: Wish, caller: Caller, request_id: str) -> RequestRow | None:
        """None when another process has it, else its line, which may be on its way. Raises RequestNotFound."""
        deadline = asyncio.get_running_loop().time() + FLUSH_S
        if await self._elsewhere.ask(wish, caller, request_id):
            return None
        while (row := await self._maybe_over(caller, request_id)) is None:
            if asyncio.get_running_loop().time() > deadline:
                raise RequestNotFound
            await asyncio.sleep(_LOOK_S)
        return row

    async def _maybe_over(self, caller: Caller, request_id: str) -> RequestRow | None:
        if not _ID.fullmatch(request_id):
            raise RequestNotFound
        async with self._database.begin() as connection:
            return await maybe_request(connection, caller.organization_id, caller.project_id, request_id)

    async def export(
        self, caller: Caller, *, assistant: str | None, status: str | None, skip: int, count: int
    ) -> AsyncIterator[list[RequestItem]]:
        """Pages, newest first; `count` 0 is all there are. Each page is a transaction of its own.

        The first page is read before this returns, so that a refusal is one. Raises OutOfRange, DatabaseAway.
        """
        wanted = RequestFilter(caller.organization_id, caller.project_id, assistant, read_status(status))
        left = count or None
        first = await self._page(wanted, _size(left), skip, None)
        details = {"assistant": assistant or "", "status": status or "", "skip": skip, "count": count}
        async with self._database.begin() as connection:
            await audit.record(connection, self._tenancy, caller, "export", "requests", "", details=details)
        return self._pages(wanted, first, left, status)

    async def _pages(
        self, wanted: RequestFilter, page: list[RequestRow], left: int | None, asked: str | None
    ) -> AsyncIterator[list[RequestItem]]:
        while page:
            yield [write_item(row, asked) for row in page]
            left = None if left is None else left - len(page)
            if left == 0 or len(page) < PAGE:
                return
            page = await self._page(wanted, _size(left), 0, page[-1])

    async def _page(self, wanted: RequestFilter, size: int, skip: int, behind: RequestRow | None) -> list[RequestRow]:
        async with self._database.begin() as connection:
            return await list_requests(connection, wanted, limit=size, skip=skip, behind=behind)


def _size(left: int | None) -> int:
    return PAGE if left is None else min(PAGE, left)


def read_status(asked: str | None) -> Asked | None:
    """A status in the words of the reference or of the vendor's SDK, which has `pending`, too: what is exported has
    ended, so nothing is that. Raises OutOfRange (400, id 8)."""
    if asked is None:
        return None
    known = _WORDS.get(asked.lower())
    if known is None:
        raise OutOfRange("status", "completed, failed or cancelled")
    return known


def write_item(row: RequestRow, asked: str | None = None) -> RequestItem:
    """One row of the export.

    The reference calls a good end `completed`, the vendor's SDK reads nothing but `succeeded` and `failed`: `status`
    speaks as the query did, and as the SDK does where the query says nothing. `outcome` is always exact.
    """
    line = row.line
    ended = row.began + timedelta(milliseconds=line.total_ms)
    return RequestItem(
        request_id=line.request_id,
        assistant=line.assistant,
        revision=line.revision,
        timestamp=wire_time(row.began),
        prompt=row.prompt,
        output=row.output,
        input_text=row.input_text,
        status=asked.lower() if asked else "succeeded" if line.status == "completed" else "failed",
        outcome=line.status,
        api_token=row.token_name or line.token_id,
        api_token_id=line.token_id,
        project_id=line.project_id,
        module=_MODULES.get(line.operation, line.operation.capitalize()),
        session_id=line.conversation_id,
        provider=line.provider,
        model=line.model,
        stream=line.stream,
        http_status=line.http_status,
        error_id=line.error,
        attempts=line.attempts,
        finish_reason=line.finish_reason,
        cache=line.cache,
        tokens=_tokens(line),
        images=line.images,
        units=line.units,
        cost=line.cost_picousd / 1e12,
        estimated=line.estimated,
        elapsed_time_ms=round(line.total_ms),
        first_byte_time_ms=round(line.first_byte_ms, 3),
        start_timestamp=wire_time(row.began),
        end_timestamp=wire_time(ended),
        adjusted=line.adjusted,
        provider_request_id=line.provider_request_id,
        user=line.saia_user_id or line.end_user or row.user_email or "",
        metadata=_metadata(line),
        caller_request_id=line.saia_req_id,
        parent_request_id=line.saia_parent_req_id,
        trace_id=line.saia_trace_id,
        source=line.saia_source,
        feedback=_FEEDBACK.get(row.answer_score or 0),
        feedback_comments=row.comments or None,
    )


def _tokens(line: UsageLine) -> RequestTokens:
    written = line.cache_write_5m + line.cache_write_1h
    given = line.input_uncached + line.cache_read + written + line.audio_in
    made = line.output_visible + line.reasoning + line.audio
    return RequestTokens(
        input=given,
        output=made,
        total=given + made,
        cached=line.cache_read,
        cache_written=written,
        reasoning=line.reasoning,
        audio_input=line.audio_in,
        audio_output=line.audio,
    )


def _metadata(line: UsageLine) -> object:
    try:
        return msgspec.json.decode(line.metadata) if line.metadata else None
    except msgspec.DecodeError:  # cut, because the line was too long for the journal
        return line.metadata


def _running(request_id: str) -> RequestStatus:
    return RequestStatus(request_id=request_id, status="running", timestamp=wire_time(datetime.now(UTC)))


def _cancelled(request_id: str) -> RequestStatus:
    return RequestStatus(
        request_id=request_id, status="cancelled", progress=100, timestamp=wire_time(datetime.now(UTC))
    )


def _over(row: RequestRow) -> RequestStatus:
    line = row.line
    status = RequestStatus(
        request_id=line.request_id,
        status=line.status,
        success=line.status == "completed",
        progress=100,
        timestamp=wire_time(row.began + timedelta(milliseconds=line.total_ms)),
        provider_name=line.provider,
    )
    if line.status == "failed":
        status.error = _failure(line)
    if row.output is not None:
        status.text = row.output
    return status


def _failure(line: UsageLine) -> RequestFailure:
    """The documented id and its text; what exactly went wrong was told to the caller of the request and not kept."""
    code = int(line.error) if line.error.isdigit() else line.http_status
    return RequestFailure(code=code, message=_TEXTS.get(code, f"HTTP status {line.http_status}"))


_TEXTS = {
    error.id: error.text
    for error in (
        ProviderUnknown,
        ProviderTimeout,
        ProviderRateLimit,
        ProviderQuota,
        ProviderOvercapacity,
        QuotaExceeded,
        RequestCancelled,
        PorticoError,
    )
}
