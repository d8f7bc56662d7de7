"""WAV files of every common form to samples of 16 bits on one channel, and those that are none."""

from __future__ import annotations

import io
import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from portico.server.retrieval.media.wav import Packed, read_wav, write_wav
from portico.server.retrieval.parsing.failure import Unreadable
from tests.recordings import tone, wav

VALUES = np.array([0, 1000, -1000, 32767, -32768], np.int64)


def read(content: bytes, tmp_path: Path) -> tuple[int, list[int]]:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    rate, samples = read_wav(path)
    return rate, np.frombuffer(b"".join(samples), "<i2").tolist()


def raw(tag: int, bits: int, data: bytes, *, channels: int = 1, rate: int = 8000, more: bytes = b"") -> bytes:
    """A file with any form of samples."""
    form = struct.pack("<HHIIHH", tag, channels, rate, 0, 0, bits) + more
    chunks = b"LIST\x03\0\0\0abc\0" + b"fmt " + struct.pack("<I", len(form)) + form
    return b"RIFF\0\0\0\0WAVE" + chunks + b"data" + struct.pack("<I", len(data)) + data


@pytest.mark.parametrize(
    ("bits", "data"),
    [
        (16, VALUES.astype("<i2").tobytes()),
        (32, (VALUES << 16).astype("<i4").tobytes()),
        (24, b"".join(int(value << 8).to_bytes(3, "little", signed=True) for value in VALUES.tolist())),
    ],
)
def test_samples_of_every_width(tmp_path: Path, bits: int, data: bytes) -> None:
    assert read(raw(1, bits, data), tmp_path) == (8000, VALUES.tolist())
    extensible = raw(0xFFFE, bits, data, more=struct.pack("<HHI", 22, bits, 4) + b"\x01\0" + bytes(14))
    assert read(extensible, tmp_path) == (8000, VALUES.tolist()), "as newer programs write them"


def test_samples_of_eight_bits_and_with_a_point(tmp_path: Path) -> None:
    assert read(raw(1, 8, bytes([128, 255, 0])), tmp_path)[1] == [0, 32512, -32768]
    data = np.array([0.0, 0.5, -1.0, 9.0, np.nan], "<f4").tobytes()
    assert read(raw(3, 32, data), tmp_path)[1] == [0, 16383, -32767, 32767, 0]


def test_channels_are_mixed(tmp_path: Path) -> None:
    pairs = np.array([[100, 300], [-200, -400]], "<i2").tobytes()
    assert read(wav(pairs, 44_100, channels=2), tmp_path) == (44_100, [200, -300])


def test_a_file_that_was_cut_off_or_never_closed_is_read_to_its_end(tmp_path: Path) -> None:
    whole = wav(tone(1))
    assert len(read(whole[:-1001], tmp_path)[1]) == 7499
    open_end = whole[:40] + b"\0\0\0\0" + whole[44:]
    assert len(read(open_end, tmp_path)[1]) == 8000


@pytest.mark.parametrize(
    "content",
    [
        b"RIFF\0\0\0\0WAVE",
        b"RIFF\0\0\0\0WAVEfmt \x02\0\0\0\x01\0data\0\0\0\0",
        b"RIFF\0\0\0\0WAVEdata\x04\0\0\0\0\0\0\0",
        b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 5000 + wav(b"\0\0")[12:],
        raw(1, 16, b"\0\0", rate=1),
        raw(1, 16, b"\0\0", channels=60_000),
    ],
)
def test_hostile_and_broken_heads_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Unreadable):
        read(content, tmp_path)


@pytest.mark.parametrize(("tag", "bits"), [(2, 4), (0x55, 16), (1, 12)])
def test_packed_samples_need_a_decoder(tmp_path: Path, tag: int, bits: int) -> None:
    with pytest.raises(Packed):
        read(raw(tag, bits, b"\0\0"), tmp_path)


def test_what_is_written_is_a_file_that_others_read() -> None:
    samples = tone(0.5)
    with wave.open(io.BytesIO(write_wav(samples, 8000))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        assert file.readframes(10_000) == samples
