"""Maximal marginal relevance: of many passages the few that are near to the question and far from each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def choose_diverse(
    relevance: Sequence[float], passages: Sequence[NDArray[np.float32]], k: int, mmr_lambda: float
) -> list[int]:
    """The places of at most `k` passages, in the order in which they were chosen.

    `passages` are their vectors, of unit length. `mmr_lambda` from 0 (as different as possible) to 1 (as near to
    the question as possible). The first one is always the most relevant.
    """
    scores = np.asarray(relevance, dtype=np.float32)
    if not len(scores) or k <= 0:
        return []
    vectors = np.stack(passages)
    chosen = [int(np.argmax(scores))]
    nearest = vectors @ vectors[chosen[0]]
    left = np.ones(len(scores), dtype=bool)
    left[chosen[0]] = False
    while len(chosen) < k and left.any():
        gain = np.where(left, mmr_lambda * scores - (1 - mmr_lambda) * nearest, -np.inf)
        best = int(np.argmax(gain))
        chosen.append(best)
        left[best] = False
        nearest = np.maximum(nearest, vectors @ vectors[best])
    return chosen
