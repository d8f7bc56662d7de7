"""A sound or a film in, the blocks of what is said in it out, with their times."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from portico.server.access.caller import Caller
from portico.server.errors import ContentUnreadable, MediaNotSupported
from portico.server.retrieval.blocks import Parsed
from portico.server.retrieval.media.containers import WAV, Container, find_container, is_film
from portico.server.retrieval.media.decoding import SoundBounds, open_sound
from portico.server.retrieval.media.options import MediaOptions
from portico.server.retrieval.media.pieces import Piece, cut_pieces
from portico.server.retrieval.media.sounds import Decoder, maybe_decoder
from portico.server.retrieval.media.transcribe import Chosen, Transcriber, Used
from portico.server.retrieval.media.transcript import Segment, read_segments, write_blocks
from portico.server.retrieval.media.wav import Packed
from portico.server.retrieval.parsing.failure import Unreadable
from portico.wire.requests import File

AT_ONCE = 3
"""Recordings; of each of them IN_FLIGHT pieces are with the provider, and one is being decoded."""
IN_FLIGHT = 2
TIMED_PIECE_S, PLAIN_PIECE_S = 300.0, 120.0
"""Of models that tell no times a piece is the least that is known of when something was said."""
SENT_LIMIT = 25 * 1000 * 1000
"""Bytes that providers take as one file."""
FRAMES = "The frames of the film were not looked at: only what is said in it was read."
_NO_DIALOGUE = (
    "The frames of films are not described here, and without what is said (dialogue=false) nothing is left to read."
)
_INSTALL = "install PyAV (pip install av) or the program ffmpeg on the hosts that index documents"
_USUAL = SoundBounds()
Segments = Sequence[Segment]


class Notes(Protocol):
    """What was heard of the pieces of one recording before: a second try does not pay for them again."""

    def maybe(self, place: str) -> Segments | None: ...

    async def keep(self, place: str, segments: Segments) -> None: ...


class NoNotes:
    def maybe(self, place: str) -> Segments | None:
        return None

    async def keep(self, place: str, segments: Segments) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Heard:
    """`parsed` has no blocks where nobody says anything."""

    parsed: Parsed
    used: Used


class Listener:
    """One per process."""

    def __init__(
        self,
        transcriber: Transcriber,
        bounds: SoundBounds = _USUAL,
        find_decoder: Callable[[], Decoder | None] = maybe_decoder,
    ) -> None:
        self._transcriber = transcriber
        self._bounds = bounds
        self._find_decoder = find_decoder
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def listen(
        self, caller: Caller, path: Path, name: str, options: MediaOptions, notes: Notes | None = None
    ) -> Heard:
        """`name` tells sounds from films. Raises MediaNotSupported (400, id 46) without a model, or without a decoder
        where one is needed; ContentUnreadable (400, id 45) for a broken file, and what the gateway raises."""
        if is_film(name) and not options.dialogue:
            raise MediaNotSupported(_NO_DIALOGUE)
        work = _Work(self._transcriber, caller, self._transcriber.choose(caller, options.model), notes or NoNotes())
        async with self._turn:
            try:
                container = await asyncio.to_thread(find_container, path)
                segments, is_cut = await self._hear(work, path, container)
            except Unreadable as error:
                raise ContentUnreadable(str(error)) from None
        skipped = [FRAMES] if is_film(name) else []
        if is_cut:
            skipped.append(f"Only the first {self._bounds.longest_s // 3600} hours were transcribed.")
        blocks = await asyncio.to_thread(write_blocks, segments, options.merge)
        return Heard(Parsed(tuple(blocks), 1, tuple(skipped)), work.chosen.used)

    async def _hear(self, work: _Work, path: Path, container: Container) -> tuple[list[Segment], bool]:
        """And whether the recording goes on."""
        decoder = self._find_decoder()
        if decoder is None and container != WAV:
            return await _as_it_is(work, path, container), False
        longest_s = TIMED_PIECE_S if work.chosen.tells_times else PLAIN_PIECE_S
        try:
            async with open_sound(path, decoder, self._bounds, is_wav=container == WAV) as sound:
                pieces = cut_pieces(sound.samples(), sound.rate, longest_s)
                return await _in_order(pieces, work.hear), sound.is_cut
        except Packed:
            return await _as_it_is(work, path, container), False


@dataclass(frozen=True, slots=True)
class _Work:
    """One recording."""

    transcriber: Transcriber
    caller: Caller
    chosen: Chosen
    notes: Notes

    async def hear(self, piece: Piece) -> Segments:
        """Silence is not sent: models hear words in it."""
        if await asyncio.to_thread(lambda: piece.is_silent):
            return ()
        place = f"{self.chosen.name} {round(piece.start_s * 1000)}+{round(piece.seconds * 1000)}"
        known = self.notes.maybe(place)
        if known is not None:
            return known
        file = File(piece.as_wav(), WAV.content_type, f"recording.{WAV.extension}")
        answer = await self.transcriber.write_down(self.caller, self.chosen, file, piece.seconds)
        segments = read_segments(answer, piece.start_s, piece.seconds)
        await self.notes.keep(place, segments)
        return segments


async def _as_it_is(work: _Work, path: Path, container: Container) -> list[Segment]:
    """The whole file, for a host that cannot look into it."""
    if not container.is_sent:
        raise MediaNotSupported(f"Without a decoder .{container.extension} files cannot be read: {_INSTALL}.")
    data = await asyncio.to_thread(_take, path, SENT_LIMIT + 1)
    if len(data) > SENT_LIMIT:
        limit = SENT_LIMIT // 1_000_000
        raise MediaNotSupported(f"Without a decoder recordings of more than {limit} MB cannot be read: {_INSTALL}.")
    file = File(data, container.content_type, f"recording.{container.extension}")
    return read_segments(await work.transcriber.write_down(work.caller, work.chosen, file, 0.0), 0.0, 0.0)


def _take(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most)


async def _in_order(pieces: AsyncGenerator[Piece, None], hear: Callable[[Piece], Awaitable[Segments]]) -> list[Segment]:
    """A few at once. What was begun is ended with the first that fails."""
    heard: list[Segment] = []
    begun: deque[asyncio.Future[Segments]] = deque()
    try:
        async with aclosing(pieces) as taken:
            async for piece in taken:
                if len(begun) == IN_FLIGHT:
                    heard += await begun[0]
                    begun.popleft()
                begun.append(asyncio.ensure_future(hear(piece)))
        while begun:
            heard += await begun[0]
            begun.popleft()
    finally:
        for one in begun:
            one.cancel()
        await asyncio.gather(*begun, return_exceptions=True)
    return heard
