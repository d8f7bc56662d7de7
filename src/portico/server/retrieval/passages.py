"""Chunks that were found become passages: parents in place of their children, and nothing twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from portico.server.storage.passages import PassageRow

ALIKE = 0.9
"""Passages of one document that share so many of their words are one passage; overlap of neighbours is far below."""


@dataclass(frozen=True, slots=True)
class Passage:
    """`row` is what is shown: the chunk itself, or its parent. The vector is that of the chunk that was found."""

    row: PassageRow
    score: float
    metadata: Mapping[str, Any]
    vector: npt.NDArray[np.float32] | None


def choose(rows: Mapping[int, PassageRow], found: Sequence[tuple[int, float]], k: int) -> list[Passage]:
    """The first `k` of the chunks found, best first, without those that repeat a better one."""
    chosen: list[Passage] = []
    taken: set[int] = set()
    kept: dict[str, list[frozenset[str]]] = {}
    for chunk_id, score in found:
        child = rows[chunk_id]
        row = child if child.parent is None else rows.get(child.parent, child)
        if row.ordinal in taken or _repeats(row, kept):
            continue
        taken.add(row.ordinal)
        chosen.append(Passage(row, score, write_metadata(row), child.vector))
        if len(chosen) == k:
            break
    return chosen


def _repeats(row: PassageRow, kept: dict[str, list[frozenset[str]]]) -> bool:
    """Remembers the passage when it is new."""
    words = frozenset(row.body.split())
    others = kept.setdefault(row.document_id, [])
    if any(len(words & other) >= ALIKE * len(words | other) for other in others):
        return True
    others.append(words)
    return False


def write_metadata(row: PassageRow) -> dict[str, Any]:
    """The keys of the reference, which nothing that was said at the upload hides."""
    source = f"{row.name}.{row.extension}" if row.extension else row.name
    shown = {**row.metadata, "id": row.document_id, "name": row.name, "extension": row.extension, "source": source}
    place: dict[str, Any] = {}
    if row.line_from is not None:
        place["lines"] = {"from": row.line_from, "to": row.line_from if row.line_to is None else row.line_to}
    if row.page is not None:
        place["pageNumber"] = row.page
    return {**shown, "loc": place} if place else shown
