"""Requests per second and latency by wrk, all targets in turn in every round, so that noise meets them alike."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.machine import LOAD_CORE, BenchmarkError, find_program, pinned, wait_for_quiet
from benchmarks.peers import Target, request_body, request_headers

CONNECTIONS = 32
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


@dataclass(frozen=True)
class Sample:
    """One run of wrk."""

    target: str
    kind: str
    connections: int
    round: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    idle_before: float


def measure(
    targets: Sequence[Target], kinds: Sequence[str], connections: int, rounds: int, seconds: int, folder: Path
) -> list[dict[str, object]]:
    samples: list[dict[str, object]] = []
    for number in range(rounds):
        for kind in kinds:
            for target in targets:
                sample = _run(target, kind, connections, number, seconds, folder)
                samples.append(asdict(sample))
                print(
                    f"  round {number + 1}/{rounds}  {kind:5}  {connections:3} connections  {target.name:46}"
                    f"{sample.requests_per_s:9,.0f}/s  p50 {sample.p50_ms:6.3f} ms  p99 {sample.p99_ms:6.2f} ms"
                    f"  (idle before: {sample.idle_before:.0%})"
                )
    return samples


def _run(target: Target, kind: str, connections: int, number: int, seconds: int, folder: Path) -> Sample:
    script = folder / "request.lua"
    headers = "\n".join(f"wrk.headers[{json.dumps(k)}] = {json.dumps(v)}" for k, v in request_headers(target).items())
    script.write_text(_SCRIPT.format(body=json.dumps(request_body(target, kind).decode()), headers=headers))
    idle = wait_for_quiet()
    argv = [find_program("wrk", "wrk"), "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "-s", script]
    command = pinned(LOAD_CORE, [*argv, target.path(kind)])
    out = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=False)
    if out.returncode != 0 or not out.stdout.rstrip().endswith("}"):
        raise BenchmarkError(f"wrk failed on {target.name}: {out.stdout[-500:]} {out.stderr[-500:]}")
    found = json.loads(out.stdout.rstrip().rpartition("\n")[2])
    if found["refused"] or found["broken"]:
        raise BenchmarkError(f"{target.name}: {found['refused']} answers were refusals, {found['broken']} broke off")
    return Sample(
        target.name,
        kind,
        connections,
        number,
        found["requests"] / found["duration_us"] * 1e6,
        found["p50_us"] / 1e3,
        found["p99_us"] / 1e3,
        idle,
    )
