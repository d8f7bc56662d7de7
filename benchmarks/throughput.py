"""Requests per second and latency by wrk, all targets in turn in every round, so that noise meets them alike."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.machine import LOAD_CORE, BenchmarkError, Patience, Watch, find_program, pinned
from benchmarks.peers import Target, request_body, request_headers

CONNECTIONS = 32
_TIMEOUT_S = 20
_LEAST_S = 4
"""For gateways that answer some ten requests a second."""
"""LiteLLM lets 32 connections wait longer than the two seconds after which wrk gives up by itself."""
_SCRIPT = """
wrk.method = "POST"
wrk.body = {body}
{headers}
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\n{{"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,"refused":%d,"broken":%d}}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.status, e.connect + e.read + e.write + e.timeout))
end
"""


TOO_NOISY = 0.05
"""Share of the two cores used by others above which a run is made again, as long as tries are left."""


@dataclass(frozen=True)
class Sample:
    """One run of wrk. `cpu_us`: the target's processor time per request; `foreign`: what others used of both cores."""

    target: str
    kind: str
    connections: int
    round: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    foreign: float


@dataclass
class Plan:
    """How often and how long. All runs share `spare_tries` and `patience`, so that the whole stays bounded in time."""

    rounds: int
    seconds: int
    spare_tries: int
    patience: Patience


def measure(
    targets: Sequence[Target], kinds: Sequence[str], connections: int, plan: Plan, folder: Path
) -> list[dict[str, object]]:
    watch = Watch(folder)
    samples: list[Sample] = []
    for number in range(plan.rounds):
        for kind in kinds:
            for target in targets:
                if kind in target.models:
                    samples += _try_run(target, kind, connections, number, plan, folder, watch)
    return [asdict(sample) for sample in samples]


def _try_run(
    target: Target, kind: str, connections: int, number: int, plan: Plan, folder: Path, watch: Watch
) -> list[Sample]:
    """One sample; none of another gateway that fails under the load."""
    try:
        with target.awake():
            sample = _quiet_run(target, kind, connections, number, plan, folder, watch)
    except BenchmarkError as error:
        if not target.sleeps:
            raise
        print(f"  {error}")
        return []
    _say(sample, plan)
    return [sample]


def _say(sample: Sample, plan: Plan) -> None:
    print(
        f"  round {sample.round + 1}/{plan.rounds}  {sample.kind:10}  {sample.connections:2} connections  "
        f"{sample.target:46}{sample.requests_per_s:9,.0f}/s  p50 {sample.p50_ms:6.3f} ms  p99 {sample.p99_ms:6.2f} ms"
        f"  cpu {sample.cpu_us:6.1f} us  (others used {sample.foreign:.0%})"
    )


def _quiet_run(
    target: Target, kind: str, connections: int, number: int, plan: Plan, folder: Path, watch: Watch
) -> Sample:
    while True:
        plan.patience.wait()
        used_s = target.service.cpu_s()
        with watch:
            seconds = max(plan.seconds, _LEAST_S) if target.sleeps else plan.seconds
            found = _run_wrk(target, kind, connections, seconds, folder)
        used_s = target.service.cpu_s() - used_s
        if watch.foreign <= TOO_NOISY or plan.spare_tries <= 0:
            break
        plan.spare_tries -= 1
    rate = found["requests"] / found["duration_us"] * 1e6
    p50_ms, p99_ms = found["p50_us"] / 1e3, found["p99_us"] / 1e3
    cpu_us = round(used_s / found["requests"] * 1e6, 2)
    return Sample(target.name, kind, connections, number, rate, p50_ms, p99_ms, cpu_us, watch.foreign)


def _run_wrk(target: Target, kind: str, connections: int, seconds: int, folder: Path) -> dict[str, int]:
    script = folder / "request.lua"
    headers = "\n".join(
        f"wrk.headers[{json.dumps(k)}] = {json.dumps(v)}" for k, v in request_headers(target, kind).items()
    )
    script.write_text(_SCRIPT.format(body=json.dumps(request_body(target, kind).decode()), headers=headers))
    options = ["-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", f"{_TIMEOUT_S}s"]
    argv = [find_program("wrk", "wrk"), *options, "-s", str(script)]
    command = pinned(LOAD_CORE, [*argv, target.path(kind)])
    out = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 2 * _TIMEOUT_S, check=False)
    if out.returncode != 0 or not out.stdout.rstrip().endswith("}"):
        raise BenchmarkError(f"wrk failed on {target.name}: {out.stdout[-500:]} {out.stderr[-500:]}")
    found: dict[str, int] = json.loads(out.stdout.rstrip().rpartition("\n")[2])
    if found["refused"] or found["broken"]:
        raise BenchmarkError(f"{target.name}: {found['refused']} answers were refusals, {found['broken']} broke off")
    if not found["requests"]:
        raise BenchmarkError(f"{target.name} answered nothing within {seconds} s")
    return found
