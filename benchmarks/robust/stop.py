"""A stop under load: open streams end well within the grace, with a clear error beyond it; all of them are metered."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

from benchmarks.robust.figures import Figure, at_most, exactly, told
from benchmarks.robust.house import Answer, Caller, House, open_house

STREAM_S = 3.0
"""How long a stream of the way `long` takes."""


def measure(folder: Path, quick: bool) -> list[Figure]:
    streams = 50 if quick else 300
    figures = []
    for grace_s in (15.0, 1.0):
        case = f"SIGTERM with {streams} open streams, {grace_s:g} s of grace"
        with open_house(folder / f"grace-{grace_s:g}", PORTICO_SHUTDOWN_GRACE_S=str(grace_s)) as house:
            figures += _judge(house, case, grace_s, *asyncio.run(_stop(house, streams)))
    return figures


async def _stop(house: House, streams: int) -> tuple[list[Answer], float, int]:
    """The answers, seconds from the signal to the end, and the exit code."""
    process, token = house.service.process, house.token
    assert process is not None

    async def one() -> Answer:
        async with Caller(house, token) as caller:
            return await caller.ask("long", stream=True)

    tasks = [asyncio.create_task(one()) for _ in range(streams)]
    async with asyncio.timeout(60):
        while house.provider.asked["long"] < streams:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    answers = await asyncio.gather(*tasks)
    code = await asyncio.to_thread(process.wait, 60)
    return answers, time.monotonic() - began, code


def _judge(house: House, case: str, grace_s: float, answers: list[Answer], took_s: float, code: int) -> list[Figure]:
    good = sum(answer.good for answer in answers)
    told_so = sum(str(answer.error().get("message", "")).startswith("The server is stopping") for answer in answers)
    lines = {line["request_id"] for line in house.usage()}
    ids = {answer.request_id for answer in answers}
    enough = grace_s > STREAM_S
    return [
        exactly(case, "streams to their end", good, len(answers))
        if enough
        else told(case, "streams to their end", good),
        exactly(case, "streams that end with the error event", told_so, 0 if enough else len(answers) - good),
        at_most(case, "seconds from the signal to the end", took_s, grace_s + 5, "{:.1f}"),
        exactly(case, "exit code", code, 0),
        exactly(case, "streams without a usage line", len(ids - lines), 0),
    ]
