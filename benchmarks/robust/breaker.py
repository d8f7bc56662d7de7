"""A provider that fails, or asks for a pause, under load: it is left alone, others answer, and it is found again."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from benchmarks.robust.figures import Figure, at_most, exactly, told
from benchmarks.robust.house import House, Load, open_house

FAILURES, OPEN_S, CALLERS = 5, 1.0, 8
RETRY_AFTER_S = 2.0


def measure(folder: Path, quick: bool) -> list[Figure]:
    load_s = 3.0 if quick else 10.0
    settings = {
        "PORTICO_BREAKER_FAILURES": str(FAILURES), "PORTICO_BREAKER_OPEN_S": str(OPEN_S), "PORTICO_RETRIES": "0",
    }  # fmt: skip
    with open_house(folder, {"limited": "good"}, **settings) as house:
        return asyncio.run(_open(house, load_s)) + asyncio.run(_cool(house, load_s))


async def _open(house: House, load_s: float) -> list[Figure]:
    """No other provider answers: the circuit opens, refuses at once, and closes when the provider is back."""
    load, started = Load(house, CALLERS, "failing").start(), time.monotonic()
    await asyncio.sleep(load_s)
    passed_s = time.monotonic() - started  # on a busy machine it is more
    asked, answers = house.provider.asked["failing"], list(load.answers)
    house.provider.detours["failing"] = "good"
    began = time.monotonic()
    async with asyncio.timeout(60):
        while not any(answer.good for answer in load.answers[len(answers) :]):
            await asyncio.sleep(0.01)
    back_s = time.monotonic() - began
    settled = await load.settled()
    await asyncio.sleep(1.0)
    await load.stop()
    refused = [answer for answer in answers if answer.status == 503]
    case = f"circuit breaker, {CALLERS} callers, {load_s:g} s"
    return [
        told(case, "requests", len(answers)),
        at_most(case, "requests that the failing provider saw", asked, FAILURES + CALLERS + passed_s / OPEN_S + 1),
        exactly(case, "refusals without Retry-After", sum("retry-after" not in one.headers for one in refused), 0),
        told(case, "refusal, longest, ms", f"{max((one.seconds for one in refused), default=0) * 1000:.0f}"),
        at_most(case, "back after the provider is, s", back_s, OPEN_S + 0.5, "{:.2f}"),
        exactly(case, "failures after that", sum(not answer.good for answer in load.answers[settled:]), 0),
    ]


async def _cool(house: House, load_s: float) -> list[Figure]:
    """It answers 429 with Retry-After: meanwhile the fallback answers everything."""
    load, started = Load(house, CALLERS, "limited").start(), time.monotonic()
    await asyncio.sleep(load_s)
    passed_s = time.monotonic() - started
    asked = house.provider.asked["limited"]
    await load.stop()
    case = f"cool-down by Retry-After {RETRY_AFTER_S:g}, {CALLERS} callers, {load_s:g} s"
    most = CALLERS * (1 + passed_s / RETRY_AFTER_S)
    return [
        told(case, "requests", len(load.answers)),
        exactly(case, "failed", len(load.failed), 0),
        at_most(case, "requests that the limited provider saw", asked, most),
    ]
