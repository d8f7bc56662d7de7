"""A long recording in pieces of some minutes, parted where nobody speaks."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from portico.server.retrieval.media.sounds import WIDTH
from portico.server.retrieval.media.wav import write_wav

PIECE_LIMIT = 24 * 1000 * 1000
"""Bytes of one piece; providers take 25 MB."""
SHORTEST_S = 0.1
"""Of what is sent; providers refuse shorter ones."""
_LOOK_S = 15.0
"""So much of the end of a piece is searched for a pause."""
_PAUSE_S = 0.1
_SILENT = 32
"""The loudest sample, of 32768, of a recording in which nothing was recorded."""


@dataclass(frozen=True, slots=True)
class Piece:
    """`samples` of 16 bits on one channel, from `start_s` of the recording on."""

    samples: bytes
    rate: int
    start_s: float

    @property
    def seconds(self) -> float:
        return len(self.samples) / WIDTH / self.rate

    @property
    def is_silent(self) -> bool:
        values = np.frombuffer(self.samples, "<i2")
        return not len(values) or max(int(values.max()), -int(values.min())) <= _SILENT

    def as_wav(self) -> bytes:
        return write_wav(self.samples, self.rate)


async def cut_pieces(samples: AsyncGenerator[bytes, None], rate: int, longest_s: float) -> AsyncGenerator[Piece, None]:
    """In order, and nothing between them is lost. No piece is longer than `longest_s`, or larger than PIECE_LIMIT."""
    most = min(int(longest_s * rate) * WIDTH, PIECE_LIMIT)
    held, taken = bytearray(), 0
    async with aclosing(samples) as coming:
        async for data in coming:
            held += data
            while len(held) >= most:
                size = _find_pause(held[:most], rate)
                yield Piece(bytes(held[:size]), rate, taken / WIDTH / rate)
                taken += size
                del held[:size]
    if len(held) >= SHORTEST_S * rate * WIDTH:
        yield Piece(bytes(held), rate, taken / WIDTH / rate)


def _find_pause(samples: bytes | bytearray, rate: int) -> int:
    """How many bytes go before the quietest moment of the end."""
    window = max(1, int(_PAUSE_S * rate))
    looked_at = min(len(samples) // WIDTH // 2, int(_LOOK_S * rate)) // window * window
    if not looked_at:
        return len(samples) // WIDTH * WIDTH
    start = len(samples) // WIDTH - looked_at
    values = np.frombuffer(samples, "<i2", looked_at, start * WIDTH).astype(np.float32)
    loudness = np.square(values).reshape(-1, window).mean(axis=1)
    quietest = len(loudness) - 1 - int(np.argmin(loudness[::-1]))  # the last one: pieces are few and long
    return (start + quietest * window + window // 2) * WIDTH
