"""Rows of the evaluations of RAG assistants and of their answers. Every query takes the profile's key first."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, ProjectId
from portico.server.storage.search_profiles import ProfileKey

Status = Literal["Pending", "Running", "Success", "Failed"]
_IS = "e.organization_id = :organization AND e.project_id = :project AND e.profile_id = :profile"
_ONE = f"{_IS} AND e.evaluation_id = :evaluation"
_OPEN = "e.status IN ('Pending', 'Running')"
_DONE = (
    "(SELECT count(*) FROM search_evaluation_answers a WHERE a.organization_id = e.organization_id"
    " AND a.project_id = e.project_id AND a.profile_id = e.profile_id AND a.evaluation_id = e.evaluation_id)"
)
_COLUMNS = (
    "CAST(e.evaluation_id AS text) AS evaluation_id, e.name, e.method, e.k, e.status, e.detail, e.digest, e.total,"
    f" {_DONE} AS done, e.metrics, e.settings, e.created_by, e.created_at, e.ended_at"
)
_INSERT = text(
    "INSERT INTO search_evaluations (organization_id, project_id, profile_id, evaluation_id, name, method, k, digest,"
    " questions, total, settings, created_by) VALUES (:organization, :project, :profile, :evaluation, :name, :method,"
    " :k, :digest, CAST(:questions AS jsonb), :total, CAST(:settings AS jsonb), :created_by)"
)
_LIST = text(
    f"SELECT {_COLUMNS} FROM search_evaluations e WHERE {_IS} AND (:digest = '' OR e.digest = :digest)"
    " ORDER BY e.created_at DESC, e.evaluation_id OFFSET :skip LIMIT :count"
)
_COUNT = text(f"SELECT count(*) FROM search_evaluations e WHERE {_IS} AND (:digest = '' OR e.digest = :digest)")
_FIND = text(f"SELECT {_COLUMNS} FROM search_evaluations e WHERE {_ONE}")
_FIND_LOCKED = text(f"SELECT {_COLUMNS} FROM search_evaluations e WHERE {_ONE} FOR UPDATE OF e")
_QUESTIONS = text(f"SELECT e.questions FROM search_evaluations e WHERE {_ONE}")
_BEFORE = text(
    f"SELECT {_COLUMNS} FROM search_evaluations e JOIN search_evaluations this USING (organization_id, project_id,"
    f" profile_id, digest) WHERE {_IS} AND this.evaluation_id = :evaluation AND e.created_at < this.created_at"
    " AND e.status = 'Success' AND e.k = this.k ORDER BY (e.method = this.method) DESC, e.created_at DESC LIMIT 1"
)
_SET = text(
    "UPDATE search_evaluations e SET status = :status, detail = :detail, metrics = CAST(:metrics AS jsonb),"
    " ended_at = CASE WHEN :status IN ('Success', 'Failed') THEN clock_timestamp() END"
    f" WHERE {_ONE} AND {_OPEN}"
)
_STALE = text(
    "SELECT e.organization_id::text, e.project_id::text, e.profile_id::text, e.evaluation_id::text"
    f" FROM search_evaluations e WHERE {_OPEN} AND e.created_at < now() - make_interval(secs => :age)"
    " AND NOT EXISTS (SELECT FROM jobs j WHERE j.organization_id = e.organization_id AND j.project_id = e.project_id"
    " AND j.arguments->>'evaluation_id' = e.evaluation_id::text) ORDER BY e.created_at LIMIT :limit"
)
_DELETE = text(f"DELETE FROM search_evaluations e WHERE {_ONE}")
_PUT_ANSWER = text(
    "INSERT INTO search_evaluation_answers (organization_id, project_id, profile_id, evaluation_id, number, found,"
    " latency_ms) SELECT :organization, :project, :profile, :evaluation, :number, :found, :latency_ms"
    f" WHERE EXISTS (SELECT FROM search_evaluations e WHERE {_ONE} AND {_OPEN})"
    " ON CONFLICT DO NOTHING"
)
_ANSWERS = text(
    f"SELECT e.number, e.found, e.latency_ms FROM search_evaluation_answers e WHERE {_ONE} ORDER BY e.number"
)
_DOCUMENTS = text(
    "SELECT CAST(document_id AS text) AS document_id, name, extension, metadata->>'url' AS url,"
    " indexed_revision > 0 AS searched FROM documents"
    " WHERE organization_id = :organization AND project_id = :project AND profile_id = :profile"
)


@dataclass(frozen=True, slots=True)
class EvaluationRow:
    """`done` of `total` questions are answered; `metrics` is there in the end; `settings` are those of the profile."""

    evaluation_id: str
    name: str
    method: str
    k: int
    status: Status
    detail: str
    digest: str
    total: int
    done: int
    metrics: Mapping[str, Any] | None
    settings: Mapping[str, Any]
    created_by: str
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """`number` is that of the question, from 0 on; `found` are ids of documents, best first."""

    number: int
    found: tuple[str, ...]
    latency_ms: float


@dataclass(frozen=True, slots=True)
class NamedDocument:
    """By what a document can be expected; `searched` once it is indexed."""

    document_id: str
    name: str
    extension: str
    url: str | None
    searched: bool


async def insert_evaluation(
    connection: AsyncConnection,
    key: ProfileKey,
    evaluation_id: str,
    *,
    name: str,
    method: str,
    k: int,
    digest: str,
    questions: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    created_by: str,
) -> None:
    """`questions` have the members `question` and `expected`, a list of lists of document ids."""
    values = {
        **_names(key, evaluation_id),
        "name": name,
        "method": method,
        "k": k,
        "digest": digest,
        "questions": json.dumps(questions),
        "total": len(questions),
        "settings": json.dumps(settings),
        "created_by": created_by,
    }
    await connection.execute(_INSERT, values)


async def list_evaluations(
    connection: AsyncConnection, key: ProfileKey, *, digest: str = "", skip: int = 0, count: int = 10
) -> tuple[list[EvaluationRow], int]:
    """Newest first, of one set of questions or ("") of all; and how many there are."""
    values = {**_names(key), "digest": digest, "skip": skip, "count": count}
    rows = (await connection.execute(_LIST, values)).mappings()
    return [EvaluationRow(**row) for row in rows], int(await connection.scalar(_COUNT, values) or 0)


async def maybe_evaluation(
    connection: AsyncConnection, key: ProfileKey, evaluation_id: str, *, lock: bool = False
) -> EvaluationRow | None:
    query = _FIND_LOCKED if lock else _FIND
    row = (await connection.execute(query, _names(key, evaluation_id))).mappings().one_or_none()
    return None if row is None else EvaluationRow(**row)


async def maybe_one_before(connection: AsyncConnection, key: ProfileKey, evaluation_id: str) -> EvaluationRow | None:
    """The newest finished run of the same questions and depth before this one; one of the same method goes first."""
    row = (await connection.execute(_BEFORE, _names(key, evaluation_id))).mappings().one_or_none()
    return None if row is None else EvaluationRow(**row)


async def list_questions(connection: AsyncConnection, key: ProfileKey, evaluation_id: str) -> list[dict[str, Any]]:
    """As they were inserted; none when it is gone."""
    return list(await connection.scalar(_QUESTIONS, _names(key, evaluation_id)) or [])


async def set_evaluation(
    connection: AsyncConnection,
    key: ProfileKey,
    evaluation_id: str,
    status: Status,
    detail: str = "",
    metrics: Mapping[str, Any] | None = None,
) -> bool:
    """False when it is gone or has ended: then nothing was written."""
    told = {"status": status, "detail": detail, "metrics": None if metrics is None else json.dumps(metrics)}
    return (await connection.execute(_SET, {**_names(key, evaluation_id), **told})).rowcount > 0


async def list_stale(connection: AsyncConnection, age_s: float, limit: int) -> list[tuple[ProfileKey, str]]:
    """Evaluations that have not ended, are at least so old, and that no job waits for.

    Of all organizations: asked by the housekeeping of the workers, and by nobody for a tenant.
    """
    found = await connection.execute(_STALE, {"age": age_s, "limit": limit})
    return [(ProfileKey(OrganizationId(o), ProjectId(p), profile), one) for o, p, profile, one in found]


async def delete_evaluation(connection: AsyncConnection, key: ProfileKey, evaluation_id: str) -> bool:
    """With its answers."""
    return (await connection.execute(_DELETE, _names(key, evaluation_id))).rowcount > 0


async def put_answers(
    connection: AsyncConnection, key: ProfileKey, evaluation_id: str, answers: Sequence[AnswerRow]
) -> None:
    """What is there already stays; nothing is written of an evaluation that is gone."""
    names = _names(key, evaluation_id)
    rows = [{**names, "number": a.number, "found": list(a.found), "latency_ms": a.latency_ms} for a in answers]
    if rows:
        await connection.execute(_PUT_ANSWER, rows)


async def list_answers(connection: AsyncConnection, key: ProfileKey, evaluation_id: str) -> list[AnswerRow]:
    """By number."""
    rows = await connection.execute(_ANSWERS, _names(key, evaluation_id))
    return [AnswerRow(row.number, tuple(row.found), row.latency_ms) for row in rows]


async def list_named_documents(connection: AsyncConnection, key: ProfileKey) -> list[NamedDocument]:
    """All of the profile."""
    rows = (await connection.execute(_DOCUMENTS, _names(key))).mappings()
    return [NamedDocument(**row) for row in rows]


def _names(key: ProfileKey, evaluation_id: str = "") -> dict[str, Any]:
    place = {"organization": key.organization_id, "project": key.project_id, "profile": key.profile_id}
    return {**place, "evaluation": evaluation_id} if evaluation_id else place
