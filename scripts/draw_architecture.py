"""Draws docs/images/architecture.svg from the real import graph: layers are rows, rooms are boxes, arrows are imports.

    python scripts/draw_architecture.py

The rows come from the import contract in pyproject.toml. An arrow that follows from two others is left out; the
lowest row is used by all and gets none.
"""

from __future__ import annotations

import tomllib
from itertools import pairwise
from pathlib import Path

import grimp
from svg import Box, Drawing

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs/images/architecture.svg"
WIDTH, ROW, BOX, SERVER_X = 940, 76, 40, 230
Edges = set[tuple[str, str]]


def read_layers() -> list[list[str]]:
    """The rows of the server from the contract, highest first, without the rooms that are not built yet."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(c for c in config["tool"]["importlinter"]["contracts"] if c["id"] == "rooms")
    rows = [[room.strip(" ()") for room in row.split("|")] for row in contract["layers"]]
    folder = ROOT / "src/portico/server"
    built = [[room for room in row if (folder / room).is_dir() or (folder / f"{room}.py").is_file()] for row in rows]
    return [row for row in built if row]


def read_imports(rooms: set[str]) -> Edges:
    """Which room imports which, as the code stands."""
    graph = grimp.build_graph("portico", cache_dir=None)
    found: Edges = set()
    for module in graph.modules:
        one = _room(module)
        for other in (_room(m) for m in graph.find_modules_directly_imported_by(module)):
            if one != other and one in rooms and other in rooms:
                found.add((one, other))
    return found


def _room(module: str) -> str:
    """`portico.server.edge.routes.chat` is in `edge`; `portico.sdk.transport` in `sdk`."""
    parts = module.split(".")[1:]
    if parts[:1] == ["server"]:
        parts = parts[1:]
    return parts[0] if parts else ""


def reduce(edges: Edges) -> Edges:
    """Without the arrows that follow from others: a to c is left out when a reaches c by way of b."""
    return {(a, c) for a, c in edges if not any(_reaches(edges, b, c) for x, b in edges if x == a and b != c)}


def _reaches(edges: Edges, start: str, goal: str) -> bool:
    seen, open_ = {start}, [start]
    while open_:
        room = open_.pop()
        nexts = {b for a, b in edges if a == room} - seen
        if goal in nexts:
            return True
        seen |= nexts
        open_ += nexts
    return False


def draw() -> str:
    rows = read_layers()
    height = 74 + len(rows) * ROW + 84
    sheet = Drawing(WIDTH, height, "The rooms of Portico and who imports whom")
    panel = Box(SERVER_X, 16, WIDTH - SERVER_X - 16, 58 + len(rows) * ROW - 18)
    sheet.panel(panel, "portico.server")
    places = _place_server(rows, panel) | _place_houses(height)
    lowest = set(rows[-1])
    rooms = {room for row in rows for room in row}
    edges = reduce({e for e in read_imports(rooms) if e[1] not in lowest})
    for one, other in sorted(edges):
        sheet.arrow(_route(places[one], places[other], places, {one, other}))
    for one, other in sorted(read_imports({"cli", "sdk", "wire"})):
        if (one, other) != ("cli", "wire"):
            sheet.arrow([(places[one].middle_x, places[one].bottom), (places[other].x + 94, places[other].y)])
    sheet.arrow([(panel.middle_x, panel.bottom), (panel.middle_x, places["wire"].y)])
    for room, box in places.items():
        sheet.box(box, room, _note(room), size=13 if room in ("cli", "sdk", "wire") else 12)
    sheet.text(panel.middle_x, panel.bottom - 10, "the lowest row is used by all rooms above it", size=11, soft=True)
    return sheet.write()


def _note(room: str) -> str:
    return {
        "cli": "the command portico",
        "sdk": "clients and managers",
        "wire": "the shapes that cross the network",
    }.get(room, "")


def _place_server(rows: list[list[str]], panel: Box) -> dict[str, Box]:
    places = {}
    for number, row in enumerate(rows):
        width = 116 if len(row) > 3 else 150
        gap = (panel.width - 24 - width * len(row)) / (len(row) + 1)
        for i, room in enumerate(row):
            x = panel.x + 12 + gap + i * (width + gap)
            places[room] = Box(round(x, 1), panel.y + 36 + number * ROW, width, BOX)
    return places


def _place_houses(height: int) -> dict[str, Box]:
    return {
        "cli": Box(16, 52, 188, 52),
        "sdk": Box(16, 52 + 2 * ROW, 188, 52),
        "wire": Box(16, height - 68, WIDTH - 32, 52),
    }


def _route(one: Box, other: Box, places: dict[str, Box], ends: set[str]) -> list[tuple[float, float]]:
    """From the lower side of one box to the upper side of the other, round the boxes that stand between."""
    start, goal = (one.middle_x, one.bottom), (other.middle_x, other.y)
    blocking = [b for room, b in places.items() if room not in ends and _crosses(start, goal, b)]
    if not blocking:
        return [start, goal]
    right = max(b.right for b in blocking) + 14
    left = min(b.x for b in blocking) - 14
    x = right if abs(right - goal[0]) <= abs(left - goal[0]) else left
    return [start, (x, min(b.y for b in blocking) - 10), (x, max(b.bottom for b in blocking) + 10), goal]


def _crosses(start: tuple[float, float], goal: tuple[float, float], box: Box) -> bool:
    for step, _ in pairwise(range(41)):
        t = step / 40
        x, y = start[0] + (goal[0] - start[0]) * t, start[1] + (goal[1] - start[1]) * t
        if box.x - 6 < x < box.right + 6 and box.y - 4 < y < box.bottom + 4:
            return True
    return False


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(draw(), encoding="utf-8")
    print(TARGET.relative_to(Path.cwd()) if TARGET.is_relative_to(Path.cwd()) else TARGET)
