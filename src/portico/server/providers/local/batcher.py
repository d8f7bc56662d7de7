"""Joins the small pieces of many requests into batches; one worker per core computes them, in the order they came."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .encoder import BATCH_ROWS, BATCH_TOKENS, Encoder, Ids, Vectors, batches

BITES_AT_ONCE = 4


@dataclass(frozen=True, slots=True, eq=False)
class _Bite:
    """Rows of one request that are computed together, and where their vectors are awaited."""

    rows: Sequence[Ids]
    answer: asyncio.Future[Vectors]

    @property
    def longest(self) -> int:
        return max(map(len, self.rows))


class Batcher:
    """Lives in one event loop. A huge request holds few bites in the line at a time, so that others get their turn."""

    def __init__(self, encoder: Encoder, threads: int) -> None:
        self._encoder = encoder
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="embed")
        self._line: deque[_Bite] = deque()
        self._more = asyncio.Event()
        self._workers = [asyncio.create_task(self._work()) for _ in range(threads)]

    async def tokenize(self, texts: Sequence[str]) -> list[Ids]:
        """Token ids of each text. Raises TextTooLong."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._encoder.tokenize, texts)

    async def tokenize_cut(self, texts: Sequence[str]) -> tuple[list[Ids], int]:
        """Token ids of as much of each text as the model takes, and how many texts were cut."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._encoder.tokenize_cut, texts)

    async def embed(self, rows: Sequence[Ids]) -> AsyncIterator[tuple[list[int], Vectors]]:
        """Yields (indexes of rows, their vectors), shortest rows first."""
        pending: deque[tuple[list[int], asyncio.Future[Vectors]]] = deque()
        try:
            for indexes in batches(rows):
                if len(pending) == BITES_AT_ONCE:
                    done, answer = pending.popleft()
                    yield done, await answer
                pending.append((indexes, self._put([rows[i] for i in indexes])))
            while pending:
                done, answer = pending.popleft()
                yield done, await answer
        finally:
            for _, answer in pending:  # the caller hung up or one bite failed: what has not begun is not computed
                answer.cancel()

    def _put(self, rows: Sequence[Ids]) -> asyncio.Future[Vectors]:
        bite = _Bite(rows, asyncio.get_running_loop().create_future())
        self._line.append(bite)
        self._more.set()
        return bite.answer

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            bites = await self._take()
            rows = [row for bite in bites for row in bite.rows]
            try:
                vectors = await loop.run_in_executor(self._pool, self._encoder.encode, rows)
            except Exception as error:  # each waiting request learns of it; the worker goes on
                for bite in bites:
                    if not bite.answer.done():
                        bite.answer.set_exception(error)
                continue
            start = 0
            for bite in bites:
                if not bite.answer.done():
                    bite.answer.set_result(vectors[start : start + len(bite.rows)])
                start += len(bite.rows)

    async def _take(self) -> list[_Bite]:
        """The first bite in the line, and those behind it that fit beside it."""
        bites: list[_Bite] = []
        count = longest = 0
        while True:
            while self._line:
                bite = self._line[0]
                if bite.answer.cancelled():
                    self._line.popleft()
                    continue
                count, longest = count + len(bite.rows), max(longest, bite.longest)
                if bites and (count > BATCH_ROWS or count * longest > BATCH_TOKENS):
                    return bites
                bites.append(self._line.popleft())
            if bites:
                return bites
            self._more.clear()
            await self._more.wait()
