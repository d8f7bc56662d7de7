"""Chunks without a vector get theirs, batch by batch; the model always has the next batch while one is written down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import numpy as np

Missing = Sequence[tuple[int, str]]
"""Chunk ids with the texts to embed."""
IN_FLIGHT = 2
"""Batches of one document that are on their way at once."""
WINDOW = 8
"""Batches that are fetched at once: what is in memory of a document, however long it is."""


class Place(Protocol):
    """Where the chunks of one document lie."""

    async def list_missing(self, limit: int) -> Missing: ...

    async def put(self, chunk_ids: Sequence[int], vectors: np.ndarray) -> None:
        """Keeps the vectors and counts them. May raise to end it all."""
        ...


async def embed_missing(
    place: Place,
    embed: Callable[[Sequence[str]], Awaitable[np.ndarray]],
    batch_size: int,
    told: Callable[[], Awaitable[None]],
) -> None:
    """Until none is missing. `told` is called after each batch. Raises what `embed` and `put` raise."""
    while missing := await place.list_missing(WINDOW * batch_size):
        batches = [missing[start : start + batch_size] for start in range(0, len(missing), batch_size)]
        turns = asyncio.Semaphore(IN_FLIGHT)

        async def work(batch: Missing, turns: asyncio.Semaphore = turns) -> None:
            async with turns:
                vectors = await embed([searched for _, searched in batch])
            await place.put([chunk_id for chunk_id, _ in batch], vectors)
            await told()

        async with asyncio.TaskGroup() as group:
            for batch in batches:
                group.create_task(work(batch))
