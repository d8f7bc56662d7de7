"""Of chunks of a recording: when what stands in them was said."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from portico.server.retrieval.blocks import Block

START, END = "startTime", "endTime"
"""Seconds from the beginning, whole ones: as metadata of a chunk."""


class Times:
    """Of the blocks of one document, by their lines; false where none has a time."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._spans = {block.line_from: (block.start_s, block.end_s) for block in blocks if block.end_s}

    def __bool__(self) -> bool:
        return bool(self._spans)

    def of(self, first: int, last: int) -> Mapping[str, Any] | None:
        spans = [span for line in range(first, last + 1) if (span := self._spans.get(line)) is not None]
        if not spans:
            return None
        return {START: int(spans[0][0]), END: math.ceil(max(end for _, end in spans))}
