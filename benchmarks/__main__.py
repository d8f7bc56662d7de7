"""`python -m benchmarks [--quick] [--only throughput,streams,...] [--without envoy]`: all figures in one run.

A whole run writes benchmarks/results and docs/performance.md; a quick or partial one only .bench.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import machine, peers, report, startup, streams, throughput

PARTS = ("throughput", "streams", "startup", "journal", "tokens")
HERE = Path(__file__).parent
PAGE = peers.ROOT / "docs" / "performance.md"
CHART = peers.ROOT / "docs" / "images" / "performance.svg"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _read(arguments)
    began = time.monotonic()
    machine.allow_many_sockets()
    peers.make_cache()
    results: dict[str, Any] = {
        "machine": machine.describe(options.python),
        "versions": _versions(options.without),
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
    _write(results, HERE / "results" if whole else peers.CACHE, to_manual=whole and not options.no_manual)
    return 0


def _read(arguments: Sequence[str] | None) -> argparse.Namespace:
    reader = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    reader.add_argument("--quick", action="store_true", help="fewer and shorter runs: under two minutes")
    reader.add_argument("--only", default=",".join(PARTS), help=f"parts to run, of: {', '.join(PARTS)}")
    reader.add_argument("--without", action="append", default=[], choices=["nginx", "envoy", "portico"])
    reader.add_argument("--python", default=sys.executable, help="interpreter for the gateway, of the same version")
    reader.add_argument("--no-manual", action="store_true", help="leave docs/performance.md as it is")
    options = reader.parse_args(arguments)
    options.only = options.only.split(",")
    if unknown := set(options.only) - set(PARTS):
        reader.error(f"--only: no part {', '.join(sorted(unknown))}")
    return options


def _measure(options: argparse.Namespace, results: dict[str, Any], folder: Path) -> None:
    quick = options.quick
    if {"throughput", "streams"} & set(options.only):
        _measure_gateways(options, results, folder)
    if "startup" in options.only:
        _say("import portico, portico --help")
        results["startup"] = startup.measure(5 if quick else 20)
    if "journal" in options.only:
        from benchmarks import journal

        _say("journal")
        results["journal"] = journal.measure(2 if quick else 5, folder)
    if "tokens" in options.only:
        from benchmarks import tokens

        _say("tokens per second of the instant local model")
        results["tokens"] = tokens.measure(1 if quick else 5, 64 if quick else 200, folder)


def _measure_gateways(options: argparse.Namespace, results: dict[str, Any], folder: Path) -> None:
    quick = options.quick
    patience = machine.Patience(left_s=5.0 if quick else 60.0)
    results["answer_bytes"] = {
        kind: len(peers.chat_answer(words))
        for kind, words in (("short", peers.SHORT_WORDS), ("long", peers.LONG_WORDS))
    }
    with ExitStack() as stack:
        mock = stack.enter_context(peers.mock_service(folder))
        paced = stack.enter_context(peers.paced_service(folder))
        targets = [peers.direct(mock, paced)]
        if "nginx" not in options.without:
            targets.append(stack.enter_context(peers.nginx_proxy(folder, mock, paced)))
        if "envoy" not in options.without:
            targets.append(stack.enter_context(peers.envoy_proxy(folder, mock, paced)))
        if "portico" not in options.without:
            for own in (True, False):
                targets.append(
                    stack.enter_context(peers.portico(folder, mock, paced, own_database=own, python=options.python))
                )
        for target in targets:
            for kind in ("short", "long", "stream"):
                peers.check(target, kind)
        if "throughput" in options.only:
            kinds = ["short"] if quick else ["short", "long"]
            rounds, seconds, spare = (2, 2, 1) if quick else (5, 3, 10)
            plan = throughput.Plan(rounds, seconds, spare, patience)
            _say("requests per second")
            results["throughput"] = throughput.measure(targets, kinds, throughput.CONNECTIONS, plan, folder)
            rounds, seconds = (1, 1) if quick else (3, 2)
            plan = throughput.Plan(rounds, seconds, spare_tries=0, patience=patience)
            _say("latency of one connection")
            results["one_connection"] = throughput.measure(targets, ["short"], 1, plan, folder)
        if "streams" in options.only:
            _say("streams")
            watch = machine.Watch(folder)
            results["streams"] = streams.measure(targets, 1 if quick else 3, 1 if quick else 4, watch, patience)


def _say(what: str) -> None:
    print(f"\n{what}:", flush=True)


def _versions(without: Sequence[str]) -> dict[str, str]:
    nginx = _first_line([machine.find_program("nginx", "nginx-light"), "-v"]).rpartition("/")[2]
    commit = _first_line(["git", "-C", str(peers.ROOT), "rev-parse", "--short", "HEAD"])
    versions = {"Portico": commit or "(no commit)", "nginx": nginx}
    if "envoy" not in without:
        versions["Envoy"] = peers.ENVOY_REQUIREMENT.rpartition("=")[2]
    return versions


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
    print(
        f"\n{figures}\nTook {results['took_s']:.0f} s; raw figures: {(folder / 'latest.json').relative_to(peers.ROOT)}"
    )


if __name__ == "__main__":
    sys.exit(main())
