"""Figures of evaluations as a picture: bars as SVG, light or dark as the reader has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

Run = tuple[str, Mapping[str, Any]]
"""What it is called, and its metrics as the API shows them. """

_STYLE = """
  text { font: 13px -apple-system, "Segoe UI", "DejaVu Sans", Helvetica, Arial, sans-serif; fill: #1c2430; }
  .soft { fill: #5b6675; font-size: 11.5px; } .title { font-size: 15px; font-weight: 600; }
  .paper { fill: #ffffff; } .grid { stroke: #dde3ea; } .b0 { fill: #9aa7b5; } .b1 { fill: #57a0d3; }
  .b2 { fill: #e0a030; } .b3 { fill: #1f6feb; } .b4 { fill: #8250df; } .b5 { fill: #2da44e; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .soft { fill: #9aa7b5; } .paper { fill: #0d1117; } .grid { stroke: #2a313c; }
    .b0 { fill: #6b7785; } .b3 { fill: #4493f8; } .b4 { fill: #a371f7; } .b5 { fill: #3fb950; }
  }
"""
_LEFT, _WIDTH, _BARS, _BAR, _GAP = 150, 860, 600, 16, 14
_COLORS = 6


def write_chart(groups: Sequence[tuple[str, Sequence[Run]]], note: str = "", k: int = 10) -> str:
    """One group of bars per title: nDCG, recall by depth and MRR of each run, from 0 to 1; milliseconds in words."""
    height, parts = 14, []
    for title, runs in groups:
        drawn, height = _group(title, runs, height, k)
        parts += drawn
    parts.append(f'<text class="soft" x="20" y="{height + 14}">{escape(note)}</text>')
    height += 30
    size = f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>How well questions find documents</title>'
    paper = f'<rect class="paper" width="{_WIDTH}" height="{height}"/>'
    return "\n".join([head, f"<style>{_STYLE}</style>", paper, *parts, "</svg>"]) + "\n"


def _group(title: str, runs: Sequence[Run], top: int, k: int) -> tuple[list[str], int]:
    parts = [f'<text class="title" x="20" y="{top + 18}">{escape(title)}</text>']
    legend, x = top + 40, 20
    for number, (name, metrics) in enumerate(runs):
        label = f"{name} (p50 {metrics.get('p50Ms', 0):.0f} ms, p95 {metrics.get('p95Ms', 0):.0f} ms)"
        width = 26 + 6.6 * len(label)
        if x > 20 and x + width > _WIDTH - 10:
            legend, x = legend + 20, 20
        parts.append(f'<rect class="b{number % _COLORS}" x="{x:.0f}" y="{legend - 10}" width="12" height="12" rx="2"/>')
        parts.append(f'<text class="soft" x="{x + 18:.0f}" y="{legend}">{escape(label)}</text>')
        x += int(width)
    y = legend + 16
    names = _names(runs, k)
    bottom = y + len(names) * (len(runs) * _BAR + _GAP)
    for tenth in range(0, 11, 2):
        at = _LEFT + _BARS * tenth / 10
        parts.append(f'<line class="grid" x1="{at:.0f}" x2="{at:.0f}" y1="{y}" y2="{bottom - _GAP}"/>')
        parts.append(f'<text class="soft" x="{at:.0f}" y="{bottom + 2}" text-anchor="middle">{tenth / 10:g}</text>')
    for name in names:
        parts.append(f'<text x="{_LEFT - 10}" y="{y + len(runs) * _BAR / 2 + 5:.0f}" text-anchor="end">{name}</text>')
        for number, (_, metrics) in enumerate(runs):
            parts += _bar(y, number, _value(metrics, name))
            y += _BAR
        y += _GAP
    return parts, bottom + 22


def _bar(y: int, number: int, value: float | None) -> list[str]:
    if value is None:
        return []
    width = _BARS * max(0.0, min(1.0, value))
    return [
        f'<rect class="b{number % _COLORS}" x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR - 3}" rx="2"/>',
        f'<text class="soft" x="{_LEFT + width + 6:.1f}" y="{y + _BAR - 5}">{value:.3f}</text>',
    ]


def _names(runs: Sequence[Run], k: int) -> list[str]:
    depths = {int(depth) for _, metrics in runs for depth in metrics.get("recall", {})}
    return [f"nDCG@{k}", *(f"recall@{depth}" for depth in sorted(depths)), "MRR"]


def _value(metrics: Mapping[str, Any], name: str) -> float | None:
    if name == "MRR":
        found = metrics.get("mrr")
    elif name.startswith("recall@"):
        found = metrics.get("recall", {}).get(name.removeprefix("recall@"))
    else:
        found = metrics.get("ndcg")
    return None if found is None else float(found)
