"""Where the time of a request goes: py-spy looks at the gateway under load, its samples are added up by file."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.installs import py_spy_program
from benchmarks.machine import LOAD_CORE, BenchmarkError, Patience, pinned
from benchmarks.peers import Target
from benchmarks.throughput import CONNECTIONS, Plan, measure

_RATE = 400
"""Samples per second. py-spy does not stop the process, and some samples are spoilt by that; they are left out."""


def profile(target: Target, kind: str, seconds: int, folder: Path) -> dict[str, Any]:
    """Microseconds per request, by room of the house and by function; the sum is the processor time of one request.

    Time in C (sockets, JSON, HMAC) stands at the Python function that called it.
    """
    out = folder / f"profile-{kind}.txt"
    process = target.service.process
    assert process is not None
    options = ["record", "--nonblocking", "--format", "raw", "--rate", str(_RATE), "--duration", str(seconds)]
    command: list[str | Path] = [py_spy_program(), *options, "--output", out, "--pid", str(process.pid)]
    spy = subprocess.Popen(pinned(LOAD_CORE, command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        plan = Plan(1, seconds, 0, Patience(0.0))
        sample = measure([target], [kind], CONNECTIONS, plan, folder)[0]
        said, _ = spy.communicate(timeout=60)
    finally:
        spy.kill()
    if not out.exists():
        raise BenchmarkError(f"py-spy saw nothing: {said[-400:]}")
    cpu_us = float(str(sample["cpu_us"]))
    places = _places(out.read_text(errors="replace"))
    total = sum(places.values()) or 1
    rows = [[name, round(count / total * cpu_us, 2)] for name, count in places.most_common()]
    rooms: Counter[str] = Counter()
    for name, count in places.items():
        rooms[_room(name)] += count
    by_room = {name: round(count / total * cpu_us, 2) for name, count in rooms.most_common()}
    return {"kind": kind, "cpu_us": cpu_us, "samples": total, "us_by_room": by_room, "us_by_function": rows}


def _places(raw: str) -> Counter[str]:
    """How often each function was the innermost Python frame. Lines: `outer (file:1);inner (file:2) 17`.

    A spoilt sample may hold anything in place of a name, line breaks too: such lines are left out.
    """
    found: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [frame for frame in stack.split(";") if not frame.startswith(("process ", "thread "))]
        if frames and count.isdecimal():
            found[_name(frames[-1])] += int(count)
    return found


def _name(frame: str) -> str:
    """`edge/fast_exchange.py respond`, or `uvloop` for the loop's own work: select, sockets, callbacks."""
    function, _, place = frame.partition(" (")
    file = place.rpartition(":")[0]
    _, found, ours = file.partition("portico/server/")
    if found:
        return f"{ours} {function}"
    if "asyncio/runners" in file or "uvloop" in file:
        return "uvloop: select, sockets"
    return f"{'/'.join(file.split('/')[-2:])} {function}"


ROOMS = {
    "uvloop": "the event loop: select, reading sockets",
    "edge": "the door: reading the request, guard, writing the answer",
    "access": "who calls",
    "catalog": "which model",
    "gateway/limits": "limits and rates",
    "gateway": "the switchboard: route, attempts, metering",
    "providers": "translation, and the connection to the provider",
    "wire": "shapes and event streams",
    "kit": "the driver of coroutines, request ids",
    "storage": "the journal of usage",
    "telemetry": "metrics",
    "": "everything else: uvicorn, the standard library",
}
"""Rooms of the server, by the beginning of a file's name; the longest one that fits counts."""


def _room(place: str) -> str:
    fitting = [room for room in ROOMS if place.startswith(room)]
    return ROOMS[max(fitting, key=len)]
