"""One executor that tries the choices of a route: all retries lie before the first byte of output (HC-17, HC-19).

In: a Route and what to write for a target. Out: the first answer that holds, and how many tries it took.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from portico.server.errors import (
    ProviderError,
    ProviderOvercapacity,
    ProviderRateLimit,
    ProviderRefused,
    ProviderSilent,
    ProviderTimeout,
    ProviderUnknown,
    RequestCancelled,
    ServerStopping,
)
from portico.server.gateway.routing.health import Health
from portico.server.gateway.routing.targets import Choice, Route
from portico.server.providers.base import Outgoing
from portico.server.providers.http1 import Reply
from portico.server.providers.transport import Transport

T = TypeVar("T")
BACKOFF_S = 0.2
REFUSED_S = 10.0
"""A key that was refused, or whose quota is used up, comes after the others for so long."""
SHORTEST_SECRET = 8
NOT_UTF8 = "the provider's answer is not UTF-8"
"""JSON of other bytes is none, though its decoder says so with an error of Python's own."""


class Answered(msgspec.Struct, Generic[T]):
    """What the executor brings back: the choice that answered, its open reply, and what `begin` made of it."""

    choice: Choice
    reply: Reply
    value: T
    release: Callable[[], None] | None
    attempts: int


class Attempt(Generic[T]):
    """One verb for one request, as the executor tries it: what to write for a target, how to read its answer.

    Not `repeatable`: what may have been begun over there is not begun again.
    """

    __slots__ = ()
    repeatable = True

    def write(self, choice: Choice) -> Outgoing:
        raise NotImplementedError

    def read(self, choice: Choice, body: bytes, reply: Reply) -> T:
        """A whole answer."""
        raise NotImplementedError

    async def begin(self, choice: Choice, reply: Reply) -> T:
        """A streamed answer, up to its first output."""
        raise NotImplementedError

    def leave(self, choice: Choice) -> None:
        """The caller has gone while a target was at work, which will be billed."""


class Executor:
    """Walks a route; retries what may heal, within a number of tries and a budget of time."""

    def __init__(
        self, transport: Transport, *, retries: int, retry_budget_s: float, first_byte_s: float = math.inf
    ) -> None:
        """`first_byte_s`: how long a target may be silent while there is another one that could answer instead."""
        self._transport = transport
        self._retries = retries
        self._budget_s = retry_budget_s
        self._first_byte_s = first_byte_s

    async def send(self, route: Route, attempt: Attempt[T]) -> Answered[T]:
        """What `attempt` raises before its first output may be tried again, elsewhere first when there is elsewhere.

        The error that is raised in the end carries `attempts`. The caller must `end()` the answer.
        """
        started = time.monotonic()
        tried: list[tuple[Choice, ProviderError]] = []
        choice = route.pick((), started)
        while True:
            if choice is None:
                raise self._give_up(route, tried)
            try:
                others = len(route.choices) > 1 and self._has_others(route, tried, choice)
                answered = await self._ask(choice, attempt, others)
            except ProviderError as error:
                tried.append((choice, error))
                if isinstance(error, ProviderSilent):
                    started = time.monotonic()  # else nobody would be left to try after so long a silence
                wait = self._pause(route, tried)
                if wait is None or time.monotonic() - started + wait > self._budget_s:
                    raise self._give_up(route, tried) from error
                if wait:
                    await asyncio.sleep(wait)
                choice = route.pick([one for one, _ in tried], time.monotonic())
            else:
                answered.attempts = len(tried) + 1
                return answered

    @staticmethod
    def _has_others(route: Route, tried: list[tuple[Choice, ProviderError]], choice: Choice) -> bool:
        """Whether another target is left that was not tried."""
        return route.has_other([choice, *(one for one, _ in tried)], time.monotonic())

    def _pause(self, route: Route, tried: list[tuple[Choice, ProviderError]]) -> float | None:
        """Seconds until the next try; None: there is none that could help."""
        error = tried[-1][1]
        if not (error.retryable or error.elsewhere) or len(tried) > max(self._retries, route.size - 1):
            return None
        if route.has_other([one for one, _ in tried], time.monotonic()):
            return 0.0
        last = {id(one): (one, failed) for one, failed in tried}
        waits = [_wait(failed, [one for one, _ in tried].count(choice)) for choice, failed in last.values()]
        return min((wait for wait in waits if wait is not None), default=None)

    def _give_up(self, route: Route, tried: list[tuple[Choice, ProviderError]]) -> ProviderError:
        """The last error; its Retry-After is the shortest of all that told one (HC-18)."""
        if not tried:
            wait = max(0.0, route.opens_at() - time.monotonic())
            gone = ProviderOvercapacity("the provider has failed too often and is left alone for a moment")
            gone.retry_after_s, gone.attempts = wait, 0
            return gone
        error = tried[-1][1]
        waits = [one.retry_after_s for _, one in tried if one.retry_after_s is not None]
        if waits and isinstance(error, ProviderRateLimit | ProviderOvercapacity):
            error.retry_after_s = min(waits)
        error.attempts = len(tried)
        return error

    async def _ask(self, choice: Choice, attempt: Attempt[T], others: bool) -> Answered[T]:
        target, health = choice.target, choice.health
        probe = health.begin()
        release: Callable[[], None] | None = None
        reply: Reply | None = None
        hurried = False
        try:
            endpoint = target.endpoint
            if endpoint is None:
                reached = await target.adapter.reach(target)
                endpoint, release = reached.endpoint, reached.release
            outgoing = attempt.write(choice)
            hurried = outgoing.timeout_s is not None
            transport = self._transport
            while True:
                reply = transport.maybe_send(endpoint, outgoing) or await transport.send(endpoint, outgoing)
                if others and attempt.repeatable:
                    reply.expect_head(time.monotonic() + self._first_byte_s)
                await reply.signal
                if not reply.untouched:
                    break
                # the provider closed an idle connection just as we took it: nothing was read of the request
                transport.end(reply)
                reply = None
            reply.raise_error()
            if reply.status >= 400:
                raise target.adapter.read_error(reply.status, reply.headers, _as_utf8(await reply.read_all()))
            if outgoing.stream:
                try:
                    value = await attempt.begin(choice, reply)
                except UnicodeDecodeError:
                    raise ProviderUnknown(NOT_UTF8) from None
            else:
                value = _read_whole(choice, attempt, reply)
            health.succeed()
            return Answered(choice, reply, value, release, 1)
        except BaseException as error:
            hide_secrets(error, choice)
            self._note(choice, attempt, reply, error, hurried=hurried)
            health.end(probe)
            if reply is not None:
                self._transport.end(reply)
            if release is not None:
                release()
            raise

    @staticmethod
    def _note(choice: Choice, attempt: Attempt[T], reply: Reply | None, error: BaseException, *, hurried: bool) -> None:
        """What a try that brought nothing tells of its target, and whether another one may follow."""
        if reply is not None and _has_left(error):
            attempt.leave(choice)
        late = isinstance(error, ProviderTimeout) and not isinstance(error, ProviderSilent)
        if not (hurried and late and reply is not None and not reply.complete):  # else the caller had no time
            _learn(choice.health, error)
        if reply is not None and not attempt.repeatable and isinstance(error, ProviderUnknown | ProviderTimeout):
            error.retryable = error.elsewhere = False

    def end(self, answered: Answered[T], *, finished: bool = False) -> None:
        """The answer is over, whole or not; `finished`: a stream to its last word. Called once."""
        answered.choice.health.end()
        self._transport.end(answered.reply, finished=finished)
        if answered.release is not None:
            answered.release()


def _has_left(error: BaseException) -> bool:
    """Whether the request has ended although its target was still at work."""
    return isinstance(error, RequestCancelled | ServerStopping) or not isinstance(error, Exception)


def _wait(error: ProviderError, times: int) -> float | None:
    """Seconds until the same choice may be tried again, after so many tries; None: that could not help."""
    if not error.retryable:
        return None
    if error.retry_after_s is not None:
        return error.retry_after_s
    return BACKOFF_S * float(2 ** (times - 1)) * random.uniform(0.5, 1.5)


def _read_whole(choice: Choice, attempt: Attempt[T], reply: Reply) -> T:
    """An answer that cannot be read was made all the same, and will be billed: it is not asked for twice."""
    try:
        return attempt.read(choice, reply.whole(), reply)
    except (ProviderUnknown, UnicodeDecodeError) as error:
        unreadable = error if isinstance(error, ProviderUnknown) else ProviderUnknown(NOT_UTF8)
        unreadable.retryable = unreadable.elsewhere = False
        raise unreadable from None


def _as_utf8(body: bytes) -> bytes:
    """Of a refusal, which is read as far as it can be."""
    return body if body.isascii() else body.decode("utf-8", "replace").encode()


def hide_secrets(error: BaseException, choice: Choice) -> None:
    """A provider may repeat in its words the key or the address that it was called with (HC-26)."""
    if not isinstance(error, ProviderError):
        return
    credential = choice.target.credential
    for secret in (credential.key, credential.base_url, *(value for _, value in credential.options)):
        if len(secret) >= SHORTEST_SECRET and secret in error.message:
            error.message = error.message.replace(secret, "***")


def _learn(health: Health, error: BaseException) -> None:
    """What an error tells of the target it came from; refused input, or a client that left, tells nothing."""
    now = time.monotonic()
    if not isinstance(error, ProviderError) or isinstance(error, ProviderRefused):
        return
    if error.elsewhere and error.retry_after_s is not None:
        health.cool(now, error.retry_after_s)
    elif error.retryable:
        health.fail(now)
    elif error.elsewhere:
        health.cool(now, REFUSED_S)
