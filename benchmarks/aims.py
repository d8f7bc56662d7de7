"""The aims, and what was reached: one row per figure, one column per Portico that was measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.figures import Results, added, at, middle, peer, ratio, unique

Find = Callable[[Results, str], float | None]


@dataclass(frozen=True)
class Aim:
    """`find` gives the figure of one target, None when it was not measured."""

    figure: str
    aim: float
    at_least: bool
    form: str
    find: Find

    def reached(self, value: float) -> bool:
        return value >= self.aim if self.at_least else value <= self.aim


def _times(name: str) -> Find:
    def find(results: Results, target: str) -> float | None:
        samples = [s for s in results.get("throughput", []) if s["kind"] == "short"]
        return ratio(middle(samples, target, "requests_per_s"), middle(samples, peer(samples, name), "requests_per_s"))

    return find


def _added_ms(part: str, value: str) -> Find:
    return lambda results, target: added(results.get(part, []), target, value)


def _added_to_frames(member: str, scale: float) -> Find:
    def find(results: Results, target: str) -> float | None:
        found = added(results.get("frames", []), target, at(member, "p99"))
        return None if found is None else found * scale

    return find


def _gap(results: Results, target: str) -> float | None:
    samples = results.get("streams", [])
    return ratio(
        middle(samples, target, at("gap_ms", "p99")), middle(samples, peer(samples, "mock"), at("gap_ms", "p99"))
    )


def _translated(native: str, same: str) -> Find:
    def find(results: Results, target: str) -> float | None:
        samples = results.get("translation", [])
        rates = [middle(samples, target, "requests_per_s", kind=kind) for kind in (native, same)]
        return ratio(rates[0], rates[1])

    return find


def _idle(results: Results, target: str) -> float | None:
    found = results.get("memory")
    return max(found["resident_bytes"]) / 1e6 if found and target == found["target"] else None


def _growth(results: Results, target: str) -> float | None:
    found = results.get("soak")
    return found["growth_bytes_per_10_min"] / 1e6 if found and target == found["target"] else None


AIMS = (
    Aim("requests/s, 32 connections: x Envoy, raw", 1.0, True, "{:.2f}", _times("Envoy")),
    Aim("x nginx, raw", 0.45, True, "{:.2f}", _times("nginx")),
    Aim("x LiteLLM", 100, True, "{:.0f}", _times("LiteLLM")),
    Aim("x Portkey", 20, True, "{:.1f}", _times("Portkey")),
    Aim("added latency, 1 connection, p50, ms", 0.1, False, "{:.3f}", _added_ms("one_connection", "p50_ms")),
    Aim("added latency, 1 connection, p99, ms", 0.5, False, "{:.3f}", _added_ms("one_connection", "p99_ms")),
    Aim("added time to first token, p99, ms", 1.0, False, "{:.2f}", _added_to_frames("first_frame_ms", 1)),
    Aim("added time per frame, p99, us", 100, False, "{:.0f}", _added_to_frames("age_ms", 1000)),
    Aim("1,024 streams: gap p99, x direct", 1.2, False, "{:.2f}", _gap),
    Aim("OpenAI in, Anthropic out: x same dialect", 0.8, True, "{:.2f}", _translated("claude", "short")),
    Aim("the same, streams of 64 deltas", 0.8, True, "{:.2f}", _translated("claudeflow", "flow")),
    Aim("memory of an idle worker, MB", 120, False, "{:.0f}", _idle),
    Aim("growth in ten minutes of load, MB", 2, False, "{:+.1f}", _growth),
)
"""The issue asks for no growth; a slope of 2 MB over ten minutes is what the allocator alone makes of it."""


def rows(results: Results) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the table; figures that nobody has are left out."""
    targets = _targets(results)
    found = []
    for aim in AIMS:
        values = [aim.find(results, target) for target in targets]
        if any(value is not None for value in values):
            wanted = f"{'>=' if aim.at_least else '<='} {aim.aim:g}"
            found.append([aim.figure, wanted, *(_cell(aim, value) for value in values)])
    return ["", "aim", *targets], found


def _cell(aim: Aim, value: float | None) -> str:
    if value is None:
        return ""
    return aim.form.format(value) + ("" if aim.reached(value) else " (**missed**)")


def _targets(results: Results) -> list[str]:
    parts = ("throughput", "one_connection", "frames", "streams", "translation")
    names = [name for part in parts for name in unique(results.get(part, []), "target")]
    names += [results[part]["target"] for part in ("memory", "soak") if part in results]
    return [name for name in dict.fromkeys(names) if name.startswith("Portico")]
