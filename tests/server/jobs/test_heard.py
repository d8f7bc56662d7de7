"""Notes of what was heard: none is lost when the next one is cut short."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from portico.server.jobs.heard import HeardNotes
from portico.server.retrieval.media.transcript import Segment
from portico.server.storage.blobs.base import Stored
from portico.server.storage.blobs.folder import FolderBlobs

pytestmark = pytest.mark.anyio
KEY = f"{uuid4()}/{uuid4()}/{uuid4()}.heard1"


class Halting(FolderBlobs):
    """Stops in the midst of writing, when it is told to."""

    halts = False
    begun = False

    async def put(self, key: str, content: AsyncIterator[bytes]) -> Stored:
        return await super().put(key, self._halt(content))

    async def _halt(self, content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in content:
            yield piece[:5]
            if self.halts:
                self.begun = True
                await asyncio.Event().wait()
            yield piece[5:]


async def nothing() -> None:
    """Nobody is told."""


async def test_who_is_ended_while_a_note_is_written_leaves_those_before(tmp_path: Path) -> None:
    blobs = Halting(tmp_path)
    notes = HeardNotes(blobs, KEY, nothing)
    first = (Segment("first", 0.0, 1.0),)
    await notes.keep("first", first)
    blobs.halts = True
    second = asyncio.create_task(notes.keep("second", (Segment("second", 1.0, 2.0),)))
    while not blobs.begun:
        await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    again = HeardNotes(blobs, KEY, nothing)
    await again.load()
    assert [tuple(again.maybe(place) or ()) for place in ("first", "second")] == [first, ()]
