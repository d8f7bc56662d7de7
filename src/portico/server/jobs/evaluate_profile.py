"""An evaluation is worked off: its questions are asked, each once, and measured in the end.

In: its id; out: answers and metrics in its rows. What was answered is in the database, so a worker that takes over asks
what is left.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from portico.server.access.caller import Caller, acting_for
from portico.server.assistants.search.evaluations.manage import JOB
from portico.server.assistants.search.evaluations.render import judge, write_metrics
from portico.server.ids import OrganizationId, ProjectId
from portico.server.jobs.patience import Patience
from portico.server.jobs.steps import EndFailed, EndQuietly, Outcome, Steps
from portico.server.retrieval.evaluate import collapse, measure
from portico.server.retrieval.hits import Hit, Method
from portico.server.retrieval.profile import SearchProfile
from portico.server.storage import evaluations as rows
from portico.server.storage.database import Database
from portico.server.storage.documents_progress import maybe_owner
from portico.server.storage.search_profiles import ProfileKey

NAME = JOB
DOING = "evaluation"
"""As whom the questions are metered."""
CHUNKS_PER_DOCUMENT = 5
"""So many times k passages are looked at, for several of the best may be of one document."""
BATCH = 10
"""Questions between two records of progress."""
GAVE_UP = "The evaluation ended unexpectedly several times: the log of the worker has the details."
WARM_UP = "What is this about?"


class Searches(Protocol):
    """A Searcher."""

    async def search(
        self, caller: Caller, profile: SearchProfile, question: str, *, k: int, method: Method
    ) -> list[Hit]: ...


@dataclass(frozen=True, slots=True)
class Reading:
    """The rooms that an evaluation works with."""

    database: Database
    searcher: Searches
    maybe_profile: Callable[[Caller, ProfileKey], Awaitable[SearchProfile | None]]


class EvaluateProfile:
    """The workflow of one worker, for all evaluations."""

    def __init__(self, reading: Reading, steps: Steps) -> None:
        self._reading = reading
        self._steps = steps

    async def run(self, organization_id: OrganizationId, project_id: ProjectId, arguments: dict[str, Any]) -> None:
        key = ProfileKey(organization_id, project_id, arguments["profile_id"])
        evaluation_id = arguments["evaluation_id"]
        outcome = await self._steps.run("ask", partial(self._ask, key, evaluation_id))
        await self._steps.run("measure", partial(self._measure, key, evaluation_id, outcome))

    async def give_up(self, organization_id: OrganizationId, project_id: ProjectId, arguments: dict[str, Any]) -> None:
        key = ProfileKey(organization_id, project_id, arguments["profile_id"])
        await self._measure(key, arguments["evaluation_id"], {"end": "failed", "reason": GAVE_UP}, Patience())

    async def _ask(self, key: ProfileKey, evaluation_id: str, patience: Patience) -> None:
        profile, caller = await self._profile(key)
        database = self._reading.database
        async with database.begin() as connection:
            row = await rows.maybe_evaluation(connection, key, evaluation_id)
            if row is None or not await rows.set_evaluation(connection, key, evaluation_id, "Running"):
                raise EndQuietly
            questions = await rows.list_questions(connection, key, evaluation_id)
            answered = {answer.number for answer in await rows.list_answers(connection, key, evaluation_id)}
        left = [number for number in range(len(questions)) if number not in answered]
        if left:  # the first search loads models; its time would tell nothing
            await self._search(caller, profile, row, WARM_UP)
        for start in range(0, len(left), BATCH):
            batch = [
                await self._answer(caller, profile, row, number, questions[number]["question"])
                for number in left[start : start + BATCH]
            ]
            async with database.begin() as connection:
                if await rows.maybe_evaluation(connection, key, evaluation_id) is None:
                    raise EndQuietly
                await rows.put_answers(connection, key, evaluation_id, batch)
            patience.succeed()
            await self._steps.come_further()

    async def _answer(
        self, caller: Caller, profile: SearchProfile, row: rows.EvaluationRow, number: int, question: str
    ) -> rows.AnswerRow:
        started = time.perf_counter()
        hits = await self._search(caller, profile, row, question)
        took_ms = (time.perf_counter() - started) * 1000
        return rows.AnswerRow(number, collapse(hit.document_id for hit in hits)[: row.k], took_ms)

    async def _search(
        self, caller: Caller, profile: SearchProfile, row: rows.EvaluationRow, question: str
    ) -> list[Hit]:
        method: Any = row.method
        deep = row.k * CHUNKS_PER_DOCUMENT
        return await self._reading.searcher.search(caller, profile, question, k=deep, method=method)

    async def _measure(self, key: ProfileKey, evaluation_id: str, outcome: Outcome, _: Patience) -> None:
        """Ends it, one way or the other."""
        if outcome.get("end") == "quiet":
            return
        async with self._reading.database.begin() as connection:
            if outcome.get("end") == "failed":
                await rows.set_evaluation(connection, key, evaluation_id, "Failed", outcome["reason"])
                return
            row = await rows.maybe_evaluation(connection, key, evaluation_id)
            if row is None:
                return
            questions = await rows.list_questions(connection, key, evaluation_id)
            answers = await rows.list_answers(connection, key, evaluation_id)
            quality = measure([judge(questions[answer.number], answer) for answer in answers], row.k)
            await rows.set_evaluation(connection, key, evaluation_id, "Success", metrics=write_metrics(quality))

    async def _profile(self, key: ProfileKey) -> tuple[SearchProfile, Caller]:
        async with self._reading.database.begin() as connection:
            owner = await maybe_owner(connection, key.organization_id, key.project_id)
        if owner is None:
            raise EndQuietly
        caller = acting_for(key.organization_id, owner[0], key.project_id, owner[1], DOING)
        profile = await self._reading.maybe_profile(caller, key)
        if profile is None:
            raise EndQuietly
        if not profile.enabled:
            raise EndFailed("The RAG assistant is disabled: enable it, then evaluate it again.")
        return profile, caller
