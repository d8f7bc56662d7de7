"""Two lists of chunks, by vector and by word, become one. What the question is like decides how much each counts.

People who ask in sentences describe what they look for, mostly in other words than the text has: vectors find it, and
words help a little. People who type terms and names mean those very terms: words and vectors count alike, for names
words a little more. In between the share changes smoothly (`share_of_words`), so that no question falls off an edge.
Where the model of the vectors does not know the language of the question, words decide (`SHARE_FOREIGN`).

The scores are added, not the ranks: a rank forgets how far the best is ahead. BM25 is divided by what a chunk could
reach at most for this question. Of cosines only what they rise above the background counts, and that is brought to a
usual spread: models differ in the range that they use, and so do questions.

The three shares and the usual spread were chosen on questions and index terms of the manuals of Python, PostgreSQL and
Perl, where a third more or less of each changes nDCG@10 by less than 0.01.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from portico.server.retrieval.lookup import WordMatch

SHARE_ASKED = 0.2
SHARE_TERMS = 0.5
SHARE_NAMES = 0.1
"""Added to that of terms as far as these are names: options, functions, paths."""
USUAL_SPREAD = 0.22
"""Of cosines, between the best chunk and the background."""
SPREAD_KEPT = 0.25
"""How much of an unusual spread is left as it is: a question that nothing answers well has a narrow one."""
BACKGROUND = 50
"""The chunk of this rank, or the last, is background."""
NARROWEST = 0.02
SHOWN_WORDS_SHARE = 0.5
SHARE_FOREIGN = 0.8
"""Of a question in a language that the embedding model has not learned: its vectors are hardly more than a guess."""


class Fused(NamedTuple):
    """`score` orders the list; it cannot be compared with that of another question."""

    chunk_id: int
    score: float


def share_of_words(text: str, matches: Sequence[WordMatch]) -> float:
    """From 0.2 for a question in a sentence to 0.6 for nothing but names."""
    words = [one for one in matches if not one.word.is_whole]
    function = sum(one.is_function for one in words)
    content = max(len(words) - function, 1)
    # Words that only hold others together are what a sentence is known by, in any language with a list of them.
    sentence = min(1.0, function / max(len(words), 1) / 0.3) * min(1.0, function / 3)
    marked = 0.6 if text.rstrip().endswith(("?", "？", "؟", ";", "\u037e")) else 0.0
    long = 0.6 * min(1.0, max(0.0, (content - 4) / 6))
    asked = 1 - (1 - sentence) * (1 - marked) * (1 - long)
    names = min(1.0, sum(one.word.is_name for one in words) / content)
    return SHARE_ASKED + (SHARE_TERMS - SHARE_ASKED + SHARE_NAMES * names) * (1 - asked)


def fuse(
    near: Sequence[tuple[int, float]], said: Sequence[tuple[int, float]], bound: float, share: float
) -> list[Fused]:
    """Best first. `near` are cosines and `said` BM25 scores of at most `bound`, both best first."""
    scores: dict[int, float] = {}
    if near:
        floor = near[min(BACKGROUND, len(near)) - 1][1]
        spread = max(near[0][1] - floor, NARROWEST)
        # Of fewer than so many chunks the last is no background, but perhaps the second best.
        if len(near) < BACKGROUND:
            floor, spread = min(floor, near[0][1] - USUAL_SPREAD), max(spread, USUAL_SPREAD)
        scale = (USUAL_SPREAD / spread) ** (1 - SPREAD_KEPT)
        for chunk_id, cosine in near:
            scores[chunk_id] = (1 - share) * scale * max(cosine - floor, 0.0)
    for chunk_id, score in said if bound > 0 else ():
        scores[chunk_id] = scores.get(chunk_id, 0.0) + share * score / bound
    return _order(scores)


def _order(scores: Mapping[int, float]) -> list[Fused]:
    """Best first. There are a thousand of them at each question: pairs are sorted without a key."""
    return [Fused(chunk_id, -low) for low, chunk_id in sorted([(-score, key) for key, score in scores.items()])]


def fuse_queries(lists: Sequence[Sequence[Fused]]) -> list[Fused]:
    """Of several ways to put a question: half the best score of a chunk, half the mean of all."""
    if len(lists) == 1:
        return list(lists[0])
    best: dict[int, float] = {}
    total: dict[int, float] = {}
    for one in lists:
        for found in one:
            best[found.chunk_id] = max(best.get(found.chunk_id, 0.0), found.score)
            total[found.chunk_id] = total.get(found.chunk_id, 0.0) + found.score
    return _order({chunk_id: (score + total[chunk_id] / len(lists)) / 2 for chunk_id, score in best.items()})


def shown_scores(
    order: Sequence[int], cosines: Mapping[int, float], said: Mapping[int, float], share: float
) -> list[float]:
    """What a caller sees of chunks in this order: 0..1, how well each fits by itself, and never rising.

    `said` are BM25 scores as parts of their bound; the words lift a score, and do not lower that of a good vector.
    """
    lift = share if share == 1 else SHOWN_WORDS_SHARE * share
    shown: list[float] = []
    for chunk_id in order:
        near = min(max(cosines.get(chunk_id, 0.0), 0.0), 1.0)
        part = min(max(said.get(chunk_id, 0.0), 0.0), 1.0)
        score = near + lift * part * (1 - near)
        shown.append(round(min(score, shown[-1]) if shown else score, 6))
    return shown
