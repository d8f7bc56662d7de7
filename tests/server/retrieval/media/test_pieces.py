"""Long recordings in pieces: nothing is lost, and they are parted where it is quiet."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from portico.server.retrieval.media.pieces import PIECE_LIMIT, Piece, cut_pieces
from tests.recordings import RATE, silence, tone

pytestmark = pytest.mark.anyio


async def pieces_of(samples: bytes, longest_s: float, rate: int = RATE, step: int = 7_000) -> list[Piece]:
    async def come() -> AsyncGenerator[bytes, None]:
        for start in range(0, len(samples), step):
            yield samples[start : start + step]

    return [piece async for piece in cut_pieces(come(), rate, longest_s)]


async def test_pieces_are_the_recording_again() -> None:
    samples = tone(47.3)
    found = await pieces_of(samples, 10)
    assert b"".join(piece.samples for piece in found) == samples
    assert all(piece.seconds <= 10 for piece in found) and len(found) >= 5
    ends = [piece.start_s + piece.seconds for piece in found]
    assert [piece.start_s for piece in found[1:]] == pytest.approx(ends[:-1])


async def test_a_piece_ends_in_a_pause() -> None:
    first, second, *_ = await pieces_of(tone(7) + silence(1) + tone(30), 10)
    assert 7 < first.seconds < 8 and second.start_s == first.seconds


async def test_a_piece_is_no_larger_than_providers_take() -> None:
    found = await pieces_of(bytes(PIECE_LIMIT + 200_000), 3600, rate=96_000, step=1_000_000)
    assert [len(piece.samples) <= PIECE_LIMIT for piece in found] == [True, True]


async def test_what_is_too_short_to_say_anything_is_left_out() -> None:
    assert await pieces_of(tone(0.05), 10) == []
    assert await pieces_of(b"", 10) == []
    assert await pieces_of(b"\0", 10) == []


def test_silence_is_known() -> None:
    assert Piece(silence(1), RATE, 0).is_silent
    assert Piece(tone(1, height=20), RATE, 0).is_silent, "the noise of a line that nothing came through"
    assert not Piece(tone(1, height=500), RATE, 0).is_silent
