"""Rules of a page to grids: where the rows and columns of ruled tables lie, and which of their squares are one cell."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from portico.server.retrieval.parsing.pdf_rules import NEAR, Rule, Rules

_CROSSINGS_LIMIT = 250_000
_SQUARES_LIMIT = 20_000
_STICKS_OUT = 8.0
"""Points by which rules go beyond the outermost ones that cross them, when a side of the table has no rule."""
Square = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Grid:
    """`xs` from left to right, `ys` from top to bottom: one more than there are columns and rows. `cells`: of squares
    (row, column) that are part of a larger cell, its first one."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    cells: dict[Square, Square]

    def find(self, x: float, y: float) -> Square | None:
        """The cell that holds a point, by its first square."""
        if not (self.xs[0] < x < self.xs[-1] and self.ys[-1] < y < self.ys[0]):
            return None
        row = bisect_right(self.ys, -y, key=lambda level: -level) - 1
        square = row, bisect_right(self.xs, x) - 1
        return self.cells.get(square, square)


def list_grids(rules: Rules) -> Iterator[Grid]:
    """Those with two rows and columns at least, the largest first. None where it would be a drawing."""
    if len(rules.level) * len(rules.upright) > _CROSSINGS_LIMIT:
        return
    groups = _crossing(rules)
    grids = [grid for level, upright in groups if (grid := _grid(level, upright)) is not None]
    yield from sorted(grids, key=lambda grid: -(grid.xs[-1] - grid.xs[0]) * (grid.ys[0] - grid.ys[-1]))


def _crossing(rules: Rules) -> list[tuple[list[Rule], list[Rule]]]:
    """Level and upright rules that touch one another, in groups."""
    count = len(rules.level)
    parents = [*range(count + len(rules.upright))]
    for place, level in enumerate(rules.level):
        for other, upright in enumerate(rules.upright, count):
            if (
                level.begin - NEAR <= upright.at <= level.end + NEAR
                and upright.begin - NEAR <= level.at <= upright.end + NEAR
            ):
                _unite(parents, place, other)
    groups: dict[int, tuple[list[Rule], list[Rule]]] = defaultdict(lambda: ([], []))
    for place, rule in enumerate((*rules.level, *rules.upright)):
        groups[_root(parents, place)][place >= count].append(rule)
    return [*groups.values()]


def _grid(level: list[Rule], upright: list[Rule]) -> Grid | None:
    if not level or not upright:
        return None
    xs = _sides([rule.at for rule in upright], [rule.begin for rule in level], [rule.end for rule in level])
    ys = _sides([rule.at for rule in level], [rule.begin for rule in upright], [rule.end for rule in upright])[::-1]
    if len(xs) < 3 or len(ys) < 3 or len(xs) * len(ys) > _SQUARES_LIMIT:
        return None
    return Grid(tuple(xs), tuple(ys), _cells(xs, ys, level, upright))


def _sides(at: list[float], begins: list[float], ends: list[float]) -> list[float]:
    """Different places of rules, and where those that cross them stick out, as a side that has none."""
    sides = sorted(at)
    sides = [side for before, side in pairwise([float("-inf"), *sides]) if side - before > NEAR]
    if sides[0] - min(begins) > _STICKS_OUT:
        sides.insert(0, min(begins))
    if max(ends) - sides[-1] > _STICKS_OUT:
        sides.append(max(ends))
    return sides


def _cells(xs: Sequence[float], ys: Sequence[float], level: list[Rule], upright: list[Rule]) -> dict[Square, Square]:
    """Squares without a rule between them are one cell."""
    width, count = len(xs) - 1, len(ys) - 1
    walls = _by_place(upright, xs)
    floors = _by_place(level, ys)
    parents = [*range(width * count)]
    for row in range(count):
        middle = (ys[row] + ys[row + 1]) / 2
        for column in range(width):
            square = row * width + column
            if column + 1 < width and not _covers(walls[column + 1], middle):
                _unite(parents, square, square + 1)
            if row + 1 < count and not _covers(floors[row + 1], (xs[column] + xs[column + 1]) / 2):
                _unite(parents, square, square + width)
    cells = {}
    for square in range(width * count):
        first = _root(parents, square)
        if first != square:
            cells[divmod(square, width)] = divmod(first, width)
    return cells


def _by_place(rules: list[Rule], sides: Sequence[float]) -> dict[int, list[Rule]]:
    found: dict[int, list[Rule]] = defaultdict(list)
    for rule in rules:
        nearest = min(range(len(sides)), key=lambda place: abs(sides[place] - rule.at))
        found[nearest].append(rule)
    return found


def _covers(rules: list[Rule], point: float) -> bool:
    return any(rule.begin - NEAR <= point <= rule.end + NEAR for rule in rules)


def _unite(parents: list[int], one: int, other: int) -> None:
    """The lesser root stays: of a cell that is its first square."""
    first, second = sorted((_root(parents, one), _root(parents, other)))
    parents[second] = first


def _root(parents: list[int], one: int) -> int:
    while parents[one] != one:
        parents[one] = parents[parents[one]]
        one = parents[one]
    return one
