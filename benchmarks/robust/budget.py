"""Parallel calls against a hard limit, four workers: the budget is never overspent, and what fits into it is served."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from benchmarks.gateway import set_limits, used_amount
from benchmarks.robust.figures import Figure, at_most, exactly, told
from benchmarks.robust.house import Answer, Caller, House, open_house
from benchmarks.robust.provider import ANSWER_TOKENS

WORKERS, CALLS = 4, 200
COST_PICOUSD = ANSWER_TOKENS[0] * 2_500_000 + ANSWER_TOKENS[1] * 10_000_000
FITTING = 100
LIMIT_PICOUSD = FITTING * COST_PICOUSD
WORST_PICOUSD = 50 * 10_000_000 + 100 * 2_500_000
"""More than any of these calls can cost: 50 tokens of answer, less than 100 of prompt."""
_KNOWN_S = 2.0
"""Within this, every worker knows a limit that was just set."""
_REPORTED_S = 0.6


def measure(folder: Path, quick: bool) -> list[Figure]:
    """200 calls at once, then one after the other until nothing fits any more; `quick` makes no difference."""
    with open_house(folder, PORTICO_WORKERS=str(WORKERS)) as house:
        set_limits(house.base, house.data, LIMIT_PICOUSD / 10**12, per_minute=0)
        time.sleep(_KNOWN_S)
        parallel, later = asyncio.run(_spend(house))
        return _judge(house, parallel, later)


async def _spend(house: House) -> tuple[list[Answer], list[Answer]]:
    token = house.token

    async def one(number: int) -> Answer:
        async with Caller(house, token) as caller:
            return await caller.ask("slow", stream=number % 4 == 0)

    parallel = list(await asyncio.gather(*map(one, range(CALLS))))
    later: list[Answer] = []
    refusals = 0
    while refusals < 2 * WORKERS and len(later) < CALLS:  # each call on a connection of its own: any worker may get it
        later.append(await one(1))
        refusals = refusals + 1 if later[-1].status == 429 else 0
        if refusals:  # what other workers have just settled is free again at their next report
            await asyncio.sleep(_REPORTED_S)
    return parallel, later


def _judge(house: House, parallel: list[Answer], later: list[Answer]) -> list[Figure]:
    answers = [*parallel, *later]
    good = [answer for answer in answers if answer.good]
    house.wait_for_usage({answer.request_id for answer in good})
    spent = sum(line["cost_picousd"] for line in house.usage())
    deadline = time.monotonic() + _KNOWN_S  # what a limit shows is at most a second old
    while (used := round(used_amount(house.base, house.data) * 10**12)) != spent and time.monotonic() < deadline:
        time.sleep(0.1)
    least = (LIMIT_PICOUSD - WORST_PICOUSD) // COST_PICOUSD
    case = f"{CALLS} calls at once against a hard limit, {WORKERS} workers"
    return [
        exactly(case, "statuses", sorted({answer.status for answer in answers}), [200, 429]),
        told(case, "served of the parallel calls", sum(answer.good for answer in parallel)),
        Figure(case, "served in all", str(len(good)), f"{least} to {FITTING}", least <= len(good) <= FITTING),
        at_most(case, "cost in the usage lines, 1e-12 USD", spent, LIMIT_PICOUSD, "{:.0f}"),
        exactly(case, "cost of the served calls", len(good) * COST_PICOUSD, spent),
        exactly(case, "what the limit says is used", used, spent),
        exactly(case, "calls that the provider saw", house.provider.asked["slow"], len(good)),
    ]
