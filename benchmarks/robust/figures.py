"""One figure of a case: what was found, and whether it is what it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """`aim` in words; "" where the figure is for information only."""

    case: str
    what: str
    found: str
    aim: str = ""
    good: bool = True


def at_most(case: str, what: str, value: float, most: float, form: str = "{:g}") -> Figure:
    return Figure(case, what, form.format(value), f"<= {form.format(most)}", value <= most)


def exactly(case: str, what: str, value: object, wanted: object) -> Figure:
    return Figure(case, what, str(value), str(wanted), value == wanted)


def told(case: str, what: str, found: object) -> Figure:
    return Figure(case, what, str(found))


def markdown(figures: Sequence[Figure]) -> str:
    """One row per case, for the manual."""
    rows = ["| case | figures |", "|---|---|"]
    for case in dict.fromkeys(figure.case for figure in figures):
        found = [f"{f.what}: {_with_aim(f)}" for f in figures if f.case == case]
        rows.append(f"| {case} | {'; '.join(found).replace('|', '/')} |")
    return "\n".join(rows)


def _with_aim(figure: Figure) -> str:
    return figure.found + ("" if figure.good else f" (**missed**: {figure.aim})")


def table(figures: Sequence[Figure]) -> str:
    rows = [["case", "figure", "found", "aim"]]
    rows += [[f.case, f.what, f.found + ("" if f.good else "  MISSED"), f.aim] for f in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines = [f"| {line} |" for line in lines]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])
