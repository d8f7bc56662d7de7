"""Raw samples to what a person reads: tables in Markdown, between two marks of the manual's page, and a chart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks import aims
from benchmarks.chart import write_chart as write_chart
from benchmarks.figures import SMALL_NOISE, Samples, added, at, foreign, middle, peer, ratio, unique

BEGIN, END = "<!-- bench: written by make bench -->", "<!-- end of bench -->"
_MOST_FUNCTIONS = 14


def write_markdown(results: Mapping[str, Any]) -> str:
    parts = [
        BEGIN, _machine_line(results), *_aims(results), *_throughput(results), *_frames(results), *_streams(results),
        *_translation(results), *_memory(results), *_profile(results), *_small(results), END,
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def put_into(page: str, figures: str) -> str:
    """The page with its figures replaced, or with the figures at its end."""
    return put_between(page, figures, BEGIN, END)


def put_between(page: str, text: str, begin: str, end: str) -> str:
    """The page with what stands between two marks replaced by `text`, which holds the marks; or with it at the end."""
    before, found, rest = page.partition(begin)
    if not found:
        return f"{page.rstrip()}\n\n{text}" if page.strip() else text
    return before + text.rstrip("\n") + rest.partition(end)[2]


def _machine_line(results: Mapping[str, Any]) -> str:
    m = results["machine"]
    pinned = "pinned" if m["pinned"] == "yes" else "not pinned"
    programs = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    lines = [
        f"{m['cpu']}, {m['cores']} cores ({pinned}: gateway on core 0, load and mock on core 1), {m['memory']}, "
        f"{m['system']}; {programs}; {m['at']}."
    ]
    for name, python in results["pythons"].items():
        lines.append(
            f"{name}: Python {python['version']} ({python['flags']}; a fixed loop takes {python['loop_ms']} ms)."
        )
    lines += [f"{name} is missing: {why}" for name, why in results["missing"].items()]
    noise = foreign(results)
    if noise > SMALL_NOISE:
        lines.append(
            f"**Not a quiet machine:** other processes used {noise:.0%} of the two cores (median over the runs). "
            "Rates and waits are lower bounds then, ratios move; processor time per request is the figure to trust."
        )
    return "\n\n".join(lines)


def _aims(results: Mapping[str, Any]) -> list[str]:
    head, rows = aims.rows(results)
    return ["### Aims, and what was reached", _table(head, rows)] if rows else []


def _throughput(results: Mapping[str, Any]) -> list[str]:
    samples: Samples = results.get("throughput", [])
    parts = []
    for kind in unique(samples, "kind"):
        chosen = [s for s in samples if s["kind"] == kind]
        size, runs = results["answer_bytes"][kind], 1 + max(s["round"] for s in chosen)
        title = f"Requests per second, answer of {size:,} bytes, 32 connections; medians of {runs} runs (least to most)"
        parts += [f"### {title}", _throughput_table(chosen)]
    one: Samples = results.get("one_connection", [])
    return [*parts, *_latency(one)] if one else parts


def _throughput_table(samples: Samples) -> str:
    columns = ["", "requests/s", "x nginx", "x Envoy", "p50 ms", "p99 ms", "CPU us a request"]
    rows = []
    for name in unique(samples, "target"):
        values = [s["requests_per_s"] for s in samples if s["target"] == name]
        ratios = [
            ratio(median(values), middle(samples, peer(samples, other), "requests_per_s"))
            for other in ("nginx", "Envoy")
        ]
        rows.append([
            name, f"{median(values):,.0f} ({min(values):,.0f}-{max(values):,.0f})", *(_number(r, 2) for r in ratios),
            *(_number(middle(samples, name, key), 2) for key in ("p50_ms", "p99_ms")),
            _number(middle(samples, name, "cpu_us"), 1),
        ])  # fmt: skip
    return _table(columns, rows)


def _latency(samples: Samples) -> list[str]:
    columns = ["", "p50 ms", "p99 ms", "added p50 ms", "added p99 ms"]
    rows = [
        [name, *(_number(middle(samples, name, key), 3) for key in ("p50_ms", "p99_ms")),
         *(_number(added(samples, name, key), 3) for key in ("p50_ms", "p99_ms"))]
        for name in unique(samples, "target")
    ]  # fmt: skip
    return ["### Latency of one connection, and what is added to the direct call", _table(columns, rows)]


def _frames(results: Mapping[str, Any]) -> list[str]:
    samples: Samples = results.get("frames", [])
    if not samples:
        return []
    columns = ["", "first token p50 ms", "p99 ms", "added p99 ms", "a frame p50 us", "p99 us", "added p99 us"]
    rows = []
    for name in unique(samples, "target"):
        first, age = at("first_frame_ms", "p99"), at("age_ms", "p99")
        waits = [
            middle(samples, name, at("first_frame_ms", "p50")),
            middle(samples, name, first),
            added(samples, name, first),
        ]
        ages = [middle(samples, name, at("age_ms", "p50")), middle(samples, name, age), added(samples, name, age)]
        rows.append([name, *(_number(w, 2) for w in waits), *(_number(a and a * 1000, 0) for a in ages)])
    title = f"First token and further frames of {samples[0]['at_once']} streams, a delta every 20 ms"
    return [f"### {title}", _table(columns, rows), *_failures(samples)]


def _streams(results: Mapping[str, Any]) -> list[str]:
    samples: Samples = results.get("streams", [])
    if not samples:
        return []
    columns = ["", "gap p50 ms", "gap p99 ms", "gap longest ms", "first frame p99 ms", "CPU us a frame", "KiB a stream"]
    rows = []
    for name in unique(samples, "target"):
        figures = [middle(samples, name, at("gap_ms", percentile)) for percentile in ("p50", "p99", "max")]
        figures += [middle(samples, name, at("first_frame_ms", "p99")), middle(samples, name, "cpu_us_per_frame")]
        memory = max((s["bytes_per_stream"] for s in samples if s["target"] == name), default=0)
        rows.append([name, *(_number(f, 1) for f in figures), f"{memory / 1024:.1f}"])
    runs = 1 + max(s["round"] for s in samples)
    title = f"{samples[0]['at_once']:,} streams at once on one core, a delta every 20 ms; medians of {runs} runs"
    return [f"### {title}", _table(columns, rows), *_failures(samples)]


def _failures(samples: Samples) -> list[str]:
    failed = {s["target"]: s["failed_with"] for s in samples if "failed_with" in s}
    return [f"{name} failed under this load: {why}" for name, why in failed.items()]


_DIALECTS = (
    ("answer whole", "short", "claude"),
    ("stream of 64 deltas, given at once", "flow", "claudeflow"),
)


def _translation(results: Mapping[str, Any]) -> list[str]:
    samples: Samples = results.get("translation", [])
    rows = []
    for name in unique(samples, "target"):
        for title, same, native in _DIALECTS:
            rates = [middle(samples, name, "requests_per_s", kind=kind) for kind in (same, native)]
            cpu = [middle(samples, name, "cpu_us", kind=kind) for kind in (same, native)]
            figures = [
                *(_number(r, 0) for r in rates),
                _number(ratio(rates[1], rates[0]), 2),
                *(_number(c, 1) for c in cpu),
            ]
            rows.append([f"{name}: {title}", *figures])
    columns = ["", "OpenAI, requests/s", "Anthropic, requests/s", "ratio", "CPU us, OpenAI", "CPU us, Anthropic"]
    return ["### OpenAI in, Anthropic out", _table(columns, rows)] if rows else []


def _memory(results: Mapping[str, Any]) -> list[str]:
    rows = [[name, f"{size / 1e6:.0f} MB"] for name, size in results.get("idle_bytes", {}).items()]
    if idle := results.get("memory"):
        for number, pair in enumerate(zip(idle["resident_bytes"], idle["proportional_bytes"], strict=True), 1):
            rows.append(
                [
                    f"worker {number} of 2, idle; its share of common pages only",
                    f"{pair[0] / 1e6:.0f}; {pair[1] / 1e6:.0f} MB",
                ]
            )
        rows.append(["processor time of two idle workers and their parent", f"{idle['cpu_share']:.1%} of a core"])
    if soak := results.get("soak"):
        load = f"{soak['requests']:,} requests, {soak['streams']:,} streams, {soak['failed']} failed"
        sizes = [f"{soak[key] / 1e6:.1f}" for key in ("start_bytes", "after_warm_up_bytes", "end_bytes")]
        rows.append(
            [f"{soak['seconds']:.0f} s of load ({load}): start, after the warm-up, end", f"{', '.join(sizes)} MB"]
        )
        rows.append(["growth after the warm-up, for ten minutes", f"{soak['growth_bytes_per_10_min'] / 1e6:+.1f} MB"])
    title = "Resident memory: of each server with its children before the load, of workers, under load"
    return [f"### {title}", _table(["", ""], rows)] if rows else []


_KINDS = {"short": "an answer whole", "flow": "a stream of 64 deltas", "claudeflow": "the same from Anthropic"}


def _profile(results: Mapping[str, Any]) -> list[str]:
    profiles = results.get("profile", [])
    if not profiles:
        return []
    rooms = sorted({room for found in profiles for room in found["us_by_room"]}, key=_cost_in(profiles), reverse=True)
    rows = [[room, *(_number(found["us_by_room"].get(room, 0.0), 1) for found in profiles)] for room in rooms]
    rows.append(["**one request**", *(f"**{found['cpu_us']:,.0f}**" for found in profiles)])
    whole = profiles[0]
    functions = [[f"`{place}`", _number(cost, 1)] for place, cost in whole["us_by_function"][:_MOST_FUNCTIONS]]
    functions.append(["all others", _number(sum(cost for _, cost in whole["us_by_function"][_MOST_FUNCTIONS:]), 1)])
    return [
        "### Where each microsecond goes",
        _table(["us of processor time", *(_KINDS[found["kind"]] for found in profiles)], rows),
        f"The dearest functions of {_KINDS[whole['kind']]}; what they call in C is theirs:",
        _table(["", "us"], functions),
    ]


def _cost_in(profiles: Sequence[Mapping[str, Any]]) -> Callable[[str], float]:
    return lambda room: max(found["us_by_room"].get(room, 0.0) for found in profiles)


def _small(results: Mapping[str, Any]) -> list[str]:
    rows: list[list[str]] = []
    for name, key, digits in (
        ("`import portico`, ms (aim: at most 100)", "import", 1),
        ("`import portico; portico.Portico(...)`, ms", "client", 1),
        ("the same with pygeai 0.8.0: import and `ChatClient(...)`, ms", "pygeai_client", 1),
        ("`portico --help`, ms (aim: at most 150)", "help", 1),
        ("`geai --help` of pygeai 0.8.0, ms (it prints an error and ends with 1)", "geai_help", 1),
        ("the bare interpreter, ms (contained in both `--help`)", "python", 1),
    ):
        _add_row(rows, name, results.get("startup", {}).get(key, []), digits)
    for name, key in (
        ("journal: one append, us", "append_us"),
        ("journal: flush to PostgreSQL, processor time of the server per line, us", "flush_cpu_us"),
        ("journal: flush to PostgreSQL, until committed, per line, us", "flush_us"),
    ):
        _add_row(rows, name, results.get("journal", {}).get(key, []), 2)
    tokens: Samples = results.get("tokens", [])
    for at_once in unique(tokens, "at_once"):
        rates = {}
        for place in unique(tokens, "place"):
            values = [s["tokens_per_s"] for s in tokens if s["place"] == place and s["at_once"] == at_once]
            rates[place] = median(values)
            _add_row(rows, f"tokens/s of the instant model, {at_once} at once, {place}", values, 1)
        ratio = rates["server"] / rates["bare runtime"]
        rows.append([f"server / bare runtime, {at_once} at once", f"{ratio:.2f}", "", ""])
    return ["### Start, journal, local model", _table(["", "median", "least to most", "runs"], rows)] if rows else []


def _add_row(rows: list[list[str]], name: str, values: Sequence[float], digits: int) -> None:
    if values:
        spread = f"{min(values):.{digits}f}-{max(values):.{digits}f}"
        rows.append([name, f"{median(values):.{digits}f}", spread, str(len(values))])


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = [f"| {' | '.join(columns)} |", "|---" + "|---:" * (len(columns) - 1) + "|"]
    return "\n".join([*head, *(f"| {' | '.join(row)} |" for row in rows)])
