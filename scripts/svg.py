"""A small pen for the manual's pictures: boxes, words and arrows in, an SVG out that follows light and dark mode."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.sax.saxutils import escape

# Plain classes and no variables: some viewers of SVG know no others. Text is filled, lines are stroked.
_SHAPES = """
  text { font-family: -apple-system, "Segoe UI", "DejaVu Sans", Helvetica, Arial, sans-serif; }
  .mono { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
  .box { stroke-width: 1.2; }
  .arrow { fill: none; stroke-width: 1.4; }
"""
_LIGHT = {
    "paper": "#ffffff", "ink": "#1c2430", "soft": "#5b6675", "line": "#7b8798", "panel": "#f1f4f9", "box": "#ffffff",
    "edge": "#c3ccd8", "in": "#1f6feb", "out": "#1a7f4b",
}  # fmt: skip
_DARK = {
    "paper": "#0d1117", "ink": "#e6edf3", "soft": "#9aa7b5", "line": "#8b97a5", "panel": "#161b22", "box": "#212935",
    "edge": "#3d4855", "in": "#6cb0ff", "out": "#56d08b",
}  # fmt: skip


def _colours(of: dict[str, str]) -> str:
    return (
        f"  .paper {{ fill: {of['paper']}; }} text {{ fill: {of['ink']}; }} .soft {{ fill: {of['soft']}; }}\n"
        f"  .panel {{ fill: {of['panel']}; }} .box {{ fill: {of['box']}; stroke: {of['edge']}; }}\n"
        f"  .arrow {{ stroke: {of['line']}; }} .arrow.in {{ stroke: {of['in']}; }} "
        f".arrow.out {{ stroke: {of['out']}; }}\n"
        f"  .head {{ fill: {of['line']}; }} .head.in {{ fill: {of['in']}; }} .head.out {{ fill: {of['out']}; }}\n"
    )


_STYLE = f"{_SHAPES}{_colours(_LIGHT)}  @media (prefers-color-scheme: dark) {{\n{_colours(_DARK)}  }}\n"


@dataclass(frozen=True)
class Box:
    """A rectangle, by its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle_x(self) -> float:
        return self.x + self.width / 2

    @property
    def middle_y(self) -> float:
        return self.y + self.height / 2

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass
class Drawing:
    """Collects the parts in the order in which they are drawn; `write` gives the finished text."""

    width: int
    height: int
    title: str
    parts: list[str] = field(default_factory=list)

    def panel(self, box: Box, label: str = "") -> None:
        self.parts.append(
            f'<rect class="panel" x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" rx="10"/>'
        )
        if label:
            self.text(box.middle_x, box.y + 20, label, size=13, weight="600")

    def box(self, box: Box, title: str, note: str = "", *, mono: bool = True, size: float = 12) -> None:
        self.parts.append(
            f'<rect class="box" x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" rx="7"/>'
        )
        y = box.middle_y + (-3 if note else 4)
        self.text(box.middle_x, y, title, size=size, weight="600", mono=mono)
        if note:
            self.text(box.middle_x, box.middle_y + 14, note, size=11, soft=True)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = 12,
        weight: str = "400",
        mono: bool = False,
        soft: bool = False,
        anchor: str = "middle",
    ) -> None:
        classes = " ".join(name for name, on in (("mono", mono), ("soft", soft)) if on)
        kind = f' class="{classes}"' if classes else ""
        self.parts.append(
            f'<text{kind} x="{x:g}" y="{y:g}" font-size="{size:g}" font-weight="{weight}" '
            f'text-anchor="{anchor}">{escape(words)}</text>'
        )

    def arrow(self, points: list[tuple[float, float]], kind: str = "") -> None:
        """A line through the points with a head at the last one, drawn along the last stretch."""
        (x0, y0), (x1, y1) = points[-2], points[-1]
        length = max(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5, 1e-6)
        dx, dy = (x1 - x0) / length, (y1 - y0) / length
        base = (x1 - 8 * dx, y1 - 8 * dy)
        path = "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in [*points[:-1], base])
        corners = [(x1, y1), (base[0] - 4 * dy, base[1] + 4 * dx), (base[0] + 4 * dy, base[1] - 4 * dx)]
        head = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        self.parts.append(f'<path class="{f"arrow {kind}".strip()}" d="{path}"/>')
        self.parts.append(f'<polygon class="{f"head {kind}".strip()}" points="{head}"/>')

    def write(self) -> str:
        body = "\n".join(f"  {part}" for part in self.parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img">\n'
            f"  <title>{escape(self.title)}</title>\n  <style>{_STYLE}  </style>\n"
            f'  <rect width="{self.width}" height="{self.height}" class="paper"/>\n{body}\n</svg>\n'
        )
