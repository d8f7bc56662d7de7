"""What was heard of the pieces of a recording, kept beside it until it is read: nobody pays for a piece twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from portico.server.retrieval.media.listen import Segments
from portico.server.retrieval.media.transcript import Segment
from portico.server.storage.blobs.base import BlobMissing, Blobs

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, list[Segment]]).decode


class HeardNotes:
    """Of one revision of one document; `told` is called after each piece."""

    def __init__(self, blobs: Blobs, key: str, told: Callable[[], Awaitable[None]]) -> None:
        self._blobs = blobs
        self._key = key
        self._told = told
        self._heard: dict[str, Segments] = {}
        self._turn = asyncio.Lock()

    async def load(self) -> None:
        """What an earlier try has left."""
        try:
            self._heard = dict(_decode(b"".join([bytes(piece) async for piece in self._blobs.read(self._key)])))
        except (BlobMissing, msgspec.DecodeError):
            self._heard = {}

    def maybe(self, place: str) -> Segments | None:
        return self._heard.get(place)

    async def keep(self, place: str, segments: Segments) -> None:
        """All of it is written again: what was said in an hour has some ten thousand words. Who is ended meanwhile
        leaves what was there before."""
        async with self._turn:
            self._heard[place] = segments
            await self._blobs.put(self._key, _once(_encode(self._heard)))
        await self._told()


def heard_key(blob: str, revision: int) -> str:
    return f"{blob}.heard{revision}"


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
