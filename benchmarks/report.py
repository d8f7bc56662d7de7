"""Raw samples to what a person reads: medians and ratios, a Markdown table, a chart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any
from xml.sax.saxutils import escape

Samples = Sequence[Mapping[str, Any]]
BEGIN, END = "<!-- bench: written by make bench -->", "<!-- end of bench -->"
_SMALL_NOISE = 0.05


def write_markdown(results: Mapping[str, Any]) -> str:
    parts = [BEGIN, _machine_line(results), *_throughput(results), *_streams(results), *_small(results), END]
    return "\n\n".join(part for part in parts if part) + "\n"


def put_into(page: str, figures: str) -> str:
    """The page with its figures replaced, or with the figures at its end."""
    before, begin, rest = page.partition(BEGIN)
    if not begin:
        return f"{page.rstrip()}\n\n{figures}" if page.strip() else figures
    return before + figures.rstrip("\n") + rest.partition(END)[2]


def _machine_line(results: Mapping[str, Any]) -> str:
    m, versions = results["machine"], results["versions"]
    pinned = "pinned" if m["pinned"] == "yes" else "not pinned"
    programs = ", ".join(f"{name} {version}" for name, version in versions.items())
    line = (
        f"{m['cpu']}, {m['cores']} cores ({pinned}: gateway on core 0, load and mock on core 1), {m['memory']}, "
        f"{m['system']}, Python {m['python']} (fixed loop: {m['python_loop_ms']} ms); {programs}; {m['at']}."
    )
    noise = _foreign(results)
    if noise > _SMALL_NOISE:
        line += (
            f"\n\n**Not a quiet machine:** other processes used {noise:.0%} of the two cores (median over the runs). "
            "Rates and waits are lower bounds then, ratios move; processor time per request is the figure to trust."
        )
    return line


def _foreign(results: Mapping[str, Any]) -> float:
    runs = [*results.get("throughput", []), *results.get("one_connection", []), *results.get("streams", [])]
    return median([run["foreign"] for run in runs]) if runs else 0.0


def _throughput(results: Mapping[str, Any]) -> list[str]:
    samples: Samples = results.get("throughput", [])
    parts = []
    for kind in _unique(samples, "kind"):
        chosen = [s for s in samples if s["kind"] == kind]
        one = [s for s in results.get("one_connection", []) if s["kind"] == kind]
        size, runs = results["answer_bytes"][kind], 1 + max(s["round"] for s in chosen)
        title = f"Requests per second, answer of {size:,} bytes, 32 connections; medians of {runs} runs (least to most)"
        parts += [f"### {title}", _throughput_table(chosen, one)]
    return parts


def _throughput_table(samples: Samples, one: Samples) -> str:
    columns = ["", "requests/s", "x nginx", "x Envoy", "p50 ms", "p99 ms", "p50 ms, 1 connection", "CPU us a request"]
    rates = {name: _median(samples, name, "requests_per_s") for name in _unique(samples, "target")}
    rows = []
    for name, rate in rates.items():
        values = [s["requests_per_s"] for s in samples if s["target"] == name]
        alone = f"{_median(one, name, 'p50_ms'):.3f}" if any(s["target"] == name for s in one) else ""
        rows.append([
            name, f"{rate:,.0f} ({min(values):,.0f}-{max(values):,.0f})", _ratio(rate, rates, "nginx"),
            _ratio(rate, rates, "Envoy"), f"{_median(samples, name, 'p50_ms'):.2f}",
            f"{_median(samples, name, 'p99_ms'):.2f}", alone, f"{_median(samples, name, 'cpu_us'):.1f}",
        ])  # fmt: skip
    return _table(columns, rows)


def _streams(results: Mapping[str, Any]) -> list[str]:
    samples: Samples = results.get("streams", [])
    if not samples:
        return []
    columns = ["", "gap p50 ms", "gap p99 ms", "gap longest ms", "first frame p99 ms", "CPU us a frame", "KiB a stream"]
    rows = []
    for name in _unique(samples, "target"):
        own = [s for s in samples if s["target"] == name]
        gaps = [median([s["gap_ms"][at] for s in own]) for at in ("p50", "p99", "max")]
        first = median([s["first_frame_ms"]["p99"] for s in own])
        cpu, memory = (median([s["cpu_us_per_frame"] for s in own]), max(s["bytes_per_stream"] for s in own))
        figures = [f"{gap:.1f}" for gap in gaps]
        rows.append([name, *figures, f"{first:.1f}", f"{cpu:.1f}", f"{memory / 1024:.1f}"])
    runs = 1 + max(s["round"] for s in samples)
    title = f"{samples[0]['at_once']:,} streams at once on one core, a delta every 20 ms; medians of {runs} runs"
    return [f"### {title}", _table(columns, rows)]


def _small(results: Mapping[str, Any]) -> list[str]:
    rows: list[list[str]] = []
    for name, key, digits in (
        ("`import portico`, ms", "import", 1),
        ("`portico --help`, ms", "help", 1),
        ("the bare interpreter, ms (contained in `--help`)", "python", 1),
    ):
        _add_row(rows, name, results.get("startup", {}).get(key, []), digits)
    for name, key in (
        ("journal: one append, us", "append_us"),
        ("journal: flush to PostgreSQL, processor time of the server per line, us", "flush_cpu_us"),
        ("journal: flush to PostgreSQL, until committed, per line, us", "flush_us"),
    ):
        _add_row(rows, name, results.get("journal", {}).get(key, []), 2)
    tokens: Samples = results.get("tokens", [])
    for at_once in _unique(tokens, "at_once"):
        rates = {}
        for place in _unique(tokens, "place"):
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


def _unique(samples: Samples, key: str) -> list[Any]:
    return list(dict.fromkeys(sample[key] for sample in samples))


def _median(samples: Samples, target: str, key: str) -> float:
    return median([float(s[key]) for s in samples if s["target"] == target])


def _ratio(rate: float, rates: Mapping[str, float], peer: str) -> str:
    base = next((value for name, value in rates.items() if name.startswith(peer)), None)
    return f"{rate / base:.2f}" if base else ""


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = [f"| {' | '.join(columns)} |", "|---" + "|---:" * (len(columns) - 1) + "|"]
    return "\n".join([*head, *(f"| {' | '.join(row)} |" for row in rows)])


# --- the chart ---------------------------------------------------------------------------------------------------

_STYLE = """
  text { font: 13px -apple-system, "Segoe UI", "DejaVu Sans", Helvetica, Arial, sans-serif; fill: #1c2430; }
  .soft { fill: #5b6675; font-size: 11.5px; } .title { font-size: 15px; font-weight: 600; }
  .paper { fill: #ffffff; } .bar { fill: #9aa7b5; } .ours { fill: #1f6feb; } .whisker { stroke: #1c2430; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .soft { fill: #9aa7b5; } .paper { fill: #0d1117; } .bar { fill: #566270; }
    .ours { fill: #4493f8; } .whisker { stroke: #e6edf3; }
  }
"""
_LEFT, _WIDTH, _ROW, _BARS = 300, 860, 30, 400


def write_chart(results: Mapping[str, Any]) -> str:
    """Bars of requests per second for the first kind of answer, and of the p99 gap of streams; spread as a line."""
    groups = []
    samples: Samples = results.get("throughput", [])
    if samples:
        first = [s for s in samples if s["kind"] == samples[0]["kind"] and not s["target"].startswith("mock")]
        title = "Requests per second through one core (32 connections; more is better)"
        groups.append(_group(title, first, lambda s: float(s["requests_per_s"]), "{:,.0f}"))
    samples = results.get("streams", [])
    if samples:
        title = f"{samples[0]['at_once']:,} streams at once: longest 1 % of gaps, ms (20 is sent; less is better)"
        groups.append(_group(title, samples, lambda s: float(s["gap_ms"]["p99"]), "{:.1f}"))
    height, parts = 16, []
    for title, rows in groups:
        parts.append(f'<text class="title" x="20" y="{height + 18}">{escape(title)}</text>')
        parts += [_bar(height + 32 + _ROW * number, *row) for number, row in enumerate(rows)]
        height += 52 + _ROW * len(rows)
    m = results["machine"]
    note = f"{m['cpu']}, {m['cores']} cores, {m['at']}; medians, least to most as a line"
    noise = _foreign(results)
    note += f"; NOT quiet: others used {noise:.0%}" if noise > _SMALL_NOISE else ""
    parts.append(f'<text class="soft" x="20" y="{height + 8}">{escape(note)}</text>')
    size = f'width="{_WIDTH}" height="{height + 24}" viewBox="0 0 {_WIDTH} {height + 24}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>Benchmarks of Portico</title>'
    paper = f'<rect class="paper" width="{_WIDTH}" height="{height + 24}"/>'
    return "\n".join([head, f"<style>{_STYLE}</style>", paper, *parts, "</svg>"]) + "\n"


Row = tuple[str, float, float, float, float, str]


def _group(
    title: str, samples: Samples, value: Callable[[Mapping[str, Any]], float], form: str
) -> tuple[str, list[Row]]:
    values = {name: [value(s) for s in samples if s["target"] == name] for name in _unique(samples, "target")}
    scale = _BARS / max(max(found) for found in values.values())
    return title, [
        (name, median(found), min(found), max(found), scale, form.format(median(found)))
        for name, found in values.items()
    ]


def _bar(y: float, name: str, middle: float, least: float, most: float, scale: float, label: str) -> str:
    kind = "ours" if name.startswith("Portico") else "bar"
    low, high, centre = _LEFT + least * scale, _LEFT + most * scale, y + 10
    return (
        f'<text x="{_LEFT - 10}" y="{y + 14}" text-anchor="end">{escape(name)}</text>'
        f'<rect class="{kind}" x="{_LEFT}" y="{y}" width="{middle * scale:.1f}" height="20" rx="3"/>'
        f'<line class="whisker" x1="{low:.1f}" x2="{high:.1f}" y1="{centre}" y2="{centre}"/>'
        f'<text x="{max(high, _LEFT + middle * scale) + 8:.1f}" y="{y + 14}">{escape(label)}</text>'
    )
