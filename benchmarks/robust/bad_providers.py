"""Providers that trickle, stall, flood or talk nonsense: a good answer or a clear error, in time, in bounded memory."""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks.machine import Peak
from benchmarks.robust.figures import Figure, at_most
from benchmarks.robust.house import Answer, Caller, House, open_house

MB = 1_000_000
GAP_TIMEOUT_S, REQUEST_TIMEOUT_S = 4.0, 8.0
LONGEST_S = 12.0
GROWTH_MB = {"large": 300, "bottomless": 150}
"""Where an answer is large, all of it may be held for a moment; a frame may be 64 MB, then it is refused."""
LEAST_GROWTH_MB = 30
GOOD = {"trickle", "large"}
_FOREIGN = (b"<html", b"Traceback", b"\xff", b"127.0.0.1")


def measure(folder: Path, quick: bool) -> list[Figure]:
    """Each way streamed and whole; `quick` makes no difference."""
    with open_house(
        folder, PORTICO_GAP_TIMEOUT_S=str(GAP_TIMEOUT_S), PORTICO_REQUEST_TIMEOUT_S=str(REQUEST_TIMEOUT_S),
        PORTICO_RETRIES="0", PORTICO_BREAKER_FAILURES="0", PORTICO_KEEP_ALIVE_S="0.5",
    ) as house:  # fmt: skip
        return asyncio.run(_measure(house))


async def _measure(house: House) -> list[Figure]:
    async with Caller(house, house.token) as caller:
        figures = [await _healthy(caller, "before")]
        for way in ("trickle", "stall", "large", "bottomless", "garbage", "nonsense", "html", "politehtml"):
            for stream in (True, False):
                if way == "bottomless" and not stream:
                    continue
                before = house.service.memory_bytes()
                with Peak(house.service, 0.02) as peak:
                    answer = await caller.ask(way, stream=stream, keep=way != "large" or not stream)
                case = f"provider: {way}, {'stream' if stream else 'plain'}"
                figures += _judge(case, way, answer, (peak.bytes - before) / MB)
        figures.append(await _healthy(caller, "afterwards"))
    return figures


async def _healthy(caller: Caller, when: str) -> Figure:
    answer = await caller.ask("good")
    return Figure("provider: good", when, _shown(answer, str(answer.error().get("message", ""))), "200", answer.good)


def _judge(case: str, way: str, answer: Answer, growth_mb: float) -> list[Figure]:
    error = answer.error()
    message = str(error.get("message", ""))
    if way in GOOD:
        outcome = Figure(case, "answer", _shown(answer, message), "a good answer", answer.good)
    else:
        clean = not any(mark in answer.body for mark in _FOREIGN)
        clear = bool(message) and not answer.good and not answer.broken and clean
        outcome = Figure(case, "answer", _shown(answer, message), "a clear error", clear)
    return [
        outcome,
        at_most(case, "seconds", answer.seconds, LONGEST_S, "{:.2f}"),
        at_most(case, "memory grown, MB", growth_mb, GROWTH_MB.get(way, LEAST_GROWTH_MB), "{:.0f}"),
    ]


def _shown(answer: Answer, message: str) -> str:
    broken = ", broken off" if answer.broken else ""
    return f"{answer.status}{broken} {message[:90]}".strip()
