"""Recordings decoded in the bounded process: plain WAV files by itself, others by a program on PATH or by PyAV."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from portico.server.retrieval.media import decoding
from portico.server.retrieval.media.decoding import SoundBounds, open_sound
from portico.server.retrieval.media.sounds import Decoder, maybe_decoder
from portico.server.retrieval.media.wav import Packed
from portico.server.retrieval.parsing.failure import Unreadable
from tests.recordings import RATE, film, put_ffmpeg, tone, wav

pytestmark = pytest.mark.anyio
USUAL = SoundBounds()
HAS_AV = importlib.util.find_spec("av") is not None


@pytest.fixture
def ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", put_ffmpeg(folder), prepend=":")


async def decode(path: Path, decoder: Decoder | None = None, bounds: SoundBounds = USUAL) -> tuple[int, bytes, bool]:
    """Samples a second, the samples, and whether the recording goes on."""
    async with open_sound(path, decoder, bounds, is_wav=path.suffix == ".wav") as sound:
        samples = b"".join([data async for data in sound.samples()])
        return sound.rate, samples, sound.is_cut


def put(tmp_path: Path, content: bytes, name: str = "a.wav") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


async def test_a_plain_wav_needs_no_decoder(tmp_path: Path) -> None:
    samples = tone(3)
    assert await decode(put(tmp_path, wav(samples))) == (RATE, samples, False)


async def test_of_a_long_recording_the_beginning_is_read(tmp_path: Path) -> None:
    rate, samples, is_cut = await decode(put(tmp_path, wav(tone(5))), bounds=SoundBounds(longest_s=2))
    assert (rate, len(samples), is_cut) == (RATE, 2 * 2 * RATE, True)


@pytest.mark.parametrize("name", ["a.mp4", "a.wav"])
async def test_without_a_decoder_what_is_packed_says_so(tmp_path: Path, name: str) -> None:
    packed = wav(tone(1))[:20] + b"\x55\0" + wav(tone(1))[22:]
    with pytest.raises(Packed):
        await decode(put(tmp_path, packed, name))


async def test_a_film_is_decoded_by_the_program(tmp_path: Path, ffmpeg: None) -> None:
    samples = tone(3, 16_000)
    assert maybe_decoder() == ("av" if HAS_AV else "ffmpeg")
    assert await decode(put(tmp_path, film(samples), "a.mp4"), "ffmpeg") == (16_000, samples, False)


@pytest.mark.parametrize(
    ("note", "why"), [(b"without sound", "no sound in it"), (b"hurt", "damaged"), (b"", "damaged")]
)
async def test_what_cannot_be_decoded_says_why(tmp_path: Path, ffmpeg: None, note: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        await decode(put(tmp_path, film(note=note), "a.mkv"), "ffmpeg")


async def test_a_broken_wav_says_so(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="damaged WAV"):
        await decode(put(tmp_path, b"RIFF\0\0\0\0WAVEfmt "))


async def test_who_stops_listening_leaves_no_process(tmp_path: Path) -> None:
    path = put(tmp_path, wav(tone(60)))
    async with open_sound(path, None, SoundBounds(), is_wav=True) as sound:
        async for _ in sound.samples():
            break
    assert not _processes_naming(str(path))


async def test_a_program_that_falls_silent_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexec sleep 1000\n")
    program.chmod(0o755)
    monkeypatch.setattr(decoding.sys, "executable", str(program))
    with pytest.raises(Unreadable, match="memory or time"):
        await decode(put(tmp_path, wav(tone(1))), bounds=SoundBounds(stall_s=0.2))


async def test_what_a_taken_over_process_says_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexec yes\n")
    program.chmod(0o755)
    monkeypatch.setattr(decoding.sys, "executable", str(program))
    with pytest.raises(Unreadable, match="damaged"):
        await decode(put(tmp_path, wav(tone(1))))


async def test_the_process_may_not_take_more_memory_than_it_is_given(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        await decode(put(tmp_path, wav(tone(1))), bounds=SoundBounds(memory_bytes=40 * 1024**2))


async def test_the_process_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTICO_SECRET_KEY", "secret")
    assert "secret" not in "".join(decoding._environment().values())


@pytest.mark.skipif(not HAS_AV, reason="PyAV is not installed")
@pytest.mark.parametrize(
    ("name", "codec", "has_pictures"),
    [("a.mp3", "mp3", False), ("a.m4a", "aac", False), ("a.flac", "flac", False), ("a.mp4", "aac", True),
     ("a.mkv", "mp3", True), ("a.avi", "mp3", True), ("a.mov", "aac", True)],
)  # fmt: skip
async def test_pyav_decodes_all_kinds(tmp_path: Path, name: str, codec: str, has_pictures: bool) -> None:
    path = tmp_path / name
    _record(path, codec, has_pictures=has_pictures)
    rate, samples, _ = await decode(path, "av")
    assert rate == 16_000 and len(samples) / 2 / rate == pytest.approx(4, abs=0.2)
    assert np.abs(np.frombuffer(samples, "<i2")).max() > 1000
    with pytest.raises(Unreadable):
        await decode(put(tmp_path, path.read_bytes()[:60], f"cut{name}"), "av")


def _record(path: Path, codec: str, *, has_pictures: bool) -> None:
    import av  # type: ignore[import-not-found,unused-ignore]

    rate = 44_100
    with av.open(str(path), "w") as made:
        sound = made.add_stream(codec, rate=rate)
        sound.layout = "mono"
        pictures = made.add_stream("mpeg4", rate=5) if has_pictures else None
        if pictures is not None:
            pictures.width = pictures.height = 64
            pictures.pix_fmt = "yuv420p"
            for number in range(20):
                drawn = av.VideoFrame.from_ndarray(np.full((64, 64, 3), number, np.uint8), format="rgb24")
                made.mux(pictures.encode(drawn))
            made.mux(pictures.encode())
        frame = av.AudioFrame.from_ndarray(np.frombuffer(tone(4, rate), "<i2").reshape(1, -1), "s16", "mono")
        frame.sample_rate = rate
        size = sound.codec_context.frame_size or 1024
        fitted = av.AudioResampler(format=sound.format.name, layout="mono", rate=rate, frame_size=size)
        for even in [*fitted.resample(frame), *fitted.resample(None)]:
            made.mux(sound.encode(even))
        made.mux(sound.encode())


def _processes_naming(text: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if text.encode() in line:
                found.append(entry.name)
    return found
