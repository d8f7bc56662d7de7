"""BM25 over postings: packed words of chunks in, the best ordinals and their scores out. Pure; no database in sight.

Score of a chunk: the sum over the terms of `idf * tf * (K1 + 1) / (tf + K1 * (1 - B + B * length / average))`, where
`idf = ln(1 + (N - df + 0.5) / (df + 0.5))`. Lengths count terms.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

K1 = 1.2
B = 0.75
DENSE_ORDINALS = 4_000_000
"""Up to so many ordinals are added up in an array of all of them (4 bytes each); beyond, by sorting."""
TOP = 65_535
ENTRY = np.dtype([("ordinal", "<u4"), ("times", "<u2"), ("length", "<u2")])
"""One chunk in the postings of a term; counts above 65,535 are kept as that."""

Ordinals = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]
Entries = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Counts:
    """What BM25 knows of a whole index: its chunks, and the terms in all of them."""

    chunks: int
    words: int

    @property
    def average(self) -> float:
        return self.words / self.chunks if self.chunks and self.words else 1.0


@dataclass(frozen=True, slots=True)
class Ranges:
    """Ordinals, as sorted ranges that do not touch: those from `starts` on and before `ends`."""

    starts: Ordinals
    ends: Ordinals

    @classmethod
    def of(cls, pairs: Sequence[tuple[int, int]]) -> Ranges:
        """Of pairs (first, how many), in any order; neighbours become one."""
        merged: list[list[int]] = []
        for first, count in sorted(pairs):
            if merged and merged[-1][1] >= first:
                merged[-1][1] = max(merged[-1][1], first + count)
            else:
                merged.append([first, first + count])
        table = np.array(merged, np.int64).reshape(-1, 2)
        return cls(table[:, 0].copy(), table[:, 1].copy())

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def size(self) -> int:
        return int((self.ends - self.starts).sum())

    @classmethod
    def of_ordinals(cls, ordinals: Ordinals) -> Ranges:
        """Of ordinals in order."""
        if not len(ordinals):
            return cls.of([])
        breaks = np.flatnonzero(np.diff(ordinals) != 1)
        starts, ends = np.append(0, breaks + 1), np.append(breaks, len(ordinals) - 1)
        return cls(ordinals[starts], ordinals[ends] + 1)

    def intersect(self, other: Ranges) -> Ranges:
        """What both hold."""
        pairs, mine, theirs = [], 0, 0
        while mine < len(self) and theirs < len(other):
            start = max(int(self.starts[mine]), int(other.starts[theirs]))
            end = min(int(self.ends[mine]), int(other.ends[theirs]))
            if start < end:
                pairs.append((start, end - start))
            if self.ends[mine] < other.ends[theirs]:
                mine += 1
            else:
                theirs += 1
        return Ranges.of(pairs)

    def holds(self, ordinals: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
        if not len(self.starts):
            return np.zeros(len(ordinals), bool)
        place = np.searchsorted(self.starts, ordinals, "right") - 1
        return (place >= 0) & (ordinals < self.ends[np.maximum(place, 0)])


@dataclass(frozen=True, slots=True)
class Posting:
    """The chunks of one term, or of several that stand for one word, by ordinal."""

    ordinals: npt.NDArray[np.uint32]
    times: npt.NDArray[np.unsignedinteger[Any]]
    lengths: npt.NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.ordinals)

    @property
    def size_bytes(self) -> int:
        return int(self.ordinals.nbytes + self.times.nbytes + self.lengths.nbytes)


NO_POSTING = Posting(np.zeros(0, np.uint32), np.zeros(0, np.uint16), np.zeros(0, np.uint16))


def read_posting(entries: Entries) -> Posting:
    """Entries as they are kept, by column; two segments that were put one after the other need not be in order."""
    ordinals = np.ascontiguousarray(entries["ordinal"])
    times, lengths = np.ascontiguousarray(entries["times"]), np.ascontiguousarray(entries["length"])
    if (ordinals[1:] < ordinals[:-1]).any():
        order = np.argsort(ordinals, kind="stable")
        return Posting(ordinals[order], times[order], lengths[order])
    return Posting(ordinals, times, lengths)


def join(parts: Sequence[Posting], dead: Ranges) -> Posting:
    """Postings of several segments and terms as one, without dead ordinals; times of one ordinal are added up."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return NO_POSTING
    whole = parts[0] if len(parts) == 1 else _concatenate(parts)
    if len(dead) and (gone := dead.holds(whole.ordinals)).any():
        whole = Posting(whole.ordinals[~gone], whole.times[~gone], whole.lengths[~gone])
    return whole


def _concatenate(parts: Sequence[Posting]) -> Posting:
    ordinals = np.concatenate([part.ordinals for part in parts])
    times = np.concatenate([part.times for part in parts])
    lengths = np.concatenate([part.lengths for part in parts])
    if (ordinals[1:] > ordinals[:-1]).all():
        return Posting(ordinals, times, lengths)
    order = np.argsort(ordinals, kind="stable")
    ordinals, times, lengths = ordinals[order], times[order], lengths[order]
    starts = np.flatnonzero(np.concatenate(([True], ordinals[1:] != ordinals[:-1])))
    if len(starts) < len(ordinals):
        times = np.add.reduceat(times.astype(np.uint32), starts)
        ordinals, lengths = ordinals[starts], lengths[starts]
    return Posting(ordinals, times, lengths)


def idf(counts: Counts, documents: int) -> float:
    return math.log(1 + (max(counts.chunks - documents, 0) + 0.5) / (documents + 0.5))


def _saturate(posting: Posting, counts: Counts, bound: float) -> Scores:
    """What a term adds to each of its chunks, when it can add `bound`."""
    times = posting.times.astype(np.float32)
    norm = posting.lengths.astype(np.float32)
    norm *= np.float32(K1 * B / counts.average)
    norm += np.float32(K1 * (1 - B))
    norm += times
    times *= np.float32(bound)
    times /= norm
    return times


@dataclass(frozen=True, slots=True)
class Ranked:
    """The best chunks, best first; `bound` is what no chunk of this index can exceed for the question."""

    ordinals: Ordinals
    scores: Scores
    bound: float


NOTHING = Ranked(np.zeros(0, np.int64), np.zeros(0, np.float32), 0.0)


def rank(
    postings: Sequence[Posting],
    counts: Counts,
    limit: int,
    allowed: Ranges | None = None,
    weights: Sequence[float] | None = None,
) -> Ranked:
    """The `limit` best of the allowed chunks; equal scores by ordinal. `weights`: how much each term counts, or 1.

    Rare terms first. As soon as what the others can add together would not lift a chunk that none of the terms so far
    is in, they are only looked up for the chunks that can still win: the score stays exact.
    """
    factors = weights or [1.0] * len(postings)
    bounds = [(idf(counts, len(one)) * (K1 + 1) * factor, one) for one, factor in zip(postings, factors, strict=True)]
    pairs = sorted(((bound, one) for bound, one in bounds if len(one)), key=lambda pair: -pair[0])
    if not pairs or limit <= 0:
        return NOTHING
    rest = [*np.cumsum([bound for bound, _ in pairs][::-1])[::-1].tolist(), 0.0]
    total = float(sum(bound for bound, _ in bounds))
    sums = _Sums(allowed)
    for place, (most, posting) in enumerate(pairs):
        sums.add(posting.ordinals, _saturate(posting, counts, most))
        left = rest[place + 1]
        # A float32 sum may lie a little off the true one: a margin keeps the bound a bound.
        if left and sums.reach(limit) > left * 1.0001 + 1e-4:
            return _finish(sums, pairs[place + 1 :], left, counts, limit, total)
    return _best(*sums.result(), limit, total)


def _finish(
    sums: _Sums, pairs: Sequence[tuple[float, Posting]], left: float, counts: Counts, limit: int, total: float
) -> Ranked:
    ordinals, scores = sums.result()
    for bound, posting in pairs:
        threshold = _threshold(scores, limit)
        keep = scores + np.float32(left * 1.0001 + 1e-4) >= threshold
        ordinals, scores = ordinals[keep], scores[keep].copy()
        place = np.searchsorted(posting.ordinals, ordinals)
        place[place == len(posting)] = 0
        found = posting.ordinals[place] == ordinals
        at = place[found]
        part = Posting(posting.ordinals[at], posting.times[at], posting.lengths[at])
        scores[found] += _saturate(part, counts, bound)
        left = max(left - bound, 0.0)
    return _best(ordinals, scores, limit, total)


class _Sums:
    """Scores added up by ordinal."""

    def __init__(self, allowed: Ranges | None) -> None:
        self._allowed = allowed
        self._parts: list[tuple[npt.NDArray[np.uint32], Scores]] = []
        self._merged: tuple[Ordinals, Scores] | None = None

    def add(self, ordinals: npt.NDArray[np.uint32], scores: Scores) -> None:
        if self._allowed is not None:
            held = self._allowed.holds(ordinals)
            ordinals, scores = ordinals[held], scores[held]
        if len(ordinals):
            self._parts.append((ordinals, scores))
            self._merged = None

    def reach(self, limit: int) -> float:
        """The score of the last that would be taken now; 0 while there are fewer."""
        return _threshold(self.result()[1], limit)

    def result(self) -> tuple[Ordinals, Scores]:
        """By ordinal; only those with a score."""
        if self._merged is None:
            self._merged = self._merge()
            self._parts = [(self._merged[0].astype(np.uint32), self._merged[1])] if len(self._merged[0]) else []
        return self._merged

    def _merge(self) -> tuple[Ordinals, Scores]:
        if not self._parts:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        if len(self._parts) == 1:
            ordinals, scores = self._parts[0]
            return ordinals.astype(np.int64), scores
        low = min(int(ordinals[0]) for ordinals, _ in self._parts)
        span = max(int(ordinals[-1]) for ordinals, _ in self._parts) - low + 1
        if span <= DENSE_ORDINALS:
            sums = np.zeros(span, np.float32)
            for ordinals, scores in self._parts:
                sums[ordinals - np.uint32(low)] += scores  # one term names a chunk once
            found = np.flatnonzero(sums)
            return found + low, sums[found]
        every = np.concatenate([ordinals for ordinals, _ in self._parts])
        unique, inverse = np.unique(every, return_inverse=True)
        added = np.bincount(inverse, np.concatenate([scores for _, scores in self._parts]), len(unique))
        return unique.astype(np.int64), added.astype(np.float32)


def _threshold(scores: Scores, limit: int) -> float:
    if len(scores) < limit:
        return 0.0
    return float(np.partition(scores, len(scores) - limit)[len(scores) - limit])


def _best(ordinals: Ordinals, scores: Scores, limit: int, bound: float) -> Ranked:
    if len(scores) > limit:
        keep = scores >= _threshold(scores, limit)
        ordinals, scores = ordinals[keep], scores[keep]
    order = np.lexsort((ordinals, -scores))[:limit]
    return Ranked(ordinals[order], scores[order], bound)


@dataclass(frozen=True, slots=True)
class Packed:
    """The words of one edition: terms in order, and where the entries of each begin."""

    terms: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.uint32]
    entries: Entries

    def find(self, term: int) -> Entries | None:
        place = int(np.searchsorted(self.terms, term))
        if place == len(self.terms) or self.terms[place] != term:
            return None
        return self.entries[self.offsets[place] : self.offsets[place + 1]]


def pack(chunks: Mapping[int, Counter[int]]) -> bytes:
    """Of chunks by ordinal: number of terms, terms, offsets, entries; little endian."""
    total = sum(map(len, chunks.values()))
    terms = np.zeros(total, np.int64)
    entries = np.zeros(total, ENTRY)
    at = 0
    for ordinal, counts in sorted(chunks.items()):
        end = at + len(counts)
        terms[at:end] = np.fromiter(counts.keys(), np.int64, len(counts))
        entries["times"][at:end] = np.minimum(np.fromiter(counts.values(), np.int64, len(counts)), TOP)
        entries["ordinal"][at:end] = ordinal
        entries["length"][at:end] = min(counts.total(), TOP)
        at = end
    return pack_entries(terms, entries)


def pack_entries(terms: npt.NDArray[np.int64], entries: Entries) -> bytes:
    """Of as many terms as entries, in any order."""
    order = np.lexsort((entries["ordinal"], terms))
    unique, starts = np.unique(terms[order], return_index=True)
    offsets = np.append(starts, len(terms)).astype("<u4")
    head = np.array([len(unique)], "<u8").tobytes()
    return head + unique.astype("<i8").tobytes() + offsets.tobytes() + entries[order].tobytes()


def unpack(data: bytes) -> Packed:
    count = int(np.frombuffer(data, "<u8", 1)[0])
    terms = np.frombuffer(data, "<i8", count, 8)
    offsets = np.frombuffer(data, "<u4", count + 1, 8 + 8 * count)
    return Packed(terms, offsets, np.frombuffer(data, ENTRY, -1, 8 + 8 * count + 4 * (count + 1)))
