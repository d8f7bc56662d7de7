"""How one call goes, told once and driven twice: try, judge, wait, try again. A generator without I/O.

It yields `Attempt` (send it, throw the TransportError in or send the Answer in), `Pause` (wait) and `Renew` (get
another access token, send in whether there is one), and returns.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from portico.sdk.call import Answer, Call, Repeat
from portico.sdk.errors import ConnectionLost, HostUnreachable, RequestTimeout, TransportError
from portico.sdk.failures import retry_after_s

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 8.0
# A server that asks for a longer wait than this gets its refusal handed to the caller, who can decide.
LONGEST_RETRY_AFTER_S = 60.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """Send the call now."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Renew:
    """The token was refused: get another one, if there is a way."""


Exchange = Generator[Attempt | Pause | Renew, Answer | bool | None, Answer]


class Run:
    """An exchange under way: do `step`, tell how it went, until there is a `result`."""

    def __init__(self, call: Call, max_retries: int) -> None:
        self._steps = exchange(call, max_retries)
        self.step = next(self._steps)
        self.result: Answer | None = None

    def go_on(self, answer: Answer | bool | None = None) -> None:
        """The attempt was answered, the pause is over, or there is another token (True) or none."""
        try:
            self.step = self._steps.send(answer)
        except StopIteration as end:
            self.result = end.value

    def failed(self, error: TransportError) -> None:
        """The attempt failed. Raises the error when it was the last one."""
        self.step = self._steps.throw(error)


def exchange(call: Call, max_retries: int) -> Exchange:
    """The answer of the last try, good or bad; or its TransportError. A token is renewed once; that is no try."""
    tried, renewed = 0, not call.with_credentials
    while True:
        last = tried >= max_retries
        try:
            answer = yield Attempt()
        except TransportError as error:
            if last or not _may_pass(call.repeat, error):
                raise
            yield Pause(_back_off(tried))
            tried += 1
            continue
        assert isinstance(answer, Answer)
        if answer.status == 401 and not renewed:
            renewed = True
            if (yield Renew()):
                continue
        pause = None if last else _pause_after(call.repeat, answer, tried)
        if pause is None:
            return answer
        yield Pause(pause)
        tried += 1


def _may_pass(repeat: Repeat, error: TransportError) -> bool:
    if repeat is Repeat.SAFE:
        return isinstance(error, HostUnreachable | RequestTimeout | ConnectionLost)
    # What costs money or changes something is repeated only when it surely did not arrive.
    return isinstance(error, HostUnreachable)


def _pause_after(repeat: Repeat, answer: Answer, tried: int) -> float | None:
    """Seconds to wait before another try; None when this answer is final."""
    asked = retry_after_s(answer)
    if asked is not None and asked > LONGEST_RETRY_AFTER_S:
        return None
    if repeat is Repeat.SAFE and (answer.status in (408, 429) or (answer.status >= 500 and answer.status != 501)):
        return _back_off(tried) if asked is None else asked
    if repeat is Repeat.WORK and answer.status in (429, 503) and asked is not None:
        return asked
    return None


def _back_off(tried: int) -> float:
    """Doubles with each try; the jitter keeps clients that failed together from coming back together."""
    import random  # slow to import, and most calls need no second try

    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * float(2**tried)) * random.uniform(0.5, 1.0)
