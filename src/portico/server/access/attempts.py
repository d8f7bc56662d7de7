"""Failed sign-ins of the last quarter of an hour, by address and by account: after too many, nobody is asked again.

Counted in the memory of each process, and bounded.
"""

from __future__ import annotations

from collections import deque

from portico.server.access.session_refusals import TooManyAttempts
from portico.server.kit.clock import Clock, system_clock

WINDOW_S = 900.0
OF_ACCOUNT, OF_ADDRESS = 5, 10
"""How many times more failures one account has from everywhere, and one address has with all accounts: so that nobody
is locked out by a stranger's few guesses, and a company behind one address not by one of its people."""
_KEYS = 20_000


class Attempts:
    def __init__(self, most: int, clock: Clock = system_clock) -> None:
        """`most` failures of one account from one address."""
        self._most = most
        self._clock = clock
        self._failures: dict[tuple[str, str], deque[float]] = {}

    def check(self, address: str, account: str) -> None:
        """Raises TooManyAttempts (429, id 9001) with the time to wait."""
        now = self._clock()
        for key, most in self._keys(address, account):
            failures = self._failures.get(key, ())
            recent = [at for at in failures if at > now - WINDOW_S]
            if len(recent) >= most:
                raise TooManyAttempts(recent[-most] + WINDOW_S - now)

    def failed(self, address: str, account: str) -> None:
        for key, most in self._keys(address, account):
            if len(self._failures) >= _KEYS and key not in self._failures:
                self._forget()
            self._failures.setdefault(key, deque(maxlen=most)).append(self._clock())

    def succeeded(self, address: str, account: str) -> None:
        self._failures.pop((address, account), None)

    def _keys(self, address: str, account: str) -> tuple[tuple[tuple[str, str], int], ...]:
        everywhere, everyone = self._most * OF_ACCOUNT, self._most * OF_ADDRESS
        return ((address, account), self._most), (("", account), everywhere), ((address, ""), everyone)

    def _forget(self) -> None:
        """What is over; and when that is nothing, the oldest tenth."""
        end = self._clock() - WINDOW_S
        self._failures = {key: times for key, times in self._failures.items() if times[-1] > end}
        if len(self._failures) >= _KEYS:
            oldest = sorted(self._failures, key=lambda key: self._failures[key][-1])
            for key in oldest[: _KEYS // 10]:
                del self._failures[key]
