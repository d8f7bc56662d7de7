"""Paced streams: a thousand at once through one core, and what a few of them wait for first and further deltas.

The first gives the gaps that a caller sees and the memory of one stream, the second what a gateway adds to each delta.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from benchmarks.machine import LOAD_CORE, BenchmarkError, Patience, Peak, Watch, pinned
from benchmarks.paced_mock import DELTAS, GAP_MS
from benchmarks.peers import Target, request_body, request_headers

STREAMS, FEW = 1024, 32


@dataclass(frozen=True)
class Plan:
    """How many streams at once, how often each connection asks for one, in how many rounds."""

    rounds: int
    repeats: int
    streams: int = STREAMS
    kind: str = "stream"

    @property
    def seconds(self) -> float:
        """How long a run takes without a gateway."""
        return (self.repeats + 1) * DELTAS * GAP_MS / 1000


def measure(targets: Sequence[Target], plan: Plan, watch: Watch, patience: Patience) -> list[dict[str, Any]]:
    """One sample per round and target. Of a gateway that fails under the load there is one with `failed_with`."""
    before = {target.name: target.service.memory_bytes() for target in targets}
    samples: list[dict[str, Any]] = []
    for number in range(plan.rounds):
        for target in targets:
            if plan.kind not in target.models:
                continue
            sample = {"target": target.name, "round": number, "at_once": plan.streams}
            patience.wait()
            used_s = target.service.cpu_s()
            try:
                with watch as seen, target.awake():
                    found, peak_bytes = run(target, plan)
            except BenchmarkError as error:
                if not target.sleeps:
                    raise
                print(f"  {error}")
                samples.append({**sample, "failed_with": str(error)[:300]})
                continue
            used_s = target.service.cpu_s() - used_s
            samples.append({
                **sample, **found,
                "bytes_per_stream": round(max(0, peak_bytes - before[target.name]) / plan.streams),
                "cpu_us_per_frame": round(used_s * 1e6 / found["frames"], 1), "foreign": seen.foreign,
            })  # fmt: skip
            _say(samples[-1], plan.rounds)
    return samples


def _say(sample: dict[str, Any], rounds: int) -> None:
    gap, first, age = sample["gap_ms"], sample["first_frame_ms"], sample["age_ms"]
    waits = f"  a delta p50 {age['p50']:6.3f} ms  p99 {age['p99']:6.3f} ms" if age else ""
    print(
        f"  round {sample['round'] + 1}/{rounds}  {sample['at_once']} streams  {sample['target']:46}"
        f"gap p50 {gap['p50']:6.2f} ms  p99 {gap['p99']:6.2f} ms  first frame p99 {first['p99']:7.2f} ms{waits}"
        f"  cpu {sample['cpu_us_per_frame']:5.1f} us a frame  {sample['bytes_per_stream'] / 1024:5.1f} KiB a stream"
        f"  (others used {sample['foreign']:.0%})"
    )


def run(target: Target, plan: Plan) -> tuple[dict[str, Any], int]:
    """The figures of the load generator, and the highest resident memory of the target meanwhile."""
    order = json.dumps(_order(target, plan))
    load = subprocess.Popen(
        pinned(LOAD_CORE, [sys.executable, "-m", "benchmarks.stream_load"]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    peak = Peak(target.service)
    try:
        with peak:
            out, errors = load.communicate(order, timeout=plan.seconds + 90)
    finally:
        load.kill()
    if load.returncode != 0:
        raise BenchmarkError(f"the load generator failed on {target.name}: {errors[-1_000:]}")
    found = json.loads(out)
    if found["failed"] or not found["gap_ms"]:
        raise BenchmarkError(f"{target.name}: {found['failed']} streams failed: {found['first_error']}")
    return found, peak.bytes


def _order(target: Target, plan: Plan) -> dict[str, object]:
    url = urlsplit(target.path(plan.kind))
    body = request_body(target, plan.kind).decode()
    headers = {"Host": url.netloc, **request_headers(target, plan.kind), "Content-Length": str(len(body))}
    lines = [f"POST {url.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return {
        "host": url.hostname,
        "port": url.port,
        "request": "\r\n".join([*lines, "", body]),
        "streams": plan.streams,
        "repeats": plan.repeats,
        "deltas": DELTAS,
        "stamped": plan.kind == "stamp",
        "longest_s": plan.seconds + 55,
        "spread_s": DELTAS * GAP_MS / 1000,
    }
