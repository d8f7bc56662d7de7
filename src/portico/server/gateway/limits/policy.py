"""The limits of one caller, and the ticket of one request: taken before it is sent, settled when it is over."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID, uuid5

from portico.server.errors import PorticoError, QuotaExceeded, TooManyRequests
from portico.server.gateway.limits.bank import Bank
from portico.server.gateway.limits.purse import Purse, Unit
from portico.server.kit.clock import Clock
from portico.server.storage.limits import RateRow

MINUTE_S = 60
_READY_S = 2.0
_COST, _REQUESTS, _TOKENS = Unit.COST, Unit.REQUESTS, Unit.TOKENS
Header = tuple[bytes, bytes]
Headers = list[Header]


class Gate:
    """One allowance per minute: each minute has a purse of its own."""

    __slots__ = ("_bank", "_clock", "_left", "_minute", "_names", "_next_at", "_purse", "_rate", "limit", "unit")

    def __init__(self, bank: Bank, clock: Clock, rate: RateRow, unit: Unit, limit: int) -> None:
        self._bank = bank
        self._clock = clock
        self._rate = rate
        self.unit = unit
        self.limit = limit
        names = [f"x-ratelimit-{what}-{unit.value}".encode() for what in ("limit", "remaining", "reset")]
        self._names = (names[0], b"%d" % limit), names[1], names[2]
        self._left: tuple[int, Header] = 0, (b"", b"")
        self._minute = -1
        self._next_at = math.inf
        self._purse: Purse | None = None

    def purse(self, now: float) -> Purse:
        """That of this minute. Near its end the next one is got ready, so that a new minute makes nobody wait."""
        minute = int(now // MINUTE_S)
        if self._purse is None or minute != self._minute:
            self._minute, self._purse = minute, self._open(minute)
            self._next_at = (minute + 1) * MINUTE_S - _READY_S
        elif now >= self._next_at:
            self._next_at = math.inf
            following = self._open(minute + 1)
            following.expect_like(self._purse, now)
            self._bank.ask(following)
        return self._purse

    def _open(self, minute: int) -> Purse:
        """Two workers, and two policies of one worker, mean the same account by the same minute."""
        # With the limit in its name: after a change the allowance of this minute is counted anew.
        account_id = str(uuid5(UUID(self._rate.rate_id), f"{self.unit.value} {minute} {self.limit}"))
        found = self._bank.find(account_id)
        if found is not None:
            return found
        purse: Purse = Purse(
            self._rate.organization_id,
            account_id,
            self.unit,
            self.limit,
            lambda _: self._refuse(purse),
            until=(minute + 1) * MINUTE_S,
            opens=True,
        )
        return self._bank.add(purse)

    def until(self, now: float) -> float:
        """When `purse` has something to do again, having been asked just now."""
        return min(self._next_at, (now // MINUTE_S + 1) * MINUTE_S)

    def show(self, purse: Purse) -> tuple[Header, Header, Header]:
        """The three `x-ratelimit-*` headers; what stays the same for a second is kept."""
        limit, remaining, reset = self._names
        left_s = math.ceil(self.seconds_left())
        if left_s != self._left[0]:
            self._left = left_s, (reset, b"%ds" % left_s)
        return limit, (remaining, b"%d" % purse.remaining), self._left[1]

    def seconds_left(self) -> float:
        return MINUTE_S - self._clock() % MINUTE_S

    def _refuse(self, purse: Purse) -> PorticoError:
        left_s = self.seconds_left()
        noun = self.unit.value
        headers = {
            f"x-ratelimit-limit-{noun}": str(self.limit),
            f"x-ratelimit-remaining-{noun}": str(purse.remaining),
            f"x-ratelimit-reset-{noun}": _seconds(left_s),
        }
        return TooManyRequests(retry_after_s=left_s, headers=headers)


class Minute:
    """The purses of one caller until `until`, when a rate begins another. `shown`: rates and their purses by kind."""

    __slots__ = ("purses", "shown", "since", "until")

    def __init__(self, purses: Sequence[Purse], gates: Sequence[Gate], now: float) -> None:
        opened = [(gate, gate.purse(now)) for gate in gates]
        kinds = [[pair for pair in opened if pair[0].unit is unit] for unit in (_REQUESTS, _TOKENS)]
        self.purses = (*purses, *(purse for _, purse in opened))
        self.shown = [kind for kind in kinds if kind]
        self.since = now
        self.until = min((gate.until(now) for gate in gates), default=math.inf)


class Ticket:
    """What is held for one request. Either `settle` or `release` ends it; whatever comes after has no effect."""

    __slots__ = ("_holds", "_minute")

    def __init__(self, holds: Sequence[tuple[Purse, int]], minute: Minute | None = None) -> None:
        self._holds = holds
        self._minute = minute

    def settle(self, cost_picousd: int, tokens: int) -> None:
        """The request was executed: it counts as one, with what it really took."""
        holds, self._holds = self._holds, ()
        for purse, amount in holds:
            unit = purse.unit
            purse.settle(amount, cost_picousd if unit is _COST else tokens if unit is _TOKENS else 1)

    def release(self) -> None:
        """The request was not executed, or it failed without costing anything: nothing counts but its being made,
        which a rate of requests per minute does count."""
        holds, self._holds = self._holds, ()
        for purse, amount in holds:
            if purse.opens and purse.unit is Unit.REQUESTS:
                purse.settle(amount, amount)
            else:
                purse.unhold(amount)

    def drop(self) -> None:
        """As if it had never been asked for."""
        holds, self._holds = self._holds, ()
        for purse, amount in holds:
            purse.unhold(amount)

    def headers(self) -> Headers:
        """`x-ratelimit-*` of the tightest rate of each kind; none when no rate is set."""
        found: Headers = []
        if self._minute is None:
            return found
        for rates in self._minute.shown:
            gate, purse = rates[0] if len(rates) == 1 else min(rates, key=lambda rate: rate[1].remaining)
            found += gate.show(purse)
        return found


class Policy:
    """All that bounds one caller: up to two limits (project, organization) and up to four rates."""

    __slots__ = ("_bank", "_clock", "_gates", "_minute", "_purses", "_renew", "blocked")

    def __init__(
        self,
        bank: Bank,
        clock: Clock,
        purses: Sequence[Purse],
        gates: Sequence[Gate],
        renew: Callable[[], Awaitable[Policy | None]],
        *,
        blocked: bool = False,
    ) -> None:
        self._bank = bank
        self._clock = clock
        self._purses = purses
        self._gates = gates
        self._minute: Minute | None = None
        self._renew = renew
        self.blocked = blocked
        """A limit has expired and is not renewed, or a project has cancelled its own: nothing passes until there is a
        new one."""

    def try_take(self, worst_picousd: int, worst_tokens: int) -> Ticket | None:
        """A ticket out of what this worker holds; None when the database has to be asked: `await take(...)`.

        Raises QuotaExceeded (429, id 154) or TooManyRequests (429, id 9001).
        """
        if self.blocked:
            raise QuotaExceeded
        now = self._clock()
        minute = self._minute
        if minute is None or not minute.since <= now < minute.until:
            minute = self._minute = Minute(self._purses, self._gates, now)
        holds: list[tuple[Purse, int]] = []
        for purse in minute.purses:
            amount = _amount(purse, worst_picousd, worst_tokens)
            if purse.granted - purse.spent - purse.held < amount or now >= purse.usable_until:
                if purse.is_exhausted(amount, now) and now < purse.until:
                    raise purse.refuse(True)
                return None
            holds.append((purse, amount))
        for purse, amount in holds:
            purse.hold(amount)
        return Ticket(holds, minute)

    async def take(self, worst_picousd: int, worst_tokens: int) -> Ticket:
        """The same, asking the database where needed. Raises DatabaseAway (503) when it does not answer."""
        task = asyncio.get_running_loop().create_task(self._take(worst_picousd, worst_tokens))
        try:
            return await task
        except BaseException:  # the end of its caller, as CancelledError or by the name of who ended it
            task.add_done_callback(_drop)
            raise

    async def _take(self, worst_picousd: int, worst_tokens: int) -> Ticket:
        now = self._clock()
        if any(now >= purse.until for purse in self._purses):
            policy = await self._renew()
            if policy is None:
                return Ticket(())
            if policy.blocked or any(now >= purse.until for purse in policy._purses):
                raise QuotaExceeded
            return policy.try_take(worst_picousd, worst_tokens) or await policy._take_each(worst_picousd, worst_tokens)
        return await self._take_each(worst_picousd, worst_tokens)

    async def _take_each(self, worst_picousd: int, worst_tokens: int) -> Ticket:
        """Rates first: what they refuse shall not have touched a budget."""
        minute = Minute(self._purses, self._gates, self._clock())
        holds: list[tuple[Purse, int]] = []
        try:
            for purse in (*minute.purses[len(self._purses) :], *self._purses):
                amount = _amount(purse, worst_picousd, worst_tokens)
                if purse.free >= amount and self._clock() < purse.usable_until:
                    purse.hold(amount)
                else:
                    await self._bank.want(purse, amount)
                holds.append((purse, amount))
        except BaseException:
            Ticket(holds).drop()
            raise
        return Ticket(holds, minute)


def _amount(purse: Purse, worst_picousd: int, worst_tokens: int) -> int:
    """What to hold of this purse. A request that is larger than a whole minute takes the minute."""
    unit = purse.unit
    if unit is _COST:
        return worst_picousd
    if unit is _REQUESTS:
        return 1
    return worst_tokens if worst_tokens < purse.hard else purse.hard


def _drop(task: asyncio.Task[Ticket]) -> None:
    """Its caller has gone: nobody will settle this ticket."""
    if not task.cancelled() and task.exception() is None:
        task.result().drop()


def _seconds(seconds: float) -> str:
    return f"{max(1, math.ceil(seconds))}s"
