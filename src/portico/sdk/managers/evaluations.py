"""How well the questions of a set find their documents, high level. An extension of ours."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator

from portico.sdk.clients.evaluations import AsyncEvaluationsClient, EvaluationsClient, Questions
from portico.sdk.managers.base import read, read_list
from portico.wire.evaluations import Evaluation

POLL_S = 0.5
Progress = Callable[[Evaluation], None]


class Evaluations:
    """`client.evaluations`: questions with the documents they should find, asked of a RAG assistant and measured.

    `client.evaluations.run("handbook", [{"question": "How much leave?", "expected": ["leave.pdf"]}]).metrics.ndcg`
    """

    def __init__(self, client: EvaluationsClient) -> None:
        self._client = client

    def run(
        self,
        profile: str,
        questions: Questions,
        *,
        method: str | None = None,
        k: int | None = None,
        name: str | None = None,
        progress: Progress | None = None,
    ) -> Evaluation:
        """Waits until all questions are asked; `progress` is called with what there is so far.

        `method` is auto (as the assistant searches), words, vectors, fused or reranked. The result is compared with
        the run before of the same questions. Look at `status`: Success or Failed. Raises NotFound, BadRequest.
        """
        run = self.start(profile, questions, method=method, k=k, name=name)
        while not run.has_ended:
            time.sleep(POLL_S)
            run = self.get(profile, run.id)
            if progress:
                progress(run)
        return run

    def start(
        self,
        profile: str,
        questions: Questions,
        *,
        method: str | None = None,
        k: int | None = None,
        name: str | None = None,
    ) -> Evaluation:
        """Orders a run and returns at once. Raises NotFound, BadRequest."""
        return read(Evaluation, self._client.start_evaluation(profile, questions, method=method, k=k, name=name))

    def get(self, profile: str, evaluation_id: str, *, compare: str | None = None) -> Evaluation:
        """With what was found; compared with another run, by default the one before. Raises NotFound, BadRequest."""
        return read(Evaluation, self._client.get_evaluation(profile, evaluation_id, compare=compare))

    def list(self, profile: str, *, skip: int | None = None, count: int | None = None) -> Iterator[Evaluation]:
        """Newest first; 10 unless told otherwise."""
        answer = self._client.list_evaluations(profile, skip=skip, count=count)
        yield from read_list(Evaluation, answer, "evaluations")

    def delete(self, profile: str, evaluation_id: str) -> None:
        """Also one that runs. Raises NotFound."""
        self._client.delete_evaluation(profile, evaluation_id)


class AsyncEvaluations:
    """The same for asyncio."""

    def __init__(self, client: AsyncEvaluationsClient) -> None:
        self._client = client

    async def run(
        self,
        profile: str,
        questions: Questions,
        *,
        method: str | None = None,
        k: int | None = None,
        name: str | None = None,
        progress: Progress | None = None,
    ) -> Evaluation:
        """Waits until all questions are asked; `progress` is called with what there is so far.

        `method` is auto (as the assistant searches), words, vectors, fused or reranked. The result is compared with
        the run before of the same questions. Look at `status`: Success or Failed. Raises NotFound, BadRequest.
        """
        run = await self.start(profile, questions, method=method, k=k, name=name)
        while not run.has_ended:
            await asyncio.sleep(POLL_S)
            run = await self.get(profile, run.id)
            if progress:
                progress(run)
        return run

    async def start(
        self,
        profile: str,
        questions: Questions,
        *,
        method: str | None = None,
        k: int | None = None,
        name: str | None = None,
    ) -> Evaluation:
        """Orders a run and returns at once. Raises NotFound, BadRequest."""
        made = await self._client.start_evaluation(profile, questions, method=method, k=k, name=name)
        return read(Evaluation, made)

    async def get(self, profile: str, evaluation_id: str, *, compare: str | None = None) -> Evaluation:
        """With what was found; compared with another run, by default the one before. Raises NotFound, BadRequest."""
        return read(Evaluation, await self._client.get_evaluation(profile, evaluation_id, compare=compare))

    async def list(
        self, profile: str, *, skip: int | None = None, count: int | None = None
    ) -> AsyncIterator[Evaluation]:
        """Newest first; 10 unless told otherwise."""
        answer = await self._client.list_evaluations(profile, skip=skip, count=count)
        for one in read_list(Evaluation, answer, "evaluations"):
            yield one

    async def delete(self, profile: str, evaluation_id: str) -> None:
        """Also one that runs. Raises NotFound."""
        await self._client.delete_evaluation(profile, evaluation_id)
