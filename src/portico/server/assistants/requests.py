"""Requests to assistants that are begun now and asked about later, in whichever process: begun, kept, told, cancelled.

A request runs in the process that took it. When that process dies, the request is told as failed after LOST_S.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from portico.server.access import audit
from portico.server.access.caller import Caller
from portico.server.access.places import find_project
from portico.server.access.tenancy import Tenancy, clean_text
from portico.server.assistants.answers import provider_of, tell_over
from portico.server.assistants.desk import Desk
from portico.server.errors import (
    DatabaseAway,
    PorticoError,
    ProviderUnknown,
    RequestCancelled,
    ServerStopping,
    TooManyRequests,
)
from portico.server.gateway.answers import Answer, Stream
from portico.server.gateway.requests.history import Requests
from portico.server.gateway.requests.running import Running
from portico.server.ids import ProjectId
from portico.server.kit.clock import wire_now
from portico.server.kit.drive import Drive, run
from portico.server.storage.assistant_requests import (
    AssistantRequestRow,
    Key,
    Outcome,
    cancel_assistant_request,
    delete_old_assistant_requests,
    end_assistant_request,
    insert_assistant_request,
    mark_seen,
    maybe_assistant_request,
)
from portico.wire.requests import ChatRequest
from portico.wire.requests_log import RequestStatus

BEAT_S = 10.0
LOST_S = 60.0
FORGET_EVERY_S = 3_600.0
CLOSE_S = 5.0
MOST_BEGUN = 1_000
"""Requests that one process works on behind their callers' backs."""
_LOST = Outcome("failed", error_code=ProviderUnknown.id, error_message="The server that worked on it has stopped.")
_log = logging.getLogger(__name__)


class AssistantRequests:
    """One per process. `days`: for so long an answer can be fetched."""

    def __init__(
        self,
        tenancy: Tenancy,
        desk: Desk,
        running: Running,
        requests: Requests,
        *,
        days: int,
        beat_s: float = BEAT_S,
        lost_s: float = LOST_S,
    ) -> None:
        self._tenancy = tenancy
        self._database = tenancy.database
        self._desk = desk
        self._running = running
        self._requests = requests
        self._days = days
        self._beat_s = beat_s
        self._lost_s = lost_s
        self._begun: dict[str, _Work] = {}
        self._beating: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._beating = asyncio.create_task(self._beat(), name="assistant-requests")

    async def close(self) -> None:
        """What still runs is told as failed: nobody else can go on with it."""
        if self._beating is not None:
            self._beating.cancel()
            with suppress(asyncio.CancelledError):
                await self._beating
        tasks = [work.task for work in self._begun.values() if work.task is not None]
        for work in list(self._begun.values()):
            work.cancel(ServerStopping())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=CLOSE_S)
            for task in late:
                task.cancel()

    async def begin(self, caller: Caller, request: ChatRequest, request_id: str) -> RequestStatus:
        """Starts the request and gives it back as pending. May be driven (kit/drive.py).

        Raises what is known at once: AssistantNotFound, EmptyQuery; TooManyRequests, DatabaseAway.
        """
        if len(self._begun) >= MOST_BEGUN:
            raise TooManyRequests(retry_after_s=10)
        answering = self._desk.answer(caller, request, request_id)
        try:
            await asyncio.ensure_future(self._insert(caller, request_id))
        except BaseException:
            if isinstance(answering, Coroutine):
                answering.close()
            raise
        work = self._begun[request_id] = _Work((caller.organization_id, find_project(caller), request_id))
        work.task = asyncio.get_running_loop().create_task(self._work(caller, request, request_id, answering, work))
        # `success`: clients that test it want to know whether the request was taken
        return RequestStatus(request_id=request_id, status="pending", success=True, timestamp=wire_now())

    async def find_status(self, caller: Caller, request_id: str) -> RequestStatus:
        """What became of a request, begun or plain. Raises RequestNotFound, also for one of another project."""
        if self._running.has(request_id, caller.organization_id, caller.project_id):
            return _running(request_id)
        row = await self._maybe_row(caller, request_id)
        if row is None:
            return await self._requests.find_status(caller, request_id)
        return _running(request_id) if row.ended_at is None else tell_over(row)

    async def cancel(self, caller: Caller, request_id: str) -> RequestStatus:
        """Ends a request that runs, here or elsewhere; one that is over stays what it was. Raises RequestNotFound."""
        row = await self._maybe_row(caller, request_id)
        if row is None:
            return await self._requests.cancel(caller, request_id)
        if row.ended_at is not None:
            return tell_over(row)
        here = self._running.cancel(request_id, caller.organization_id, caller.project_id)
        async with self._database.begin() as connection:
            place = (caller.organization_id, find_project(caller), request_id)
            await cancel_assistant_request(connection, *place)
            row = await maybe_assistant_request(connection, *place)
            assert row is not None
            if row.status == "cancelled":
                await audit.record(connection, self._tenancy, caller, "cancel", "request", request_id)
        if row.status == "cancelled" and not here:
            await self._requests.cancel_elsewhere(caller, request_id)
        return tell_over(row)

    async def _maybe_row(self, caller: Caller, request_id: str) -> AssistantRequestRow | None:
        """The row; one whose process is gone has just failed."""
        place = (caller.organization_id, find_project(caller), clean_text(request_id))
        async with self._database.begin() as connection:
            row = await maybe_assistant_request(connection, *place)
            if row is not None and row.ended_at is None:
                await end_assistant_request(connection, *place, _LOST, lost_s=self._lost_s)
                row = await maybe_assistant_request(connection, *place)
        return row

    async def _insert(self, caller: Caller, request_id: str) -> None:
        async with self._database.begin() as connection:
            await insert_assistant_request(connection, caller.organization_id, find_project(caller), request_id)

    async def _work(
        self,
        caller: Caller,
        request: ChatRequest,
        request_id: str,
        answering: Awaitable[Answer | Stream],
        work: _Work,
    ) -> None:
        """Runs the request and writes how it ended; however long the database is away meanwhile."""
        self._running.add(request_id, caller, work)
        try:
            try:
                outcome = await _outcome(request, answering, work)
            finally:
                self._running.remove(request_id)
            await self._end(caller, request_id, outcome)
        finally:
            del self._begun[request_id]

    async def _end(self, caller: Caller, request_id: str, outcome: Outcome) -> None:
        project_id: ProjectId = find_project(caller)
        while True:
            try:
                async with self._database.begin() as connection:
                    await end_assistant_request(connection, caller.organization_id, project_id, request_id, outcome)
                return
            except (DatabaseAway, SQLAlchemyError) as error:
                _log.warning("the answer to request %s waits for the database: %s", request_id, error)
                await asyncio.sleep(min(1.0, self._beat_s))

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        forget_at = loop.time()
        while True:
            try:
                await self._say_seen()
                if loop.time() >= forget_at:
                    async with self._database.begin() as connection:
                        await delete_old_assistant_requests(connection, self._days)
                    forget_at = loop.time() + FORGET_EVERY_S
            except (DatabaseAway, SQLAlchemyError) as error:
                _log.warning("requests to assistants wait for the database: %s", error)
            await asyncio.sleep(self._beat_s)

    async def _say_seen(self) -> None:
        if not self._begun:
            return
        async with self._database.begin() as connection:
            cancelled = await mark_seen(connection, [work.key for work in self._begun.values()])
        for request_id in cancelled:
            if request_id in self._begun:
                self._begun[request_id].cancel(RequestCancelled())


class _Work:
    """One begun request, as `Running` knows requests."""

    stream = False

    def __init__(self, key: Key) -> None:
        self.key = key
        self.task: asyncio.Task[None] | None = None
        self.refused: BaseException | None = None
        self._drive: Drive[Answer | Stream] | None = None

    def begun(self, drive: Drive[Answer | Stream]) -> None:
        self._drive = drive

    def cancel(self, error: BaseException) -> None:
        if self._drive is not None:
            self._drive.cancel(error)
        else:
            self.refused = error


async def _outcome(request: ChatRequest, answering: Awaitable[Answer | Stream], work: _Work) -> Outcome:
    async def wait() -> Answer | Stream:
        if work.refused is not None:
            raise work.refused
        return await answering

    try:
        answer = await run(wait(), work.begun)
        assert isinstance(answer, Answer)  # nobody has asked for a stream
        return Outcome("completed", provider_of(request, answer), answer.body.decode())
    except RequestCancelled:
        return Outcome("cancelled")
    except PorticoError as error:
        return Outcome("failed", error_code=error.id, error_message=clean_text(error.message))
    except Exception as failure:
        _log.error("unexpected error", exc_info=failure)
        return Outcome("failed", error_code=PorticoError.id, error_message=PorticoError.text)
    finally:
        if isinstance(answering, Coroutine):
            answering.close()


def _running(request_id: str) -> RequestStatus:
    return RequestStatus(request_id=request_id, status="running", timestamp=wire_now())
