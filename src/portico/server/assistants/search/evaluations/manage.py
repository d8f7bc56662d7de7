"""Evaluations of RAG assistants: ordered, worked off by `jobs/evaluate_profile.py`, looked at, compared, deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access import audit
from portico.server.access.caller import Caller
from portico.server.access.places import find_place
from portico.server.access.policy import require
from portico.server.access.tenancy import Tenancy
from portico.server.assistants.search.evaluations.question_sets import digest, read_order, resolve
from portico.server.assistants.search.evaluations.refusals import EvaluationNotFound
from portico.server.assistants.search.evaluations.render import compare, show, show_answers
from portico.server.assistants.search.find import Profiles
from portico.server.assistants.search.profiles.manage import find_row
from portico.server.errors import OutOfRange
from portico.server.retrieval.profile import SearchProfile
from portico.server.storage import evaluations as rows
from portico.server.storage.jobs import insert_job
from portico.wire.evaluations import Evaluation, EvaluationList

JOB = "evaluate_profile"
PAGE = 10
LARGEST_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Evaluations:
    """One per process. Every method raises ProfileNotFound (404, id 1010) for a name that there is not."""

    tenancy: Tenancy
    profiles: Profiles

    async def start(self, caller: Caller, name: str, body: Mapping[str, Any]) -> Evaluation:
        """Orders a run; a worker asks the questions. Raises what `read_order` and `resolve` raise."""
        require(caller, "assistants")
        order, evaluation_id = read_order(body), str(uuid4())
        async with self.tenancy.database.begin() as connection:
            profile = await self._find_profile(connection, caller, name)
            key = profile.key
            documents = await rows.list_named_documents(connection, key)
            questions = resolve(order.questions, documents)
            await rows.insert_evaluation(
                connection,
                key,
                evaluation_id,
                name=order.name,
                method=order.method,
                k=order.k,
                digest=digest(order.questions),
                questions=questions,
                settings=describe(profile, documents),
                created_by=caller.user_email or caller.token_name,
            )
            arguments = {"profile_id": key.profile_id, "evaluation_id": evaluation_id}
            await insert_job(connection, key.organization_id, key.project_id, JOB, arguments)
            row = await rows.maybe_evaluation(connection, key, evaluation_id)
            assert row is not None  # just written, in this transaction
            told = {"questions": len(questions), "method": order.method}
            await audit.record(
                connection, self.tenancy, caller, "run", "evaluation", evaluation_id, profile.name, details=told
            )
        return show(row, profile.name)

    async def list_runs(self, caller: Caller, name: str, *, skip: int = 0, count: int = PAGE) -> EvaluationList:
        """Newest first. Raises OutOfRange (400, id 8)."""
        require(caller, "assistants")
        if not 1 <= count <= LARGEST_PAGE:
            raise OutOfRange("count", f"send a number from 1 to {LARGEST_PAGE}")
        async with self.tenancy.database.begin() as connection:
            profile = await self._find_profile(connection, caller, name)
            found, total = await rows.list_evaluations(connection, profile.key, skip=skip, count=count)
        return EvaluationList(evaluations=[show(row, profile.name) for row in found], count=total)

    async def find(self, caller: Caller, name: str, evaluation_id: str, compared_with: str = "") -> Evaluation:
        """With what was found, and compared with another run of the same questions; by default with the one before.

        Raises EvaluationNotFound (404, id 9020), OutOfRange (400, id 8) for a run of other questions.
        """
        require(caller, "assistants")
        evaluation_id = _read_id(evaluation_id)
        async with self.tenancy.database.begin() as connection:
            profile = await self._find_profile(connection, caller, name)
            key = profile.key
            row = await rows.maybe_evaluation(connection, key, evaluation_id)
            if row is None:
                raise EvaluationNotFound
            if compared_with:
                other = await rows.maybe_evaluation(connection, key, _read_id(compared_with))
                if other is None:
                    raise EvaluationNotFound(param="compare")
                if other.digest != row.digest or other.k != row.k:
                    raise OutOfRange("compare", "only runs of the same questions and the same k can be compared")
            else:
                other = await rows.maybe_one_before(connection, key, evaluation_id)
            questions = await rows.list_questions(connection, key, evaluation_id)
            answers = await rows.list_answers(connection, key, evaluation_id)
            documents = await rows.list_named_documents(connection, key)
            theirs = await rows.list_answers(connection, key, other.evaluation_id) if other else []
            asked = await rows.list_questions(connection, key, other.evaluation_id) if other else []
        shown = show(row, profile.name)
        shown.answers = show_answers(row.k, questions, answers, documents)
        if other is not None and other.metrics is not None and row.metrics is not None:
            shown.compared = compare(other, asked, theirs, shown.answers)
        return shown

    async def delete(self, caller: Caller, name: str, evaluation_id: str) -> None:
        """Also one that runs: its worker finds it gone and stops. Raises EvaluationNotFound."""
        require(caller, "assistants")
        evaluation_id = _read_id(evaluation_id)
        async with self.tenancy.database.begin() as connection:
            profile = await self._find_profile(connection, caller, name)
            if not await rows.delete_evaluation(connection, profile.key, evaluation_id):
                raise EvaluationNotFound
            await audit.record(connection, self.tenancy, caller, "delete", "evaluation", evaluation_id, profile.name)

    async def _find_profile(self, connection: AsyncConnection, caller: Caller, name: str) -> SearchProfile:
        project = (await find_place(connection, caller)).project
        return self.profiles.read(caller, await find_row(connection, project, name))


def describe(profile: SearchProfile, documents: Sequence[rows.NamedDocument]) -> dict[str, Any]:
    """What the figures depend on, kept beside them; documents that are not indexed yet cannot be found."""
    return {
        "embedding": profile.embedding.model,
        "chunkSize": profile.chunks.size,
        "chunkOverlap": profile.chunks.overlap,
        "useParentDocument": profile.chunks.parent,
        "documents": sum(one.searched for one in documents),
        "documentsNotIndexed": sum(not one.searched for one in documents),
    }


def _read_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise EvaluationNotFound from None
