"""What the server and the embedding children say to each other beside OpenAI's protocol: shapes, headers and codes."""

from __future__ import annotations

import msgspec

JUDGE_URL, JUDGE_KEY = "x-judge-url", "x-judge-authorization"
"""Headers of a rerank request: where the chat model is that judges the best documents, and its key."""
UNREADABLE, NOT_SUPPORTED = "content_unreadable", "media_not_supported"
"""Codes of refusals: a picture that is none; an input of a kind that the model does not take."""


class RankTask(msgspec.Struct):
    """The body of a rerank request."""

    query: str
    documents: list[str]


class Rank(msgspec.Struct):
    index: int
    relevance_score: float


class RankUsage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Ranking(msgspec.Struct):
    """Its answer: one result per document, in the order of the request; scores from 0 to 1. `cut`: documents of which
    only the beginning was read."""

    results: list[Rank]
    usage: RankUsage
    cut: int = 0
