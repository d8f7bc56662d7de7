"""What the process that decodes a recording is told, and the frames in which it answers."""

from __future__ import annotations

import importlib.util
import shutil
import struct
from typing import Literal

import msgspec

Decoder = Literal["av", "ffmpeg"]
RATE = 16_000
"""Samples a second, one channel: what models of speech work on. A WAV file keeps its own."""
WIDTH = 2
"""Bytes of a sample."""
HEAD = struct.Struct("<cI")
"""Before each frame: what it is, and how many bytes follow."""
BEGIN, SAMPLES, PACKED, FAILED, END = b"R", b"S", b"P", b"F", b"E"
FRAME_LIMIT = 1024 * 1024


class SoundOrder(msgspec.Struct, frozen=True):
    """`decoder` None: only a plain WAV file can be read. `time_s` is of the processor."""

    path: str
    is_wav: bool
    decoder: Decoder | None
    memory_bytes: int
    time_s: int
    longest_s: int


def maybe_decoder() -> Decoder | None:
    """What there is on this host for sound that is packed, and for films."""
    if importlib.util.find_spec("av") is not None:
        return "av"
    return "ffmpeg" if shutil.which("ffmpeg") else None
