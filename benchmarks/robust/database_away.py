"""PostgreSQL goes away under load and comes back: no failed request for known tokens, no usage lost."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.gateway import set_limits
from benchmarks.machine import Service
from benchmarks.robust.figures import Figure, exactly, told
from benchmarks.robust.house import Answer, House, Load, open_house

CALLERS = 8


def measure(folder: Path, quick: bool) -> list[Figure]:
    away_s = 4.0 if quick else 60.0
    return [figure for limited in (False, True) for figure in measure_both(folder, away_s, limited=limited)]


def measure_both(folder: Path, away_s: float, *, limited: bool) -> list[Figure]:
    """It is halted, so that connections hang; then stopped, so that they are refused."""
    figures = []
    with open_house(folder / ("limited" if limited else "free")) as house:
        if limited:
            set_limits(house.base, house.data)
        more = ", with a limit and a rate" if limited else ""
        for name, away, back in (
            ("halted (SIGSTOP)", Service.halt, Service.go_on),
            ("stopped and started", _shut_down, _start),
        ):
            case = f"PostgreSQL {name}, {away_s:g} s{more}"
            figures += asyncio.run(_measure(house, case, away_s, away, back))
    return figures


async def _measure(
    house: House, case: str, away_s: float, away: Callable[[Service], None], back: Callable[[Service], None]
) -> list[Figure]:
    load = Load(house, CALLERS).start()
    await asyncio.sleep(1.5)
    before = len(load.answers)
    await asyncio.to_thread(away, house.database)
    await asyncio.sleep(away_s)
    meanwhile = load.answers[before:]
    await asyncio.to_thread(back, house.database)
    await asyncio.sleep(1.5)
    await load.stop()
    return await asyncio.to_thread(_judge, house, case, load, meanwhile)


def _judge(house: House, case: str, load: Load, meanwhile: list[Answer]) -> list[Figure]:
    wanted = {answer.request_id for answer in load.answers if answer.good}
    began = time.monotonic()
    counts = house.wait_for_usage(wanted)
    figures = [
        told(case, "requests answered meanwhile", len(meanwhile)),
        exactly(case, "failed requests", len(load.failed), 0),
        told(case, "slowest answer meanwhile, ms", f"{max((a.seconds for a in meanwhile), default=0) * 1000:.0f}"),
        exactly(case, "usage lines lost", len(wanted - counts.keys()), 0),
        exactly(case, "usage lines counted twice", sum(counts.get(one, 0) > 1 for one in wanted), 0),
        told(case, "usage complete after, s", f"{time.monotonic() - began:.1f}"),
    ]
    if load.failed:
        first = load.failed[0]
        figures.append(told(case, "first failure", f"{first.status} {first.body[-160:]!r}"))
    return figures


def _shut_down(service: Service) -> None:
    """A fast shutdown, as of a service that is maintained."""
    assert service.process is not None
    service.process.send_signal(signal.SIGINT)
    service.process.wait(60)


def _start(service: Service) -> None:
    service.__enter__()
