"""The straight lines and the edges of rectangles that a page of a PDF draws: its rules. Bounded, whatever it draws."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

PAGE_LIMIT = 20_000
"""Parts of drawings on a page: one that draws more is a map or a chart, and is not looked through."""
DOCUMENT_LIMIT = 500_000
NEAR = 3.0
"""Points: what is no further apart touches, and what is no thicker is a line."""
_SHORTEST = 4.0
_PARTS_OF_ONE = 2_000
_DEPTH = 3
_Matrix = tuple[float, float, float, float, float, float]
_SAME: _Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Rule:
    """`at`: the height of a level one, the distance from the left of an upright one; where it begins and ends."""

    at: float
    begin: float
    end: float


@dataclass(slots=True)
class Rules:
    """Upright is as the page is shown. Level ones from below to above, upright ones from left to right."""

    level: list[Rule] = field(default_factory=list)
    upright: list[Rule] = field(default_factory=list)


class Drawings:
    """What is drawn in one document. `is_spent`: its pages drew so much that the others were not looked through."""

    def __init__(self, most: int = DOCUMENT_LIMIT) -> None:
        self._left = most
        self.is_spent = False

    def list_rules(self, page: pypdfium2.PdfPage) -> Rules:
        """None of a page that draws more than a table does."""
        count = pdfium.FPDFPage_CountObjects(page)
        if self.is_spent or not 0 < count <= PAGE_LIMIT:
            return Rules()
        walk = _Walk(min(PAGE_LIMIT, self._left))
        walk.go(count, partial(pdfium.FPDFPage_GetObject, page), _SAME, _DEPTH)
        self._left -= walk.taken
        self.is_spent = self._left <= 0
        if walk.taken > walk.most:
            return Rules()
        turn = page.get_rotation() // 90
        edges = [turned(edge, turn) for edge in walk.edges]
        level = [Rule((low + high) / 2, left, right) for left, low, right, high in edges if right - left > high - low]
        upright = [Rule((left + right) / 2, low, high) for left, low, right, high in edges if right - left < high - low]
        return Rules(_merged(level), _merged(upright))


class _Walk:
    """Through the objects of one page. Edges are boxes without a breadth: left, low, right, high."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0
        self.edges: list[tuple[float, float, float, float]] = []
        self._box = tuple(ctypes.c_float() for _ in range(4))
        self._matrix = pdfium.FS_MATRIX()

    def go(self, count: int, get: Callable[[int], Any], outer: _Matrix, depth: int) -> None:
        for place in range(count):
            self.taken += 1
            if self.taken > self.most:
                return
            one = get(place)
            kind = pdfium.FPDFPageObj_GetType(one)
            if kind == pdfium.FPDF_PAGEOBJ_PATH:
                self._look(one, outer)
            elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth:
                inner = _times(self._matrix_of(one), outer)
                many = pdfium.FPDFFormObj_CountObjects(one)
                self.go(many, partial(pdfium.FPDFFormObj_GetObject, one), inner, depth - 1)

    def _look(self, path: object, outer: _Matrix) -> None:
        is_filled, is_drawn = ctypes.c_int(), ctypes.c_int()
        if not pdfium.FPDFPath_GetDrawMode(path, is_filled, is_drawn) or not (is_filled.value or is_drawn.value):
            return
        if not pdfium.FPDFPageObj_GetBounds(path, *self._box):
            return
        left, low, right, high = _moved_box([side.value for side in self._box], outer)
        if right - left <= NEAR or high - low <= NEAR:
            if max(right - left, high - low) >= _SHORTEST:
                self.edges.append((left, low, right, high))
        elif is_drawn.value or not self._is_white(path):
            self._look_closer(path, outer)

    def _look_closer(self, path: object, outer: _Matrix) -> None:
        count = pdfium.FPDFPath_CountSegments(path)
        if not 2 <= count <= _PARTS_OF_ONE:
            return
        self.taken += count
        matrix = _times(self._matrix_of(path), outer)
        x, y = ctypes.c_float(), ctypes.c_float()
        begun = last = (0.0, 0.0)
        for place in range(count):
            part = pdfium.FPDFPath_GetPathSegment(path, place)
            kind = pdfium.FPDFPathSegment_GetType(part)
            pdfium.FPDFPathSegment_GetPoint(part, x, y)
            point = _moved(x.value, y.value, matrix)
            if kind == pdfium.FPDF_SEGMENT_MOVETO:
                begun = point
            elif kind == pdfium.FPDF_SEGMENT_LINETO:
                self._edge(last, point)
            last = point
            if pdfium.FPDFPathSegment_GetClose(part):
                self._edge(last, begun)
                last = begun

    def _edge(self, one: tuple[float, float], other: tuple[float, float]) -> None:
        wide, tall = abs(one[0] - other[0]), abs(one[1] - other[1])
        if min(wide, tall) < 1 and max(wide, tall) >= _SHORTEST:
            self.edges.append(
                (min(one[0], other[0]), min(one[1], other[1]), max(one[0], other[0]), max(one[1], other[1]))
            )

    def _is_white(self, path: object) -> bool:
        """A ground that nobody sees."""
        red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
        if not pdfium.FPDFPageObj_GetFillColor(path, red, green, blue, alpha):
            return False
        return alpha.value == 0 or min(red.value, green.value, blue.value) > 250

    def _matrix_of(self, one: object) -> _Matrix:
        matrix = self._matrix
        if not pdfium.FPDFPageObj_GetMatrix(one, matrix):
            return _SAME
        return matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f


def turned(box: tuple[float, float, float, float], quarters: int) -> tuple[float, float, float, float]:
    """Left, low, right, high as a page shows it that is turned by so many quarters, clockwise."""
    left, low, right, high = box
    match quarters % 4:
        case 1:
            return low, -right, high, -left
        case 2:
            return -right, -high, -left, -low
        case 3:
            return -high, left, -low, right
        case _:
            return box


def _moved(x: float, y: float, by: _Matrix) -> tuple[float, float]:
    a, b, c, d, e, f = by
    return a * x + c * y + e, b * x + d * y + f


def _moved_box(box: list[float], by: _Matrix) -> tuple[float, float, float, float]:
    left, low, right, high = box
    if by is _SAME:
        return left, low, right, high
    corners = [_moved(x, y, by) for x in (left, right) for y in (low, high)]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return min(xs), min(ys), max(xs), max(ys)


def _times(first: _Matrix, then: _Matrix) -> _Matrix:
    if then is _SAME:
        return first
    a, b, c, d, e, f = first
    p, q, r, s, t, u = then
    return a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u


def _merged(rules: Iterable[Rule]) -> list[Rule]:
    """Those that are one to the eye are one: double lines, the sides of neighbouring cells, dashes."""
    merged: list[Rule] = []
    group: list[Rule] = []
    for rule in sorted(rules, key=lambda rule: rule.at):
        if group and (rule.at - group[-1].at > NEAR or rule.at - group[0].at > 2 * NEAR):
            merged += _joined(group)
            group = []
        group.append(rule)
    return merged + _joined(group)


def _joined(group: list[Rule]) -> list[Rule]:
    if not group:
        return []
    at = sum(rule.at for rule in group) / len(group)
    spans: list[list[float]] = []
    for rule in sorted(group, key=lambda rule: rule.begin):
        if spans and rule.begin - spans[-1][1] <= NEAR:
            spans[-1][1] = max(spans[-1][1], rule.end)
        else:
            spans.append([rule.begin, rule.end])
    return [Rule(at, begin, end) for begin, end in spans]
