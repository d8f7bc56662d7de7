"""How good a ranking is: nDCG, recall and reciprocal rank of what was found against what was expected; no I/O.

A ranking is of documents, best first: chunks of one document count once, at their best place. Relevance is yes or no.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

RECALLS = (1, 5, 10)
DEPTH = 10
"""How many documents of a ranking are looked at, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What was found for one question, best first and without repeats; `expected` is never empty."""

    expected: frozenset[str]
    found: tuple[str, ...]
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Quality:
    """Means over the questions, from 0 to 1; latencies in milliseconds. `recall` is by depth."""

    questions: int
    ndcg: float
    recall: tuple[tuple[int, float], ...]
    mrr: float
    p50_ms: float
    p95_ms: float


def measure(answers: Sequence[Answered], k: int = DEPTH) -> Quality:
    """nDCG@k, recall at 1, 5, 10 as far as they are within k, and at k; MRR@k. Of no answers, everything is 0."""
    depths = sorted({depth for depth in (*RECALLS, k) if depth <= k})
    times = [answer.latency_ms for answer in answers]
    return Quality(
        questions=len(answers),
        ndcg=_mean(ndcg(answer.found, answer.expected, k) for answer in answers),
        recall=tuple((d, _mean(recall(answer.found, answer.expected, d) for answer in answers)) for d in depths),
        mrr=_mean(reciprocal_rank(answer.found, answer.expected, k) for answer in answers),
        p50_ms=percentile(times, 50),
        p95_ms=percentile(times, 95),
    )


def collapse(documents: Iterable[str]) -> tuple[str, ...]:
    """The documents of ranked chunks, each at its best place; those behind move up."""
    return tuple(dict.fromkeys(documents))


def ndcg(found: Sequence[str], expected: Collection[str], k: int) -> float:
    """Discounted gain of the first k against that of the best ranking there could be: 1 at best, 0 at worst."""
    gained = sum(_discount(place) for place, document in enumerate(found[:k]) if document in expected)
    best = sum(_discount(place) for place in range(min(len(expected), k)))
    return gained / best if best else 0.0


def recall(found: Sequence[str], expected: Collection[str], k: int) -> float:
    """The share of the expected documents that stands among the first k."""
    return len(set(found[:k]) & set(expected)) / len(expected) if expected else 0.0


def reciprocal_rank(found: Sequence[str], expected: Collection[str], k: int) -> float:
    """1 when the first document is right, 1/2 when only the second is; 0 when none of the first k is."""
    return next((1 / (place + 1) for place, document in enumerate(found[:k]) if document in expected), 0.0)


def percentile(values: Sequence[float], percent: float) -> float:
    """By nearest rank: a value that was measured, none in between. 0 of no values."""
    if not values:
        return 0.0
    return sorted(values)[max(0, math.ceil(percent / 100 * len(values)) - 1)]


def _discount(place: int) -> float:
    return 1 / math.log2(place + 2)


def _mean(values: Iterable[float]) -> float:
    counted = list(values)
    return sum(counted) / len(counted) if counted else 0.0
