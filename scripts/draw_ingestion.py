"""Draws docs/images/ingestion.svg: the life of a document, from its upload to the search.

python scripts/draw_ingestion.py
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from svg import Box, Drawing

TARGET = Path(__file__).resolve().parent.parent / "docs/images/ingestion.svg"
WIDTH, HEIGHT = 940, 376
COLUMN, GAP, LEFT, TOP = 210, 20, 20, 84
STATE = 56

# (state on the wire, what it means, what is done in it, line by line)
STATES = (
    (
        "Unknown",
        "queued",
        ("the bytes are kept in a", "folder or a bucket; the row and", "the order to index it are", "written together"),
    ),
    (
        "Starting",
        "being read",
        ("a child process with limits", "of time and memory reads", "text, headings, tables,", "pages"),
    ),
    (
        "Pending",
        "being indexed",
        ("cut into chunks; those with", "known text keep their vectors,", "the others are embedded", "in batches"),
    ),
    (
        "Success",
        "searchable",
        ("the new revision takes the", "place of the old one, all at", "once; until then the old one", "is searched"),
    ),
)
ROOMS = (("server", 0, 0), ("worker", 1, 2), ("search", 3, 3))


def place(column: int) -> Box:
    return Box(LEFT + column * (COLUMN + GAP) + 20, TOP, COLUMN - 40, STATE)


def draw() -> str:
    sheet = Drawing(WIDTH, HEIGHT, "The states of a document: Unknown, Starting, Pending, Success or Failed")
    sheet.text(LEFT, 28, "POST .../document", size=14, weight="600", mono=True, anchor="start")
    for room, first, last in ROOMS:
        x = LEFT + first * (COLUMN + GAP)
        sheet.panel(Box(x, 46, (last - first) * (COLUMN + GAP) + COLUMN, 196), room)
    boxes = [place(column) for column in range(len(STATES))]
    sheet.arrow([(boxes[0].x + 24, 36), (boxes[0].x + 24, boxes[0].y)], "in")
    for one, two in pairwise(boxes):
        sheet.arrow([(one.right, one.middle_y), (two.x, two.middle_y)], "in")
    failed = Box(boxes[1].x, 272, boxes[2].right - boxes[1].x, STATE)
    for box in boxes[1:3]:
        sheet.arrow([(box.middle_x, 242), (box.middle_x, failed.y)], "out")
    _draw_again(sheet, boxes[3], boxes[0], failed)
    for box, (state, meaning, lines) in zip(boxes, STATES, strict=True):
        sheet.box(box, state, meaning, size=13)
        for number, line in enumerate(lines):
            sheet.text(box.middle_x, box.bottom + 24 + 17 * number, line, size=11.5, soft=True)
    sheet.box(failed, "Failed", "indexDetail says why: no text, a password, broken, too large ...", size=13)
    return sheet.write()


def _draw_again(sheet: Drawing, last: Box, first: Box, failed: Box) -> None:
    """The way back, from the end or from a failure: PUT begins anew."""
    low = failed.bottom + 24
    sheet.arrow([(last.middle_x, 242), (last.middle_x, low), (first.middle_x, low), (first.middle_x, 244)])
    sheet.arrow([(failed.x, failed.middle_y), (first.middle_x + 1, failed.middle_y)])
    sheet.text(first.middle_x + 10, low - 8, "PUT: index again", size=11.5, soft=True, anchor="start")


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(draw(), encoding="utf-8")
    print(TARGET.relative_to(Path.cwd()) if TARGET.is_relative_to(Path.cwd()) else TARGET)
