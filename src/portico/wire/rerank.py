"""Reranking as documented: which documents fit a query best.

Source: Rerank API reference, POST /rerank.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from msgspec import field

from portico.wire.chat import Usage
from portico.wire.tolerant import Shape

T = TypeVar("T")


class Ranked(Shape):
    """One document: its position in the request, and how well it fits, from 0 to 1."""

    index: int = 0
    relevance_score: float = 0.0


class BilledUnits(Shape):
    search_units: int = 0


class RankingMeta(Shape):
    billed_units: BilledUnits = field(default_factory=BilledUnits)


class Ranking(Shape):
    """The answer to one rerank request; `results` are the best ones, the best first."""

    id: str = ""
    results: list[Ranked] = field(default_factory=list)
    meta: RankingMeta = field(default_factory=RankingMeta)
    usage: Usage | None = None
    request_id: str = field(default="", name="requestId")

    def pick(self, documents: Sequence[T]) -> list[T]:
        """Those of the `documents` that were sent which are in the results, the best first."""
        return [documents[result.index] for result in self.results]
