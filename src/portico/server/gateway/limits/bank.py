"""All purses of this worker, and the one task that talks to the database about them, a round trip for all at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from sqlalchemy.exc import SQLAlchemyError

from portico.server.errors import DatabaseAway, PorticoError
from portico.server.gateway.limits.purse import PATIENCE_S, SKEW_S, Purse, Waiting
from portico.server.ids import OrganizationId
from portico.server.kit.clock import Clock
from portico.server.storage.database import Database
from portico.server.storage.leases import Granted, end_worker, exchange, reap_workers
from portico.server.storage.spending import SLOTS, SpendingFile, SpendingFull, claim_dead

TICK_S = 0.4
LOST_AFTER = timedelta(minutes=15)
"""Silence after which what a worker holds comes back although nobody has seen its records."""
_ANSWER_S = 5.0
_RETRIES_S = (0.02, 0.04, 0.08, 0.16, 0.32)
_CLAIM_EVERY_S = 10.0
_AT_ONCE = 500  # accounts whose rows are locked together
_log = logging.getLogger("portico.limits")

Told = Callable[[Purse], None]


class Bank:
    """`want` waits for an amount; everything else happens at the ticks. `told` hears of every answer."""

    def __init__(self, database: Database, folder: Path, clock: Clock, told: Told) -> None:
        self.worker_id = str(uuid4())
        self._database = database
        self._folder = folder
        self._clock = clock
        self._told = told
        self._purses: dict[str, Purse] = {}
        self._asked: dict[str, Purse] = {}
        self._put_away: dict[str, tuple[float, int]] = {}  # by account: its end, and what was spent of it
        self._wake = asyncio.Event()
        self._next_tick = self._next_claim = 0.0
        self._file: SpendingFile | None = None
        self._task: asyncio.Task[None] | None = None
        self._away = False

    def start(self) -> None:
        """Raises OSError when the folder cannot be written. Needs a running loop."""
        self._file = SpendingFile.create(self._folder, self.worker_id)
        self._task = asyncio.create_task(self._run(), name="limits-bank")

    async def close(self) -> None:
        """Everything is reported and given back; when the database is away, another process does so later."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._file is None:
            return
        for purse in self._purses.values():
            purse.words = None
            purse.fail()
        try:
            async with asyncio.timeout(_ANSWER_S), self._database.begin() as connection:
                spent = {purse.account_id: purse.spent for purse in self._purses.values()}
                await end_worker(connection, self.worker_id, spent)
        except (PorticoError, SQLAlchemyError, OSError, TimeoutError) as error:
            _log.warning("leases are given back at the next start: %s", error)
            self._file.close(delete=False)
        else:
            self._file.close(delete=True)

    def add(self, purse: Purse) -> Purse:
        """A purse to look after. Those of limits are written to the file of this process at every request.

        One that was put away comes back when the clock is set back: the database counts on from what it had spent.
        """
        _, purse.spent = self._put_away.pop(purse.account_id, (0.0, 0))
        purse.granted = purse.reported = purse.spent
        if not purse.opens and self._file is not None:
            try:
                purse.slot, purse.words = self._file.take_slot(purse.account_id), self._file.words
            except SpendingFull:  # then a kill -9 loses what was not yet reported: less than half a second
                _log.error("%d limits are in use at once: the last ones are not kept in %s", SLOTS, self._file.path)
        self._purses[purse.account_id] = purse
        return purse

    def find(self, account_id: str) -> Purse | None:
        return self._purses.get(account_id)

    def ask(self, purse: Purse) -> None:
        """Talk about this purse as soon as may be."""
        self._asked[purse.account_id] = purse
        self._wake.set()

    def recall(self, organization_ids: Iterable[OrganizationId]) -> None:
        """Another worker needs what is idle here: give it back now."""
        wanted, now = set(organization_ids), self._clock()
        for purse in self._purses.values():
            if purse.organization_id in wanted:
                purse.recall(now)
                if purse.free > 0:
                    self.ask(purse)

    async def want(self, purse: Purse, amount: int) -> None:
        """Returns when the amount is held. Raises the purse's refusal, or DatabaseAway. Run it in a task.

        While the database is away a budget is not touched, but a rate lets pass: it protects, it does not pay.
        """
        try:
            await self._want(purse, amount)
        except DatabaseAway:
            if not purse.opens:
                raise
            purse.hold(amount)

    async def _want(self, purse: Purse, amount: int) -> None:
        if self._away:  # tried again at every tick
            raise DatabaseAway(retry_after_s=1)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        purse.waiting.append(Waiting(amount, self._clock() + PATIENCE_S, future))
        self.ask(purse)
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                purse.unhold(amount)
            raise

    async def _run(self) -> None:
        elapsed = asyncio.get_running_loop().time
        while True:
            with suppress(TimeoutError):  # not by `wait_for`: that of Python 3.11 may lose a cancellation
                async with asyncio.timeout(max(0.001, self._next_tick - elapsed())):
                    await self._wake.wait()
            self._wake.clear()
            turn = asyncio.create_task(self._turn(), name="limits-bank turn")
            try:
                await self._see_through(turn)
            except Exception as error:  # whatever it is: without this task no lease is ever renewed
                self._endure(error)
                await asyncio.sleep(TICK_S)
            else:
                self._away = False
            finally:
                turn.cancel()

    async def _see_through(self, turn: asyncio.Task[None]) -> None:
        """Waits for the turn, however long, but lets no request wait for a database that hangs.

        A cancelled query ends some ten seconds later (psycopg). No other turn may begin before: two at once could be
        executed in the wrong order, and the older one would undo what the newer one was told.
        """
        done, _ = await asyncio.wait([turn], timeout=_ANSWER_S)
        if not done:
            late = TimeoutError(f"the database has not answered for {_ANSWER_S:g} s")
            self._endure(late)
            for purse in self._purses.values():
                purse.fail()
            turn.cancel()
            await asyncio.gather(turn, return_exceptions=True)
            raise late
        await turn

    async def _turn(self) -> None:
        now, elapsed = self._clock(), asyncio.get_running_loop().time()
        asked, self._asked = self._asked, {}
        if elapsed >= self._next_tick:
            self._next_tick = elapsed + TICK_S
            self._forget(now)
            asked |= {purse.account_id: purse for purse in self._purses.values() if purse.is_due(now)}
        purses = list(asked.values())
        try:
            for start in range(0, len(purses), _AT_ONCE):
                await self._exchange(purses[start : start + _AT_ONCE])
        except BaseException:
            for purse in purses:  # nobody waits for an answer that does not come
                purse.fail()
            raise
        if elapsed >= self._next_claim:
            self._next_claim = elapsed + _CLAIM_EVERY_S
            await self._sweep()

    async def _exchange(self, purses: list[Purse]) -> None:
        now = self._clock()
        demands = [purse.demand(now) for purse in purses]
        async with self._database.begin() as connection:
            replies = await exchange(connection, self.worker_id, demands)
        for purse in purses:
            self._take_reply(purse, replies.get(purse.account_id))

    def _take_reply(self, purse: Purse, reply: Granted | None) -> None:
        if reply is None:  # its rows are gone
            purse.granted = purse.spent
            purse.fail(purse.refuse(True))
            return
        purse.take_reply(reply, self._clock())
        self._told(purse)
        if purse.waiting:
            if not purse.retry:
                self.ask(purse)
            else:
                pause_s = _RETRIES_S[min(purse.retry, len(_RETRIES_S)) - 1]
                asyncio.get_running_loop().call_later(pause_s, self.ask, purse)

    def _forget(self, now: float) -> None:
        """Puts away minutes and periods that are over and have been reported to the end, and forgets them later."""
        self._put_away = {key: over for key, over in self._put_away.items() if now <= over[0] + SKEW_S}
        over = [
            purse
            for purse in self._purses.values()
            if now > purse.until + 1 and not purse.held and not purse.waiting and purse.spent == purse.reported
            and purse.granted <= purse.spent
        ]  # fmt: skip
        for purse in over:
            del self._purses[purse.account_id]
            self._put_away[purse.account_id] = purse.until, purse.spent
            if purse.words is not None and self._file is not None:
                self._file.free_slot(purse.slot)
                purse.words = None

    async def _sweep(self) -> None:
        """Reports what dead processes of this host have spent, and gives back what they and lost hosts hold."""
        for dead in claim_dead(self._folder):
            spent = dead.read()
            try:
                async with self._database.begin() as connection:
                    await end_worker(connection, dead.worker_id, spent)
            except BaseException:
                dead.close(delete=False)
                raise
            dead.close(delete=True)
            _log.info("the leases of a worker that died are settled")
        async with self._database.begin() as connection:
            lost = await reap_workers(connection, LOST_AFTER)
        if lost:
            _log.warning("%d worker(s) not heard of for %s: what they held is given back", lost, LOST_AFTER)

    def _endure(self, error: Exception) -> None:
        if not self._away:
            known = isinstance(error, PorticoError | SQLAlchemyError | OSError | TimeoutError)
            _log.warning("leases are not renewed for now: %s", error, exc_info=None if known else error)
        self._away = True
