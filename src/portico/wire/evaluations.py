"""Evaluations of RAG assistants: an extension of ours. The server writes these shapes, the SDK reads them."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType, field

from portico.wire.tolerant import Shape


class Metrics(Shape, rename="camel"):
    """Means over the questions, from 0 to 1. `recall` is by depth ("1", "5", "10" ...), latencies are milliseconds."""

    questions: int = 0
    ndcg: float = 0.0
    recall: dict[str, float] = field(default_factory=dict)
    mrr: float = 0.0
    p50_ms: float = 0.0
    p95_ms: float = 0.0


class FoundDocument(Shape, rename="camel"):
    """`name` has its extension; "" for a document that is there no longer. `expected`: it was the right one."""

    id: str = ""
    name: str = ""
    expected: bool = False


class QuestionResult(Shape, rename="camel"):
    """What was found for one question, best first. `number` counts from 0."""

    number: int = 0
    question: str = ""
    expected: list[str] = field(default_factory=list)
    found: list[FoundDocument] = field(default_factory=list)
    ndcg: float = 0.0
    reciprocal_rank: float = 0.0
    latency_ms: float = 0.0


class QuestionChange(Shape, rename="camel"):
    """A question that went better or worse than in the other run: nDCG then and now."""

    number: int = 0
    question: str = ""
    before: float = 0.0
    after: float = 0.0


class Comparison(Shape, rename="camel"):
    """The other run, and what is different: gains are positive. `changes` begin with the greatest loss."""

    id: str = ""
    name: str = ""
    method: str = ""
    created_at: str = ""
    metrics: Metrics = field(default_factory=Metrics)
    better: int = 0
    worse: int = 0
    same: int = 0
    changes: list[QuestionChange] = field(default_factory=list)


class Evaluation(Shape, rename="camel"):
    """One run. `status` is Pending, Running, Success or Failed; `done` of `total` questions are answered.

    `metrics` is there in the end, `answers` and `compared` when one run is asked for. `digest` is that of the
    questions: runs with the same digest can be compared.
    """

    id: str = ""
    name: str = ""
    profile: str = ""
    method: str = ""
    k: int = 10
    status: str = ""
    detail: str = ""
    total: int = 0
    done: int = 0
    digest: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    created_by: str = ""
    created_at: str = ""
    ended_at: str | UnsetType = UNSET
    metrics: Metrics | UnsetType = UNSET
    answers: list[QuestionResult] | UnsetType = UNSET
    compared: Comparison | UnsetType = UNSET

    @property
    def has_ended(self) -> bool:
        return self.status in ("Success", "Failed")


class EvaluationList(Shape, rename="camel"):
    """Newest first; `count` is how many there are."""

    evaluations: list[Evaluation] = field(default_factory=list)
    count: int = 0
