"""What this worker holds of one account, and the arithmetic of it. No I/O, no clock of its own.

granted - spent - held is free for the next request. Only `take_reply` raises `granted`: what the database has said.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from portico.server.errors import DatabaseAway, PorticoError
from portico.server.ids import OrganizationId
from portico.server.storage.leases import Demand, Granted

FENCE_S = 120.0
"""A lease that the database has not heard of for so long is not used: others may have been given it."""
PATIENCE_S = 1.0
"""How long a request waits for what other workers hold and do not use."""
_EXACT_S = 2.0
_IDLE_S, _ASLEEP_S, _HEARTBEAT_S = 5.0, 60.0, 20.0
SKEW_S = 600.0
"""The clocks of worker and database may differ so much: a minute is closed late, and is used by its own name only."""
_AHEAD_TICKS, _FIRST_AHEAD = 150, 8
_PLENTY = 64
_LARGEST_WORD = 2**64 - 1

Refuse = Callable[[bool], PorticoError]


class Unit(Enum):
    """What an account counts."""

    COST = "cost"
    REQUESTS = "requests"
    TOKENS = "tokens"


class Waiting:
    """A request that waits for its amount; `future` is set when the amount is held for it."""

    __slots__ = ("amount", "asked", "future", "until")

    def __init__(self, amount: int, until: float, future: asyncio.Future[None]) -> None:
        self.amount = amount
        self.asked = False
        self.until = until
        self.future = future


class Purse:
    """The lease of one account. `refuse(exhausted)` makes the error of a request that does not fit."""

    __slots__ = (
        "account_id",
        "asked_exactly",
        "emptied",
        "exact_until",
        "flow",
        "free_elsewhere",
        "fresh_at",
        "granted",
        "hard",
        "held",
        "last",
        "last_at",
        "left",
        "left_until",
        "opens",
        "organization_id",
        "refuse",
        "reported",
        "retry",
        "slot",
        "spent",
        "taken",
        "unit",
        "until",
        "usable_until",
        "used",
        "waiting",
        "words",
    )

    def __init__(
        self,
        organization_id: OrganizationId,
        account_id: str,
        unit: Unit,
        hard: int,
        refuse: Refuse,
        *,
        until: float = math.inf,
        opens: bool = False,
    ) -> None:
        self.organization_id = organization_id
        self.account_id = account_id
        self.unit = unit
        self.hard = hard
        self.refuse = refuse
        self.until = until
        self.opens = opens
        """The account is made by the first demand: the allowance of one minute."""
        self.granted = self.spent = self.held = 0
        self.used = self.reported = 0
        self.free_elsewhere = hard
        self.usable_until = self.fresh_at = -math.inf
        self.left, self.left_until, self.emptied = hard, -math.inf, False
        self.exact_until, self.asked_exactly = -math.inf, False
        self.waiting: deque[Waiting] = deque()
        self.retry = 0
        self.flow = self.taken = self.last = 0
        self.last_at = -math.inf
        self.slot = -1
        self.words: memoryview[Any] | None = None

    # what requests do ---------------------------------------------------------------------------------------

    @property
    def free(self) -> int:
        return self.granted - self.spent - self.held

    @property
    def remaining(self) -> int:
        """What is left for anybody, as far as this worker knows."""
        left = self.free_elsewhere + self.granted - self.spent - self.held
        return left if left > 0 else 0

    def hold(self, amount: int) -> None:
        self.held += amount
        self.taken += amount
        self.last = amount

    def unhold(self, amount: int) -> None:
        """The request did not come to anything."""
        self.held -= amount

    def settle(self, amount: int, real: int) -> None:
        """`amount` was held, `real` it took."""
        self.held -= amount
        self.spent += real
        if self.words is not None:
            self.words[self.slot] = self.spent if self.spent <= _LARGEST_WORD else _LARGEST_WORD

    def is_exhausted(self, amount: int, now: float) -> bool:
        """The database has lately said that so much is not left and that it knows of a refusal."""
        return self.emptied and amount > self.left and now < self.left_until

    # what goes to the database and comes back ---------------------------------------------------------------

    def is_due(self, now: float) -> bool:
        """Asked at every tick, which is also what forgets old flow."""
        self.flow = max(self.taken, int(self.flow * 0.9))
        if self.taken:
            self.last_at = now
        self.taken = 0
        if self.waiting or self.spent != self.reported:
            return True
        if self.granted <= self.spent or now >= self.until:
            return self.granted > self.spent
        target = self._target(now)
        return self.free > 2 * target or self.free < target // 2 or now - self.fresh_at > _HEARTBEAT_S

    def demand(self, now: float) -> Demand:
        """What to say now. What is given back is no longer ours when it is said, whatever comes of the message."""
        exact, free = now < self.exact_until or now >= self.until, max(0, self.free)
        need = least = ahead = 0
        wanted = self._ask()
        if wanted and exact:
            kept, need, least = 0, sum(wanted), min(wanted)
        elif wanted:
            kept, need = free, max(0, sum(wanted) - free)
            least, ahead = need, max(self._target(now), _FIRST_AHEAD * sum(wanted))
        else:
            target = 0 if exact else self._target(now)
            kept = min(free, 2 * target)
            ahead = max(0, target - kept)
        self.asked_exactly = exact
        self.granted = max(self.spent, min(self.granted, self.spent + self.held + kept))
        self.reported = self.spent
        return Demand(
            self.organization_id, self.account_id, self.spent, self.granted, self.held, need, least, ahead,
            self.hard if self.opens else None,
            datetime.fromtimestamp(self.until + SKEW_S, UTC) if self.opens else None,
        )  # fmt: skip

    def _ask(self) -> list[int]:
        wanted = []
        for one in self.waiting:
            if not one.future.done():
                one.asked = True
                wanted.append(one.amount)
        return wanted

    def take_reply(self, granted: Granted, now: float) -> None:
        """The answer; then those who wait get theirs, as far as it goes. Sets `retry` when it is worth asking again."""
        self.granted, self.used, self.hard = granted.granted, granted.used, granted.hard
        self.free_elsewhere = granted.free
        self.fresh_at = now
        self.usable_until = min(self.until, now + FENCE_S)
        self.left, self.emptied, self.left_until = granted.hard - granted.used, granted.emptied, now + 1.0
        self._serve()
        asked = [one for one in self.waiting if one.asked]
        if not asked:
            self.retry = 0
        elif not self.asked_exactly:
            self.exact_until, self.retry = now + _EXACT_S, 0  # again at once, with all that is ours in the scale
        else:
            self.exact_until = now + _EXACT_S
            self.retry += 1
            self._refuse(asked, granted.idle, now)

    def expect_like(self, before: Purse, now: float) -> None:
        """As much as in the minute before is expected of this one."""
        self.flow, self.last, self.last_at = before.flow, before.last, now

    def recall(self, now: float) -> None:
        """Somebody needs what lies idle here."""
        self.exact_until = now + _EXACT_S

    def fail(self, error: PorticoError | None = None) -> None:
        """Those who wait get this error; by default, that the database does not answer."""
        for one in self.waiting:
            if not one.future.done():
                one.future.set_exception(error or DatabaseAway(retry_after_s=1))
        self.waiting.clear()

    def _serve(self) -> None:
        """First come, first served; a small one need not wait behind one that is too large."""
        for one in list(self.waiting):
            if one.future.done():
                self.waiting.remove(one)
            elif one.amount <= self.free:
                self.waiting.remove(one)
                self.hold(one.amount)
                one.future.set_result(None)

    def _refuse(self, asked: list[Waiting], idle: int, now: float) -> None:
        """Those for whom nothing will come back in time."""
        for one in asked:
            exhausted = one.amount > self.left
            if exhausted or idle <= 0 or now >= one.until:
                self.waiting.remove(one)
                one.future.set_exception(self.refuse(exhausted))

    def _target(self, now: float) -> int:
        """How much to hold ahead of need: a minute's use, later one request's for a while, then nothing."""
        idle_s = now - self.last_at
        if self.taken or idle_s <= _IDLE_S:
            return _AHEAD_TICKS * max(self.flow, self.taken) + 2 * self.last
        return self.last if idle_s <= _ASLEEP_S and self.free_elsewhere >= _PLENTY * self.last else 0
