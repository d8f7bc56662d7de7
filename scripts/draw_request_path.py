"""Draws docs/images/request-path.svg: the rooms that a streaming chat request walks through, and the way back.

python scripts/draw_request_path.py
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from svg import Box, Drawing

TARGET = Path(__file__).resolve().parent.parent / "docs/images/request-path.svg"
WIDTH, HEIGHT = 940, 442
COLUMN, GAP, LEFT, TOP = 170, 12, 112, 84
ROW, BOX = 70, 50
ROOMS = ("edge", "assistants", "gateway", "providers")

# (column, row, file under src/portico/server, what happens there), in the order of the walk
STEPS = (
    (0, 0, "edge/fastlane.py", "bytes, size limit, id"),
    (0, 1, "edge/guard.py", "headers to Caller"),
    (0, 2, "edge/routes/chat.py", "body to ChatRequest"),
    (1, 2, "assistants/desk.py", "model name to a desk"),
    (2, 2, "gateway/chat.py", "model, targets, retry"),
    (3, 2, "providers/openai/chat.py", "request to provider's"),
    (3, 3, "providers/transport.py", "pooled connections"),
    (3, 4, "providers/openai/chat.py", "frames to chunks"),
    (2, 4, "gateway/metering.py", "count, one usage line"),
    (0, 4, "edge/stream.py", "chunks to bytes, [DONE]"),
)
WAY_BACK = 7  # the first step of the way back


def place(column: int, row: int) -> Box:
    x = LEFT + column * (COLUMN + GAP) + 8
    return Box(x, TOP + row * ROW, COLUMN - 16, BOX)


def draw() -> str:
    sheet = Drawing(WIDTH, HEIGHT, "The path of a streaming chat request through the server, and back")
    sheet.text(LEFT, 28, "POST /v1/chat/completions", size=14, weight="600", mono=True, anchor="start")
    for x, kind, words in ((LEFT + 356, "in", "the request"), (LEFT + 500, "out", "the answer, chunk by chunk")):
        sheet.arrow([(x, 24), (x + 26, 24)], kind)
        sheet.text(x + 34, 28, words, size=12, soft=True, anchor="start")
    for column, room in enumerate(ROOMS):
        x = LEFT + column * (COLUMN + GAP)
        sheet.panel(Box(x, 46, COLUMN, TOP + 4 * ROW + BOX + 12 - 46), room)
    caller = Box(14, TOP, 78, 4 * ROW + BOX)
    provider = Box(WIDTH - 92, TOP + 2 * ROW, 78, 2 * ROW + BOX)
    boxes = [place(column, row) for column, row, _, _ in STEPS]
    _draw_arrows(sheet, boxes, caller, provider)
    sheet.box(caller, "caller", mono=False, size=13)
    sheet.box(provider, "provider", mono=False, size=13)
    for box, (_, _, file, note) in zip(boxes, STEPS, strict=True):
        sheet.box(box, file.split("/", 1)[1], note)
    return sheet.write()


def _draw_arrows(sheet: Drawing, boxes: list[Box], caller: Box, provider: Box) -> None:
    sheet.arrow([(caller.right, boxes[0].middle_y), (boxes[0].x, boxes[0].middle_y)], "in")
    for number, (one, two) in enumerate(pairwise(boxes), start=1):
        sheet.arrow(_between(one, two), "out" if number >= WAY_BACK else "in")
    transport = boxes[WAY_BACK - 1]
    sheet.arrow([(transport.right, transport.middle_y - 9), (provider.x, transport.middle_y - 9)], "in")
    sheet.arrow([(provider.x, transport.middle_y + 9), (transport.right, transport.middle_y + 9)], "out")
    sheet.arrow([(boxes[-1].x, boxes[-1].middle_y), (caller.right, boxes[-1].middle_y)], "out")


def _between(one: Box, two: Box) -> list[tuple[float, float]]:
    if one.x == two.x:
        return [(one.middle_x, one.bottom), (two.middle_x, two.y)]
    if one.x < two.x:
        return [(one.right, one.middle_y), (two.x, two.middle_y)]
    return [(one.x, one.middle_y), (two.right, two.middle_y)]


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(draw(), encoding="utf-8")
    print(TARGET.relative_to(Path.cwd()) if TARGET.is_relative_to(Path.cwd()) else TARGET)
