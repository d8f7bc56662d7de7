"""Words in pictures and scanned pages, by rapidocr where it is installed; a bounded number of them."""

from __future__ import annotations

import importlib.util
import logging
import resource
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from portico.server.retrieval.parsing.pile import Pile

if TYPE_CHECKING:
    import numpy as np

SCANS_LIMIT = 300
_SIDE_LONGEST = 4000
_SURE = 0.5


class Scans:
    """The pictures of one document. `prepare` is called before the engine is loaded: it needs its own bounds."""

    def __init__(self, pile: Pile, time_s: float, prepare: Callable[[], None]) -> None:
        self._pile = pile
        self._until = time.monotonic() + time_s
        self._prepare = prepare
        self._engine: Any = None
        self._read = 0
        self._left_out: list[int] = []
        self.is_there = importlib.util.find_spec("rapidocr") is not None

    def may_read(self, page: int) -> bool:
        """False notes that the page was left out."""
        may = self.is_there and self._read < SCANS_LIMIT and time.monotonic() < self._until
        if not may:
            self._left_out.append(page)
        return may

    def read(self, picture: np.ndarray, pile: Pile) -> None:
        """`picture` is height x width x 3, blue first. Lines that are close are one block."""
        if self._engine is None:
            self._prepare()
            self._engine = _load()
        self._read += 1
        found = self._engine(picture)
        if found.txts is None or found.boxes is None:
            return
        sure = [
            (float(box[:, 1].min()), float(box[:, 1].max()), float(box[:, 0].min()), text)
            for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True)
            if score >= _SURE and text.strip()
        ]
        for paragraph in _paragraphs(sure):
            pile.add("image", paragraph)

    def tell(self) -> None:
        """Which pages were not read, and why, among what was skipped."""
        if not self._left_out:
            return
        pages = ", ".join(map(str, self._left_out[:10])) + (" and more" if len(self._left_out) > 10 else "")
        why = (
            "the limits for reading pictures were reached"
            if self.is_there
            else "reading pictures is not installed (pip install 'portico[ocr]')"
        )
        self._pile.skipped.append(f"Pages without text were skipped ({pages}): {why}.")


def _load() -> Any:
    logging.disable(logging.CRITICAL)
    import cv2
    from rapidocr import RapidOCR

    cv2.setNumThreads(1)
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.max_side_len": _SIDE_LONGEST,
            # Two threads on a busy host wait for each other more than they work.
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "EngineConfig.onnxruntime.enable_cpu_mem_arena": False,
        }
    )


def allow(memory_bytes: int, time_s: float) -> None:
    """Raises the bounds of this process to what the engine may take; never above those it was begun with."""
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    for what, most in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_CPU, int(used + 2 * time_s) + 1)):
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _paragraphs(boxes: list[tuple[float, float, float, str]]) -> list[str]:
    """Boxes (top, bottom, left, text) side by side are one line; lines without a gap are one paragraph."""
    rows: list[list[tuple[float, float, float, str]]] = []
    for box in sorted(boxes):
        last = rows[-1][0] if rows else None
        if last is not None and box[0] < (last[0] + last[1]) / 2:
            rows[-1].append(box)
        else:
            rows.append([box])
    paragraphs: list[str] = []
    bottom = 0.0
    for row in rows:
        text = " ".join(box[3].strip() for box in sorted(row, key=lambda box: box[2]))
        top, height = row[0][0], row[0][1] - row[0][0]
        if paragraphs and top - bottom < height:
            paragraphs[-1] += "\n" + text
        else:
            paragraphs.append(text)
        bottom = max(box[1] for box in row)
    return paragraphs
