"""Memory of Portico: of each worker when nothing happens, and whether it grows under load that lasts."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.gateway import portico_serve, postgres
from benchmarks.machine import GATEWAY_CORE, LOAD_CORE, find_program, pinned, proportional_bytes, resident_bytes
from benchmarks.peers import Target, request_body, request_headers
from benchmarks.streams import Plan, run

WORKERS = 2
_SETTLE_S = 3.0
_WARM_UP = 0.3
"""Share of the soak that is left out: caches, pools and the allocator fill in it."""
_STREAMS = 32
_SCRIPT = """
wrk.method = "POST"
wrk.body = {body}
{headers}
delay = function() return 10 end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\n{{"requests":%d,"failed":%d}}\\n', summary.requests,
    e.status + e.connect + e.read + e.write + e.timeout))
end
"""


def measure_idle(folder: Path, python: str) -> dict[str, Any]:
    """Resident and proportional bytes of each of two workers, after their start, without local models."""
    variables = {
        "PORTICO_WORKERS": str(WORKERS), "PORTICO_LOCAL_MODELS": "false", "PORTICO_STARTER_PULL": "off",
        "PORTICO_METRICS": "open",
    }  # fmt: skip
    with postgres(folder / "pg-idle") as url:
        variables["PORTICO_DATABASE_URL"] = url
        log = folder / "idle.log"
        with portico_serve(folder / "idle", log, GATEWAY_CORE, variables, python) as service:
            time.sleep(_SETTLE_S)
            before_s, began = service.cpu_s(), time.monotonic()
            time.sleep(_SETTLE_S)
            busy = (service.cpu_s() - before_s) / (time.monotonic() - began)
            workers = workers_of(service.pids())
            return {
                "resident_bytes": [resident_bytes(pid) for pid in workers],
                "proportional_bytes": [proportional_bytes(pid) for pid in workers],
                "parent_bytes": resident_bytes(service.pids()[0]),
                "cpu_share": round(busy, 4),
            }


def workers_of(pids: Sequence[int]) -> list[int]:
    """The server processes among a server and its children: those that `multiprocessing` spawned."""
    found = []
    for pid in pids:
        with suppress(OSError):  # ended meanwhile
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found or [pids[0]]


def soak(target: Target, seconds: float, folder: Path) -> dict[str, Any]:
    """Plain requests, 32 connections with a little rest between them, and 32 paced streams, for so long.

    `growth_bytes_per_10_min` is the slope of a straight line through the memory after the first 30 %.
    """
    points: list[tuple[float, int]] = []
    ended = threading.Event()
    began = time.monotonic()

    def look() -> None:
        while not ended.wait(1.0):
            points.append((time.monotonic() - began, target.service.memory_bytes()))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    load = _start_wrk(target, seconds, folder)
    try:
        plan = Plan(1, 1, _STREAMS, "stamp")
        repeats = max(1, int((seconds - plan.seconds / 2) / (plan.seconds / 2)))
        streamed, _ = run(target, Plan(1, repeats, _STREAMS, "stamp"))
        out, _ = load.communicate(timeout=seconds + 60)
    finally:
        load.kill()
        ended.set()
        watcher.join()
    plain = json.loads(out.rstrip().rpartition("\n")[2])
    kept = [point for point in points if point[0] >= seconds * _WARM_UP]
    return {
        "seconds": round(time.monotonic() - began, 1),
        "requests": plain["requests"],
        "failed": plain["failed"] + streamed["failed"],
        "streams": streamed["streams"],
        "start_bytes": points[0][1],
        "after_warm_up_bytes": kept[0][1],
        "end_bytes": points[-1][1],
        "growth_bytes_per_10_min": round(_slope(kept) * 600),
        "points": [[round(at, 1), size] for at, size in points[:: max(1, len(points) // 120)]],
    }


def _start_wrk(target: Target, seconds: float, folder: Path) -> subprocess.Popen[str]:
    script = folder / "soak.lua"
    sent = request_headers(target, "short").items()
    headers = "\n".join(f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in sent)
    script.write_text(_SCRIPT.format(body=json.dumps(request_body(target, "short").decode()), headers=headers))
    options = ["-t", "1", "-c", "32", "-d", f"{int(seconds)}s", "--timeout", "20s", "-s", str(script)]
    command = pinned(LOAD_CORE, [find_program("wrk", "wrk"), *options, target.path("short")])
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _slope(points: Sequence[tuple[float, int]]) -> float:
    """Least squares, bytes per second."""
    if len(points) < 2:
        return 0.0
    at = sum(x for x, _ in points) / len(points)
    size = sum(y for _, y in points) / len(points)
    return sum((x - at) * (y - size) for x, y in points) / sum((x - at) ** 2 for x, _ in points)
