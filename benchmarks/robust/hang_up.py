"""The caller hangs up: how soon the provider is left, and what is metered."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from statistics import median

from benchmarks.robust.figures import Figure, at_most, exactly
from benchmarks.robust.house import Caller, House, open_house

AIM_MS = 100.0


def measure(folder: Path, quick: bool) -> list[Figure]:
    times = 10 if quick else 100
    with open_house(folder) as house:
        figures = []
        for stream in (True, False):
            case = f"the caller hangs up, {'stream' if stream else 'plain answer'}"
            delays_ms = asyncio.run(_hang_up(house, times, stream))
            figures += [
                at_most(case, f"provider left, median of {times}, ms", median(delays_ms), AIM_MS, "{:.1f}"),
                at_most(case, "provider left, longest, ms", max(delays_ms), AIM_MS, "{:.1f}"),
            ]
        return figures + _metered(house, times)


async def _hang_up(house: House, times: int, stream: bool) -> list[float]:
    delays_ms = []
    for _ in range(times):
        asked, left = house.provider.asked["endless"], len(house.provider.left)
        caller = Caller(house, house.token)
        reader = await caller.begin("endless", stream=stream)
        if stream:
            await reader.readuntil(b"word")
        async with asyncio.timeout(60):
            while house.provider.asked["endless"] == asked:
                await asyncio.sleep(0.001)
        gone = time.perf_counter()
        caller.hang_up()
        async with asyncio.timeout(60):
            while len(house.provider.left) == left:
                await asyncio.sleep(0.001)
        delays_ms.append((house.provider.left[-1] - gone) * 1000)
    return delays_ms


def _metered(house: House, times: int) -> list[Figure]:
    deadline = time.monotonic() + 60
    while len(lines := house.usage()) < 2 * times and time.monotonic() < deadline:
        time.sleep(0.1)
    streams = [line for line in lines if line["stream"]]
    partial = [line for line in streams if line["estimated"] and line["output_visible"] and line["cost_picousd"]]
    case = "the caller hangs up, usage"
    return [
        exactly(case, "lines, one for each request", len(lines), 2 * times),
        exactly(case, "lines that say cancelled", sum(line["status"] == "cancelled" for line in lines), 2 * times),
        exactly(case, "streams billed for what came, marked estimated", len(partial), times),
    ]
