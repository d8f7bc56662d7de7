"""Chunks get their vectors in batches: all of them, each once, a few on their way at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from portico.server.errors import ProviderOvercapacity
from portico.server.jobs.embedding import IN_FLIGHT, WINDOW, Missing, embed_missing

pytestmark = pytest.mark.anyio


class Shelf:
    """Chunks in memory."""

    def __init__(self, number: int) -> None:
        self.vectors: dict[int, float | None] = dict.fromkeys(range(number))
        self.asked: list[int] = []

    async def list_missing(self, limit: int) -> Missing:
        found = [(chunk, f"text {chunk}") for chunk, vector in self.vectors.items() if vector is None][:limit]
        self.asked.append(len(found))
        return found

    async def put(self, chunk_ids: Sequence[int], vectors: np.ndarray) -> None:
        for chunk, vector in zip(chunk_ids, vectors, strict=True):
            assert self.vectors[chunk] is None
            self.vectors[chunk] = float(vector[0])


async def nobody() -> None:
    """Hears of the batches."""


class Model:
    def __init__(self, fails_at: int = -1) -> None:
        self.batches: list[int] = []
        self.open = self.most_open = 0
        self.fails_at = fails_at

    async def embed(self, texts: Sequence[str]) -> np.ndarray:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        await asyncio.sleep(0.001)
        self.open -= 1
        if len(self.batches) == self.fails_at:
            self.fails_at = -1
            raise ProviderOvercapacity
        self.batches.append(len(texts))
        return np.array([[float(text.split()[1])] for text in texts], np.float32)


async def test_every_chunk_gets_its_own_vector_once() -> None:
    shelf, model, told = Shelf(103), Model(), list[None]()

    async def tell() -> None:
        told.append(None)

    await embed_missing(shelf, model.embed, 10, tell)
    assert shelf.vectors == {chunk: float(chunk) for chunk in range(103)}
    assert sum(model.batches) == 103 and max(model.batches) == 10
    assert len(told) == len(model.batches)


async def test_the_model_has_the_next_batch_while_one_is_written_down() -> None:
    model = Model()
    await embed_missing(Shelf(100), model.embed, 10, nobody)
    assert model.most_open == IN_FLIGHT


async def test_a_long_document_is_never_in_memory_as_a_whole() -> None:
    shelf = Shelf(1000)
    await embed_missing(shelf, Model().embed, 5, nobody)
    assert max(shelf.asked) == 5 * WINDOW


async def test_what_was_embedded_before_a_failure_is_kept() -> None:
    shelf, model = Shelf(60), Model(fails_at=3)
    with pytest.raises(ExceptionGroup) as failed:
        await embed_missing(shelf, model.embed, 10, nobody)
    assert isinstance(failed.value.exceptions[0], ProviderOvercapacity)
    done = sum(vector is not None for vector in shelf.vectors.values())
    assert done >= 20
    await embed_missing(shelf, model.embed, 10, nobody)
    assert sum(model.batches) == 60
