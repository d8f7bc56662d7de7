"""A thousand paced streams at once through one core: the gaps that a caller sees, and the memory of one stream."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from benchmarks.machine import LOAD_CORE, BenchmarkError, Patience, Watch, pinned
from benchmarks.paced_mock import DELTAS, GAP_MS
from benchmarks.peers import Target, request_body, request_headers

STREAMS = 1024


def measure(
    targets: Sequence[Target], rounds: int, repeats: int, watch: Watch, patience: Patience, streams: int = STREAMS
) -> list[dict[str, Any]]:
    before = {target.name: target.service.memory_bytes() for target in targets}
    samples: list[dict[str, Any]] = []
    for number in range(rounds):
        for target in targets:
            patience.wait()
            used_s = target.service.cpu_s()
            with watch as seen:
                found, peak_bytes = _run(target, streams, repeats)
            used_s = target.service.cpu_s() - used_s
            samples.append({
                "target": target.name, "round": number, "at_once": streams, **found,
                "bytes_per_stream": round(max(0, peak_bytes - before[target.name]) / streams),
                "cpu_us_per_frame": round(used_s * 1e6 / found["frames"], 1), "foreign": seen.foreign,
            })  # fmt: skip
            _say(samples[-1], rounds)
    return samples


def _say(sample: dict[str, Any], rounds: int) -> None:
    gap, first = sample["gap_ms"], sample["first_frame_ms"]
    print(
        f"  round {sample['round'] + 1}/{rounds}  {sample['at_once']} streams  {sample['target']:46}"
        f"gap p50 {gap['p50']:6.2f} ms  p99 {gap['p99']:6.2f} ms  first frame p99 {first['p99']:7.1f} ms"
        f"  cpu {sample['cpu_us_per_frame']:5.1f} us a frame  {sample['bytes_per_stream'] / 1024:5.1f} KiB a stream"
        f"  (others used {sample['foreign']:.0%})"
    )


def _run(target: Target, streams: int, repeats: int) -> tuple[dict[str, Any], int]:
    """The figures of the load generator, and the highest resident memory of the target meanwhile."""
    order = json.dumps(_order(target, streams, repeats))
    load = subprocess.Popen(
        pinned(LOAD_CORE, [sys.executable, "-m", "benchmarks.stream_load"]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    peak = Peak(target)
    try:
        with peak:
            out, errors = load.communicate(order, timeout=90)
    finally:
        load.kill()
    if load.returncode != 0:
        raise BenchmarkError(f"the load generator failed on {target.name}: {errors[-1_000:]}")
    found = json.loads(out)
    if found["failed"] or not found["gap_ms"]:
        raise BenchmarkError(f"{target.name}: {found['failed']} streams failed: {found['first_error']}")
    return found, peak.bytes


def _order(target: Target, streams: int, repeats: int) -> dict[str, object]:
    url = urlsplit(target.path("stream"))
    body = request_body(target, "stream").decode()
    headers = {"Host": url.netloc, **request_headers(target), "Content-Length": str(len(body))}
    lines = [f"POST {url.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return {
        "host": url.hostname,
        "port": url.port,
        "request": "\r\n".join([*lines, "", body]),
        "streams": streams,
        "repeats": repeats,
        "deltas": DELTAS,
        "spread_s": DELTAS * GAP_MS / 1000,
    }


class Peak:
    """The highest resident memory of a target while the block runs."""

    def __init__(self, target: Target) -> None:
        self.bytes = 0
        self._service = target.service
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._ended.wait(0.25):
            self.bytes = max(self.bytes, self._service.memory_bytes())

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
