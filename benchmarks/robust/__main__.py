"""`python -m benchmarks.robust [--quick] [--only hang_up,budget,...]`: a table of figures, and the same as JSON.

A whole run writes benchmarks/results/robust.json and docs/performance.md; a quick or partial one only .bench. The exit
code is 1 when a figure is not what it should be.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import installs, machine
from benchmarks.report import put_between
from benchmarks.robust import (
    bad_providers,
    breaker,
    budget,
    database_away,
    hang_up,
    ingestion,
    many_streams,
    stop,
    worker_kill,
)
from benchmarks.robust.figures import Figure, markdown, table

RESULTS = Path(__file__).resolve().parents[1] / "results" / "robust.json"
PAGE = installs.ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- robust: written by python -m benchmarks.robust -->", "<!-- end of robust -->"
CASES: dict[str, Callable[[Path, bool], list[Figure]]] = {
    "hang_up": hang_up.measure,
    "database_away": database_away.measure,
    "worker_kill": worker_kill.measure,
    "many_streams": many_streams.measure,
    "bad_providers": bad_providers.measure,
    "stop": stop.measure,
    "breaker": breaker.measure,
    "budget": budget.measure,
    "ingestion": ingestion.measure_kills,
    "takeover": ingestion.measure_takeover,
    "two_workers": ingestion.measure_two,
}


def main(arguments: Sequence[str] | None = None) -> int:
    reader = argparse.ArgumentParser(prog="python -m benchmarks.robust", description=__doc__)
    reader.add_argument("--quick", action="store_true", help="fewer and shorter runs: about two minutes")
    reader.add_argument("--only", default=",".join(CASES), help=f"cases to run, of: {', '.join(CASES)}")
    options = reader.parse_args(arguments)
    names = options.only.split(",")
    if unknown := set(names) - set(CASES):
        reader.error(f"--only: no case {', '.join(sorted(unknown))}")
    machine.allow_many_sockets()
    installs.make_cache()
    began, figures = time.monotonic(), list[Figure]()
    for name in names:
        print(f"{name} ...", flush=True)
        with tempfile.TemporaryDirectory(prefix=f"portico-{name}-") as folder:
            try:
                figures += CASES[name](Path(folder), options.quick)
            except machine.BenchmarkError as error:
                figures.append(Figure(name, "the case stopped", str(error)[:300], "a figure", good=False))
    whole = not options.quick and set(names) == set(CASES)
    out = RESULTS if whole else installs.CACHE / "robust.json"
    results = {"machine": machine.describe(), "quick": options.quick, "took_s": round(time.monotonic() - began, 1)}
    out.write_text(json.dumps(results | {"figures": [asdict(figure) for figure in figures]}, indent=1) + "\n")
    if whole:
        at = results["machine"]["at"]
        text = f"{BEGIN}\n\nOn the machine of the table above, {at}.\n\n{markdown(figures)}\n\n{END}\n"
        PAGE.write_text(put_between(PAGE.read_text(), text, BEGIN, END))
    missed = sum(not figure.good for figure in figures)
    print(f"\n{table(figures)}\n\n{missed} missed; {results['took_s']} s; {out.relative_to(installs.ROOT)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
