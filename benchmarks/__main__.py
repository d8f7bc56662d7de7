"""`python -m benchmarks [--quick] [--only throughput,streams,...] [--without envoy]`: all figures in one run.

A whole run writes benchmarks/results and docs/performance.md; a quick or partial one only .bench. What has to do with
robustness stands in `python -m benchmarks.robust`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import installs, machine, report, run, startup

HERE = Path(__file__).parent
PAGE = installs.ROOT / "docs" / "performance.md"
CHART = installs.ROOT / "docs" / "images" / "performance.svg"
DEBIAN_PYTHON = "/usr/bin/python3.11"
GATEWAY_PARTS = ("throughput", "latency", "frames", "streams", "translation", "profile", "memory", "soak")
PARTS = (*GATEWAY_PARTS, "startup", "journal", "tokens")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _read(arguments)
    began = time.monotonic()
    machine.allow_many_sockets()
    installs.make_cache()
    results: dict[str, Any] = {
        "machine": machine.describe(),
        "versions": _versions(),
        "pythons": {},
        "missing": {},
        "quick": options.quick,
    }
    try:
        with tempfile.TemporaryDirectory(prefix="portico-bench-") as folder:
            _measure(options, results, Path(folder))
    except machine.BenchmarkError as error:
        print(f"The benchmark stopped: {error}", file=sys.stderr)
        return 1
    results["took_s"] = round(time.monotonic() - began, 1)
    whole = not options.quick and not options.without and set(options.only) == set(PARTS)
    _write(results, HERE / "results" if whole else installs.CACHE, to_manual=whole and not options.no_manual)
    return int(any(name.startswith("part ") for name in results["missing"]))


def _read(arguments: Sequence[str] | None) -> argparse.Namespace:
    reader = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    reader.add_argument("--quick", action="store_true", help="fewer and shorter runs: some minutes")
    reader.add_argument("--only", default=",".join(PARTS), help=f"parts to run, of: {', '.join(PARTS)}")
    reader.add_argument("--without", action="append", default=[], choices=run.NAMES, help="leave out; may be repeated")
    reader.add_argument(
        "--python",
        default=DEBIAN_PYTHON,
        help=f"measure Portico under this interpreter, too, with the packages of requirements.lock "
        f"(default: {DEBIAN_PYTHON} where there is one; --without second-python: none)",
    )
    reader.add_argument("--no-manual", action="store_true", help="leave docs/performance.md as it is")
    options = reader.parse_args(arguments)
    options.only = options.only.split(",")
    if unknown := set(options.only) - set(PARTS):
        reader.error(f"--only: no part {', '.join(sorted(unknown))}")
    if options.python != DEBIAN_PYTHON and not os.access(options.python, os.X_OK):
        reader.error(f"--python: {options.python} is no program")
    return options


def _measure(options: argparse.Namespace, results: dict[str, Any], folder: Path) -> None:
    quick = options.quick
    if set(GATEWAY_PARTS) & set(options.only):
        run.measure(run.Order(options.only, options.without, quick, options.python), results, folder)
    if "startup" in options.only:
        run.say("import portico, portico --help")
        results["startup"] = startup.measure(5 if quick else 20)
    if "journal" in options.only:
        from benchmarks import journal

        run.say("journal")
        results["journal"] = journal.measure(2 if quick else 5, folder)
    if "tokens" in options.only:
        from benchmarks import tokens

        run.say("tokens per second of the instant local model")
        results["tokens"] = tokens.measure(1 if quick else 5, 64 if quick else 200, folder)


def _versions() -> dict[str, str]:
    nginx = _first_line([machine.find_program("nginx", "nginx-light"), "-v"]).rpartition("/")[2]
    commit = _first_line(["git", "-C", str(installs.ROOT), "rev-parse", "--short", "HEAD"])
    changed = _first_line(["git", "-C", str(installs.ROOT), "status", "--porcelain", "src"])
    return {"Portico": (commit or "(no commit)") + (" with changes" if changed else ""), "nginx": nginx}


def _first_line(command: Sequence[str]) -> str:
    out = subprocess.run(command, capture_output=True, text=True, check=False)
    return (out.stdout or out.stderr).partition("\n")[0].strip()


def _write(results: dict[str, Any], folder: Path, *, to_manual: bool) -> None:
    """A whole run is kept beside the code and shown in the manual; a quick or partial one only in the cache."""
    folder.mkdir(exist_ok=True)
    figures, chart = report.write_markdown(results), report.write_chart(results)
    (folder / "latest.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "latest.md").write_text(figures)
    (folder / "latest.svg").write_text(chart)
    if to_manual:
        PAGE.write_text(report.put_into(PAGE.read_text() if PAGE.exists() else "", figures))
        CHART.write_text(chart)
    where = (folder / "latest.json").relative_to(installs.ROOT)
    print(f"\n{figures}\nTook {results['took_s']:.0f} s; raw figures: {where}")


if __name__ == "__main__":
    sys.exit(main())
