"""A thousand open streams on one worker: none stalls, and what one of them takes of memory."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks import mocks, streams
from benchmarks.gateway import Build, portico
from benchmarks.peers import check
from benchmarks.robust.figures import Figure, at_most, exactly, told

LONGEST_GAP_MS = 1000.0


def measure(folder: Path, quick: bool) -> list[Figure]:
    plan = streams.Plan(1, 1 if quick else 8, 1000)
    build = Build("Portico", sys.executable, own_database=True)
    with (
        mocks.mock_service(folder) as mock,
        mocks.paced_service(folder) as paced,
        portico(folder, mock, paced, build) as target,
    ):
        check(target, "stream")
        before = target.service.memory_bytes()
        found, peak_bytes = streams.run(target, plan)
    case = f"{plan.streams:,} open streams on one worker"
    return [
        exactly(case, "streams that failed", found["failed"], 0),
        told(case, "streams to their end", found["streams"]),
        told(case, "gap p99, ms (20 is sent)", found["gap_ms"]["p99"]),
        at_most(case, "longest gap, ms", found["gap_ms"]["max"], LONGEST_GAP_MS, "{:.0f}"),
        told(case, "first frame p99, ms", found["first_frame_ms"]["p99"]),
        told(case, "memory of a stream, KiB", f"{max(0, peak_bytes - before) / plan.streams / 1024:.1f}"),
    ]
