"""Reranking in the embedding child: a query and documents in, a score of 0 to 1 for each document out.

Cosine for all; where the request names a judge, a chat model then looks at the few that came first (`judge.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from .batcher import Batcher
from .child_http import Headers, Refusal
from .child_shapes import Rank, Ranking, RankTask, RankUsage
from .encoder import TextTooLong
from .judge import Judge

Scores = npt.NDArray[np.float64]
JUDGED = 5
_decode = msgspec.json.Decoder(RankTask).decode


async def rank(batcher: Batcher, body: bytes, headers: Headers) -> bytes:
    """Raises Refusal for a body that is none, and when the judge does not answer."""
    try:
        task = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(400, str(error)) from None
    scores, tokens, cut = await cosines(batcher, task.query, task.documents)
    usage = RankUsage(tokens)
    judge = Judge.maybe_from(headers)
    if judge is not None:
        scores = await ask(judge, task, scores, usage)
    results = [Rank(index, round(float(score), 6)) for index, score in enumerate(scores)]
    return msgspec.json.encode(Ranking(results, usage, cut))


async def ask(judge: Judge, task: RankTask, scores: Scores, usage: RankUsage) -> Scores:
    """The scores after the judge has seen the best; counts in `usage`. Raises Refusal when it does not answer."""
    best = np.argsort(-scores, kind="stable")[:JUDGED].tolist()
    verdicts = []
    for index in best:  # one after the other: the judge was given one slot of its model
        verdict = await judge.ask(task.query, task.documents[index])
        verdicts.append(verdict.yes)
        usage.prompt_tokens += verdict.tokens
        usage.completion_tokens += 1
    return judged(scores, best, verdicts)


async def cosines(batcher: Batcher, query: str, documents: Sequence[str]) -> tuple[Scores, int, int]:
    """Cosine of each document to the query, 0 for those that point away; the tokens of all; how many were cut.

    A document is cut to what the model takes. Raises Refusal for a query that is longer.
    """
    try:
        asked = await batcher.tokenize([query])
    except TextTooLong as error:
        raise Refusal(400, f"query: {error}", "query", "context_length_exceeded") from None
    rows, cut = await batcher.tokenize_cut(documents)
    (vector,) = [found[0] async for _, found in batcher.embed(asked)]
    scores: Scores = np.zeros(len(rows))
    async for indexes, found in batcher.embed(rows):
        scores[indexes] = found @ vector
    return np.clip(scores, 0.0, 1.0), len(asked[0]) + sum(map(len, rows)), cut


def judged(scores: Scores, best: Sequence[int], verdicts: Sequence[float]) -> Scores:
    """The judge's word for those it saw; all others keep their order below the worst of them."""
    out: Scores = scores * min(verdicts, default=1.0)
    out[list(best)] = verdicts
    return out
