"""Where chunks begin in a run of units: alike in size, and the same when the text far off changes.

A long run is first parted at units whose digest is the least for some way around: which these are depends on the text
near them alone, so that a changed page moves the borders of few chunks.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import pairwise

from portico.server.retrieval.chunking.units import Unit

_AROUND = 2


def pack(units: Sequence[Unit], capacity: int) -> Iterator[list[Unit]]:
    """Units of one run, in order; no pack is larger than `capacity`, as long as no unit is."""
    starts = [0, *_anchors(units, _AROUND * capacity), len(units)]
    for begun, end in pairwise(starts):
        yield from _fill(units[begun:end], capacity)


def _fill(units: Sequence[Unit], capacity: int) -> Iterator[list[Unit]]:
    total = sum(unit.size for unit in units)
    count = -(-total // capacity)
    target = total / max(count, 1)
    pack: list[Unit] = []
    size = 0
    for unit in units:
        if pack and (size + unit.size > capacity or size + unit.size / 2 > target):
            yield pack
            pack, size = [], 0
        pack.append(unit)
        size += unit.size
    if pack:
        yield pack


def _anchors(units: Sequence[Unit], around: int) -> list[int]:
    """Places of units whose digest is less than those of all units within `around` characters before and behind."""
    places, total = [], 0
    for unit in units:
        places.append(total)
        total += unit.size
    if total <= 2 * around:
        return []
    digests = [zlib.crc32(" ".join(unit.text.split()).encode()) for unit in units]
    before = _least_before(digests, places, around)
    ends = [total - place for place in places]
    behind = _least_before(digests[::-1], ends[::-1], around)[::-1]
    return [
        place
        for place, digest in enumerate(digests)
        if around <= places[place] <= total - around and digest < before[place] and digest < behind[place]
    ]


def _least_before(digests: Sequence[int], places: Sequence[int], around: int) -> list[int]:
    """For each unit the least digest among those before it, no further than `around`."""
    window: deque[int] = deque()
    found = []
    for place, digest in enumerate(digests):
        while window and places[place] - places[window[0]] > around:
            window.popleft()
        found.append(digests[window[0]] if window else 2**32)
        while window and digests[window[-1]] >= digest:
            window.pop()
        window.append(place)
    return found
