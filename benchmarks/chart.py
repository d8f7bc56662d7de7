"""The chart of the manual: requests per second and gaps of streams as bars, light or dark as the reader has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any
from xml.sax.saxutils import escape

from benchmarks.figures import SMALL_NOISE, Samples, foreign, unique

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
    noise = foreign(results)
    note += f"; NOT quiet: others used {noise:.0%}" if noise > SMALL_NOISE else ""
    parts.append(f'<text class="soft" x="20" y="{height + 8}">{escape(note)}</text>')
    size = f'width="{_WIDTH}" height="{height + 24}" viewBox="0 0 {_WIDTH} {height + 24}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>Benchmarks of Portico</title>'
    paper = f'<rect class="paper" width="{_WIDTH}" height="{height + 24}"/>'
    return "\n".join([head, f"<style>{_STYLE}</style>", paper, *parts, "</svg>"]) + "\n"


Row = tuple[str, float, float, float, float, str]


def _group(
    title: str, samples: Samples, value: Callable[[Mapping[str, Any]], float], form: str
) -> tuple[str, list[Row]]:
    values = {name: [value(s) for s in samples if s["target"] == name] for name in unique(samples, "target")}
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
