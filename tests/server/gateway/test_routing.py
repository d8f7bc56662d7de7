"""Health of targets, choice among them, and the executor that walks a route: what is tried, when, how often."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import pytest

from portico.server.errors import (
    ProviderAuth,
    ProviderError,
    ProviderOvercapacity,
    ProviderRateLimit,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnknown,
)
from portico.server.gateway.routing import Attempt, Choice, Executor, Health, HealthRules, Route
from portico.server.gateway.routing.executor import REFUSED_S
from portico.server.kit.drive import run
from portico.server.providers.base import Endpoint, Outgoing, Target
from portico.server.providers.http1 import Reply
from portico.server.providers.openai import OpenAI

pytestmark = pytest.mark.anyio
RULES = HealthRules(failures=3, open_s=5.0)
NOW = 1000.0


class Upstreams(OpenAI):
    """Every target's answers, by its name: a body, or an error as the provider's `read_error` would raise it."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: dict[int, ProviderError] = {}

    def read_error(self, status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
        return self.errors.pop(status)


class House:
    """An executor over scripted targets; `asked` are the names of those that were tried, in order."""

    def __init__(self, *, retries: int = 2, budget_s: float = 60.0) -> None:
        self.adapter = Upstreams()
        self.scripts: dict[str, list[bytes | ProviderError]] = {}
        self.asked: list[str] = []
        self.ended = 0
        self.executor = Executor(cast(Any, self), retries=retries, retry_budget_s=budget_s)

    def choice(self, name: str, *script: bytes | ProviderError, tier: int = 0, weight: int = 1) -> Choice:
        self.scripts[name] = list(script) or [b"{}"]
        target = Target("p", name, name, self.adapter, Endpoint(name))
        return Choice(cast(Any, None), target, Health(RULES), weight, tier)

    def maybe_send(self, endpoint: Endpoint, outgoing: Outgoing) -> Reply:
        """The transport's part; the last of a script again and again."""
        self.asked.append(endpoint.base_url)
        script = self.scripts[endpoint.base_url]
        answer = script.pop(0) if len(script) > 1 else script[0]
        reply = Reply(True, time.monotonic() + 60, 0.0, 10**6)
        if isinstance(answer, bytes):
            reply._on_head(200, {})
            reply._on_body(answer)
        else:
            status = 400 + len(self.asked)
            self.adapter.errors[status] = answer
            reply._on_head(status, {})
        reply._on_complete()
        return reply

    def end(self, reply: Reply, *, finished: bool = False) -> None:
        self.ended += 1

    async def send(self, *choices: Choice, strategy: Any = "weighted") -> Any:
        return await run(self.executor.send(Route(cast(Any, None), choices, strategy), Plain()))


class Plain(Attempt[bytes]):
    def write(self, choice: Choice) -> Outgoing:
        return Outgoing("/chat", b"{}", False)

    def read(self, choice: Choice, body: bytes, reply: Reply) -> bytes:
        return body


def error(kind: Callable[..., ProviderError] = ProviderUnknown, retry_after_s: float | None = None) -> ProviderError:
    return kind("as told", retry_after_s=retry_after_s)


def rested(*, open_until: float = 0.0, cool_until: float = 0.0, busy: int = 0) -> Health:
    return Health(RULES, busy=busy, cool_until=cool_until, open_until=open_until)


def pick(route: Route, *tried: Choice, now: float = NOW) -> str | None:
    choice = route.pick(tried, now)
    return None if choice is None else choice.target.model


def choice_of(name: str, health: Health | None = None, *, tier: int = 0, weight: int = 1) -> Choice:
    return Choice(cast(Any, None), Target("p", name, name, OpenAI(), None), health or Health(RULES), weight, tier)


def route_of(*choices: Choice, strategy: Any = "weighted") -> Route:
    return Route(cast(Any, None), choices, strategy)


# health -----------------------------------------------------------------------------------------------------------


def test_the_circuit_opens_after_failures_in_a_row_and_lets_one_request_find_out() -> None:
    health = Health(RULES)
    for _ in range(2):
        health.fail(NOW)
    assert not health.is_open(NOW)
    health.fail(NOW)
    assert health.is_open(NOW)
    assert health.is_open(NOW + 4.9)
    assert not health.is_open(NOW + 5.0), "one may find out"
    health.begin()
    assert health.is_open(NOW + 5.1), "but only one"
    health.succeed()
    assert not health.is_open(NOW + 5.1)
    assert (health.failures, health.open_until) == (0, 0.0)


def test_a_probe_that_fails_opens_the_circuit_again_at_once() -> None:
    health = Health(RULES)
    for _ in range(3):
        health.fail(NOW)
    probe = health.begin()
    health.fail(NOW + 6)
    health.end(probe)
    assert health.is_open(NOW + 10.9)
    assert not health.is_open(NOW + 11)


def test_a_probe_that_tells_nothing_leaves_room_for_the_next() -> None:
    health = Health(RULES)
    for _ in range(3):
        health.fail(NOW)
    health.end(health.begin())
    assert not health.is_open(NOW + 6)


def test_requests_from_before_do_not_let_a_second_probe_in() -> None:
    """They were under way when the circuit opened, and end in whatever way while the probe is still out."""
    health = Health(RULES)
    early = [health.begin() for _ in range(3)]
    for _ in range(3):
        health.fail(NOW)
    probe = health.begin()
    assert early == [0, 0, 0] and probe
    health.end(early[0])  # refused input, or a client that left
    assert health.is_open(NOW + 6)
    health.cool(NOW + 6, 1)
    health.end(early[1])
    assert health.is_open(NOW + 8)
    health.fail(NOW + 6)
    health.end(early[2])
    assert health.is_open(NOW + 12), "left alone anew, and the probe is not back"
    health.end(probe)
    assert not health.is_open(NOW + 12)


def test_a_probe_that_comes_late_does_not_stand_for_the_next_one() -> None:
    health = Health(RULES)
    for _ in range(3):
        health.fail(NOW)
    late = health.begin()
    health.succeed()  # of a request from before: it is back
    for _ in range(3):
        health.fail(NOW + 1)
    health.begin()
    health.end(late)
    assert health.is_open(NOW + 7)


def test_a_success_in_between_starts_the_count_anew() -> None:
    health = Health(RULES)
    for _ in range(10):
        health.fail(NOW)
        health.fail(NOW)
        health.succeed()
    assert not health.is_open(NOW)


def test_no_number_of_failures_opens_the_circuit_when_the_rule_is_off() -> None:
    health = Health(HealthRules(failures=0))
    for _ in range(100):
        health.fail(NOW)
    assert not health.is_open(NOW)


def test_cooling_is_bounded_and_never_shortened() -> None:
    health = Health(HealthRules(longest_cool_s=300.0))
    health.cool(NOW, 60)
    health.cool(NOW, 5)
    assert health.cool_until == NOW + 60
    health.cool(NOW, 1e9)
    assert health.cool_until == NOW + 300


# choice -----------------------------------------------------------------------------------------------------------


def test_a_single_choice_is_taken_whatever_its_record_unless_it_is_open() -> None:
    only = choice_of("a", rested(cool_until=NOW + 60))
    assert pick(route_of(only), only) == "a"
    assert pick(route_of(choice_of("a", rested(open_until=NOW + 1)))) is None


def test_weights_share_the_load() -> None:
    route = route_of(choice_of("a", weight=3), choice_of("b", weight=1))
    counted = Counter(pick(route) for _ in range(4000))
    assert 2700 < counted["a"] < 3300


def test_lower_tiers_come_first_and_cooling_ones_after_all_rested_ones() -> None:
    first, second = choice_of("first"), choice_of("second", tier=1)
    assert pick(route_of(second, first)) == "first"
    first.health.cool(NOW, 10)
    assert pick(route_of(second, first)) == "second"
    second.health.cool(NOW, 10)
    assert pick(route_of(second, first)) == "first", "all are cooling: the tier decides again"
    assert pick(route_of(second, first), now=NOW + 11) == "first"


def test_untried_ones_come_first_even_when_they_are_cooling() -> None:
    tried, cooling = choice_of("tried"), choice_of("cooling", rested(cool_until=NOW + 10))
    assert pick(route_of(tried, cooling), tried) == "cooling"


def test_open_ones_are_left_out_and_all_open_is_none() -> None:
    shut = choice_of("shut", rested(open_until=NOW + 3))
    assert {pick(route_of(shut, choice_of("b"))) for _ in range(20)} == {"b"}
    other = choice_of("other", rested(open_until=NOW + 2))
    route = route_of(shut, other)
    assert pick(route) is None
    assert route.opens_at() == NOW + 2


def test_least_busy_counts_what_is_under_way_by_weight() -> None:
    busy, heavy = choice_of("busy", rested(busy=2)), choice_of("heavy", rested(busy=3), weight=3)
    route = route_of(busy, heavy, strategy="least_busy")
    assert pick(route) == "heavy"
    heavy.health.busy = 9
    assert pick(route) == "busy"


def test_least_busy_does_not_always_take_the_first_of_equals() -> None:
    route = route_of(choice_of("a"), choice_of("b"), strategy="least_busy")
    assert {pick(route) for _ in range(100)} == {"a", "b"}


# execution --------------------------------------------------------------------------------------------------------


async def test_the_first_answer_that_holds_is_taken() -> None:
    house = House()
    answered = await house.send(house.choice("a", b"answer"))
    assert (answered.value, answered.attempts, house.asked) == (b"answer", 1, ["a"])
    assert (answered.choice.health.busy, house.ended) == (1, 0)
    house.executor.end(answered)
    assert (answered.choice.health.busy, house.ended) == (0, 1)


async def test_a_failure_is_tried_elsewhere_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portico.server.gateway.routing.executor.BACKOFF_S", 1000.0)  # more than the budget
    house = House()
    answered = await house.send(house.choice("a", error()), house.choice("b", b"b", tier=1))
    assert (answered.value, answered.attempts, house.asked) == (b"b", 2, ["a", "b"])


@pytest.mark.parametrize("kind", [ProviderAuth, ProviderRateLimit, ProviderOvercapacity, ProviderTimeout])
async def test_a_refused_key_or_a_limit_is_tried_elsewhere(kind: type[ProviderError]) -> None:
    house = House()
    answered = await house.send(house.choice("a", error(kind, 60.0)), house.choice("b", b"b", tier=1))
    assert (answered.attempts, house.asked) == (2, ["a", "b"])


async def test_the_callers_own_mistake_is_tried_nowhere() -> None:
    house = House()
    with pytest.raises(ProviderRefused) as caught:
        await house.send(house.choice("a", error(ProviderRefused)), house.choice("b", tier=1))
    assert (caught.value.attempts, house.asked) == (1, ["a"])


async def test_a_single_target_is_tried_again_after_a_pause() -> None:
    house = House(retries=2)
    began = time.monotonic()
    answered = await house.send(house.choice("a", error(), error(), b"at last"))
    assert (answered.attempts, house.asked) == (3, ["a", "a", "a"])
    assert time.monotonic() - began >= 0.1 + 0.2, "0.2 s and 0.4 s, each at least half"


async def test_the_number_of_tries_is_bounded() -> None:
    house = House(retries=1)
    with pytest.raises(ProviderUnknown) as caught:
        await house.send(house.choice("a", error()))
    assert (caught.value.attempts, house.asked) == (2, ["a", "a"])


async def test_every_target_gets_its_try_even_when_there_are_more_than_retries() -> None:
    house = House(retries=0)
    choices = [house.choice(name, error(), tier=tier) for tier, name in enumerate("abcd")]
    with pytest.raises(ProviderUnknown) as caught:
        await house.send(*choices)
    assert (caught.value.attempts, house.asked) == (4, list("abcd"))


async def test_a_wait_beyond_the_budget_is_told_instead_of_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    async def sleep(seconds: float) -> None:
        pytest.fail(f"waits {seconds} s")

    monkeypatch.setattr(asyncio, "sleep", sleep)
    house = House(budget_s=20.0)
    with pytest.raises(ProviderRateLimit) as caught:
        await house.send(house.choice("a", error(ProviderRateLimit, 30.0)))
    assert (caught.value.retry_after_s, caught.value.attempts) == (30.0, 1)


async def test_the_shortest_retry_after_of_all_is_told() -> None:
    house = House()
    with pytest.raises(ProviderRateLimit) as caught:
        await house.send(
            house.choice("a", error(ProviderRateLimit, 70.0)), house.choice("b", error(ProviderRateLimit, 90.0), tier=1)
        )
    assert (caught.value.retry_after_s, house.asked) == (70.0, ["a", "b"])


async def test_the_target_that_is_back_first_decides_how_long_to_wait() -> None:
    """The last one to fail may ask for a minute while the other one would answer in a moment."""
    house = House()
    soon = house.choice("soon", error(ProviderRateLimit, 0.2), b"back")
    late = house.choice("late", error(ProviderRateLimit, 90.0), tier=1)
    answered = await house.send(soon, late)
    assert (answered.value, house.asked) == (b"back", ["soon", "late", "soon"])


async def test_a_refused_key_does_not_end_the_tries_of_a_target_that_only_failed() -> None:
    house = House()
    failing = house.choice("failing", error(), b"back")
    refused = house.choice("refused", error(ProviderAuth), tier=1)
    answered = await house.send(failing, refused)
    assert (answered.value, house.asked) == (b"back", ["failing", "refused", "failing"])


async def test_refused_keys_alone_are_not_tried_twice() -> None:
    house = House()
    with pytest.raises(ProviderAuth):
        await house.send(house.choice("a", error(ProviderAuth)), house.choice("b", error(ProviderAuth), tier=1))
    assert house.asked == ["a", "b"]


async def test_a_refused_key_comes_after_the_others_for_a_while() -> None:
    house = House()
    bad, good = house.choice("bad", error(ProviderAuth)), house.choice("good", tier=1)
    await house.send(bad, good)
    await house.send(bad, good)
    assert house.asked == ["bad", "good", "good"]
    assert 0 < bad.health.cool_until - time.monotonic() <= REFUSED_S
    assert bad.health.failures == 0, "a key that is refused says nothing of the provider"


async def test_failures_in_a_row_open_the_circuit_and_the_error_says_when_to_come_back() -> None:
    house = House(retries=0)
    choice = house.choice("a", error(ProviderTimeout))
    choice.health = Health(HealthRules(failures=3, open_s=600.0))
    for _ in range(3):
        with pytest.raises(ProviderTimeout):
            await house.send(choice)
    with pytest.raises(ProviderOvercapacity) as caught:
        await house.send(choice)
    assert len(house.asked) == 3
    assert caught.value.attempts == 0
    assert 0 < (caught.value.retry_after_s or 0) <= 600


async def test_one_probe_closes_the_circuit() -> None:
    house = House(retries=0)
    choice = house.choice("a", b"back")
    choice.health.failures, choice.health.open_until = 3, time.monotonic() - 0.01
    answered = await house.send(choice)
    assert (answered.attempts, choice.health.failures, choice.health.open_until) == (1, 0, 0.0)


class Silent(House):
    """Targets whose script is empty take the request and keep silent; `late` ends their exchange, as a timer does."""

    def __init__(self, **more: Any) -> None:
        super().__init__()
        self.executor = Executor(cast(Any, self), retries=0, retry_budget_s=60.0, **more)
        self.replies: list[Reply] = []

    def maybe_send(self, endpoint: Endpoint, outgoing: Outgoing) -> Reply:
        if self.scripts[endpoint.base_url] != [b""]:
            return super().maybe_send(endpoint, outgoing)
        self.asked.append(endpoint.base_url)
        self.replies.append(Reply(True, time.monotonic() + 600, 0.0, 10**6))
        return self.replies[-1]

    async def late(self) -> float:
        """The exchange that waits is over; how long it would have been allowed to."""
        while not self.replies:
            await asyncio.sleep(0)
        reply = self.replies.pop()
        reply.time_out()
        return reply.deadline - time.monotonic()


class Ahead:
    """The monotonic clock, which can be put forward."""

    by = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.by


async def test_a_silent_target_is_left_for_another_one_beyond_the_budget_of_retries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Silence may have taken longer than all retries together may: the next target is tried all the same."""
    clock = Ahead()
    monkeypatch.setattr("portico.server.gateway.routing.executor.time", clock)
    house = Silent(first_byte_s=100.0)
    silent, other = house.choice("silent", b""), house.choice("other", b"here", tier=1)
    task = asyncio.create_task(house.send(silent, other))
    while not house.replies:
        await asyncio.sleep(0)
    clock.by = 100.0
    assert 50 < await house.late() <= 100
    answered = await task
    assert (answered.value, answered.attempts, house.asked) == (b"here", 2, ["silent", "other"])
    assert silent.health.failures == 1


async def test_the_last_target_may_be_silent_as_long_as_a_request_may_take() -> None:
    house = Silent(first_byte_s=100.0)
    for choices in ([house.choice("only", b"")], [house.choice("a", error()), house.choice("last", b"", tier=1)]):
        task = asyncio.create_task(house.send(*choices))
        assert await house.late() > 500, "nobody else could answer"
        with pytest.raises(ProviderTimeout):
            await task


async def test_what_cannot_be_begun_twice_is_waited_for() -> None:
    class Film(Plain):
        repeatable = False

    house = Silent(first_byte_s=100.0)
    route = route_of(house.choice("silent", b""), house.choice("other", tier=1))
    task = asyncio.create_task(run(house.executor.send(route, Film())))
    assert await house.late() > 500
    with pytest.raises(ProviderTimeout):
        await task
    assert house.asked == ["silent"]


@pytest.mark.parametrize("gap_s", [0.0, 7.0], ids=["whole", "streamed"])
def test_a_head_that_comes_in_time_gives_back_the_time_for_the_rest(gap_s: float) -> None:
    now = time.monotonic()
    reply = Reply(not gap_s, now + 600, gap_s, 10**6)
    reply.expect_head(now + 100)
    assert reply.deadline == now + 100
    reply._on_head(200, {})
    expected = now + (gap_s or 600)
    assert expected <= reply.deadline < expected + 60
    reply.expect_head(now + 100)
    assert reply.deadline >= expected, "it has begun"


async def test_nothing_is_left_busy_or_open_after_errors() -> None:
    house = House(retries=1)
    first, second = house.choice("a", error(ProviderTimeout)), house.choice("b", error(ProviderRefused), tier=1)
    with pytest.raises(ProviderRefused):
        await house.send(first, second)
    assert (first.health.busy, second.health.busy, house.ended) == (0, 0, 2)


async def test_an_unreadable_answer_is_not_asked_for_twice() -> None:
    """It was made, and will be billed."""

    class Garbled(Plain):
        def read(self, choice: Choice, body: bytes, reply: Reply) -> bytes:
            raise ProviderUnknown("no answer that we know")

    house = House()
    route = route_of(house.choice("a"), house.choice("b"))
    with pytest.raises(ProviderUnknown):
        await run(house.executor.send(route, Garbled()))
    assert len(house.asked) == 1


async def test_a_caller_who_leaves_while_we_wait_to_try_again_ends_it() -> None:
    house = House(retries=5)
    choice = house.choice("a", error(ProviderRateLimit, 30.0))
    task = asyncio.create_task(house.send(choice))
    while not house.asked:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (house.asked, choice.health.busy) == (["a"], 0)
