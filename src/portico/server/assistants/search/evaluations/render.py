"""Rows of evaluations to what the API shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from portico.server.kit.clock import wire_time
from portico.server.retrieval.evaluate import Answered, Quality, collapse, ndcg, reciprocal_rank
from portico.server.storage.evaluations import AnswerRow, EvaluationRow, NamedDocument
from portico.wire.evaluations import Comparison, Evaluation, FoundDocument, Metrics, QuestionChange, QuestionResult
from portico.wire.tolerant import read_shape

_TINY = 1e-9
_DIGITS = 6


def show(row: EvaluationRow, profile: str) -> Evaluation:
    shown = Evaluation(
        id=row.evaluation_id,
        name=row.name,
        profile=profile,
        method=row.method,
        k=row.k,
        status=row.status,
        detail=row.detail,
        total=row.total,
        done=row.done,
        digest=row.digest,
        settings=dict(row.settings),
        created_by=row.created_by,
        created_at=wire_time(row.created_at),
    )
    if row.ended_at is not None:
        shown.ended_at = wire_time(row.ended_at)
    if row.metrics is not None:
        shown.metrics = read_shape(Metrics, dict(row.metrics))
    return shown


def write_metrics(quality: Quality) -> dict[str, Any]:
    """As they are stored and shown."""
    return {
        "questions": quality.questions,
        "ndcg": round(quality.ndcg, _DIGITS),
        "recall": {str(depth): round(value, _DIGITS) for depth, value in quality.recall},
        "mrr": round(quality.mrr, _DIGITS),
        "p50Ms": round(quality.p50_ms, 2),
        "p95Ms": round(quality.p95_ms, 2),
    }


def judge(question: Mapping[str, Any], answer: AnswerRow) -> Answered:
    """One stored question and its answer, ready to be measured. Documents that stand for the same name are one."""
    names = {document: place["document"] for place in reversed(question["expected"]) for document in place["ids"]}
    expected = frozenset(place["document"] for place in question["expected"] if names_itself(place, names))
    found = collapse(names.get(document, document) for document in answer.found)
    return Answered(expected, found, answer.latency_ms)


def names_itself(place: Mapping[str, Any], names: Mapping[str, str]) -> bool:
    """False for a second name of a document that another one has named already."""
    return any(names[document] == place["document"] for document in place["ids"])


def show_answers(
    k: int,
    questions: Sequence[Mapping[str, Any]],
    answers: Sequence[AnswerRow],
    documents: Sequence[NamedDocument],
) -> list[QuestionResult]:
    called = {one.document_id: f"{one.name}.{one.extension}" if one.extension else one.name for one in documents}
    shown = []
    for answer in answers:
        question = questions[answer.number]
        judged, right = judge(question, answer), {i for place in question["expected"] for i in place["ids"]}
        found = [FoundDocument(id=i, name=called.get(i, ""), expected=i in right) for i in answer.found]
        result = QuestionResult(
            number=answer.number,
            question=question["question"],
            expected=[place["document"] for place in question["expected"]],
            found=found,
            ndcg=round(ndcg(judged.found, judged.expected, k), _DIGITS),
            reciprocal_rank=round(reciprocal_rank(judged.found, judged.expected, k), _DIGITS),
            latency_ms=round(answer.latency_ms, 2),
        )
        shown.append(result)
    return shown


def compare(
    other: EvaluationRow,
    asked: Sequence[Mapping[str, Any]],
    answers: Sequence[AnswerRow],
    now: Sequence[QuestionResult],
) -> Comparison:
    """Question by question, by their text: the order may be another one."""
    then = {asked[answer.number]["question"]: _ndcg(asked[answer.number], answer, other.k) for answer in answers}
    changes = [
        QuestionChange(
            number=one.number, question=one.question, before=round(then[one.question], _DIGITS), after=one.ndcg
        )
        for one in now
        if one.question in then
    ]
    moved = [change for change in changes if abs(change.after - change.before) > _TINY]
    better = sum(change.after > change.before for change in moved)
    return Comparison(
        id=other.evaluation_id,
        name=other.name,
        method=other.method,
        created_at=wire_time(other.created_at),
        metrics=read_shape(Metrics, dict(other.metrics or {})),
        better=better,
        worse=len(moved) - better,
        same=len(changes) - len(moved),
        changes=sorted(moved, key=lambda change: (change.after - change.before, change.number)),
    )


def _ndcg(question: Mapping[str, Any], answer: AnswerRow, k: int) -> float:
    judged = judge(question, answer)
    return ndcg(judged.found, judged.expected, k)
