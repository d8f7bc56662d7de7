"""What is known of one target from the requests that went there: how busy it is, and whether to leave it alone."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class HealthRules:
    """`failures` in a row open the circuit for `open_s` seconds; 0 failures: never."""

    failures: int = 10
    open_s: float = 5.0
    longest_cool_s: float = 300.0


class Health(msgspec.Struct, eq=False):
    """One per provider, key and upstream model, shared by all routes that lead there. Times are of the monotonic clock.

    `cool_until`: the provider asked for a pause (Retry-After): others are tried first. `open_until`: it failed too
    often: it is left alone, then one request at a time finds out whether it is back.
    """

    rules: HealthRules
    busy: int = 0
    failures: int = 0
    cool_until: float = 0.0
    open_until: float = 0.0
    probe: int = 0
    _probes: int = 0

    def is_open(self, now: float) -> bool:
        """True when nothing may go there now; False also for the one request that finds out."""
        return bool(self.open_until) and (now < self.open_until or self.probe > 0)

    def begin(self) -> int:
        """A request goes there. Its number when it is the one that finds out, else 0; `end` is to be given it back."""
        self.busy += 1
        if not self.open_until:
            return 0
        self._probes += 1
        self.probe = self._probes
        return self.probe

    def end(self, probe: int = 0) -> None:
        """Only the request that finds out makes room for the next one to do so: others may have begun long before."""
        self.busy -= 1
        if probe and self.probe == probe:
            self.probe = 0

    def succeed(self) -> None:
        if self.failures or self.open_until or self.cool_until:
            self.failures, self.open_until, self.cool_until, self.probe = 0, 0.0, 0.0, 0

    def fail(self, now: float) -> None:
        """It did not answer, or answered that it cannot."""
        self.failures += 1
        if self.rules.failures and self.failures >= self.rules.failures:
            self.open_until = now + self.rules.open_s

    def cool(self, now: float, wait_s: float) -> None:
        """It asked to be left alone for a while."""
        self.cool_until = max(self.cool_until, now + min(wait_s, self.rules.longest_cool_s))
