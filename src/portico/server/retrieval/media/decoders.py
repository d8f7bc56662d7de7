"""Recordings to samples (16 bits, one channel) by what the host has for it. Runs in the bounded process only."""

from __future__ import annotations

import importlib
import subprocess
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from portico.server.retrieval.media.containers import FORMATS
from portico.server.retrieval.media.sounds import RATE, Decoder
from portico.server.retrieval.media.wav import Packed, read_wav
from portico.server.retrieval.parsing.failure import Unreadable

Samples = Iterator[bytes]
_PIECE = 64 * 1024
_DAMAGED_LIMIT = 1000
_NO_SOUND = "there is no sound in it"
_DAMAGED = "it is damaged: its sound cannot be decoded"


def decode(path: Path, decoder: Decoder | None, *, is_wav: bool) -> tuple[int, Samples]:
    """Samples a second, and the samples. Raises Packed without the decoder that is needed; Unreadable, also while the
    samples are taken."""
    if is_wav:
        try:
            return read_wav(path)
        except Packed:
            if decoder is None:
                raise
    if decoder is None:
        raise Packed
    return RATE, _by_av(path) if decoder == "av" else _by_ffmpeg(path)


def _by_av(path: Path) -> Samples:
    """By PyAV, where it is installed."""
    av: Any = importlib.import_module("av")
    options = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
    try:
        container = av.open(str(path), options=options)
    except av.error.FFmpegError:
        raise Unreadable(_DAMAGED) from None
    with container:
        stream = next(iter(container.streams.audio), None)
        if stream is None:
            raise Unreadable(_NO_SOUND)
        resampler, is_empty = av.AudioResampler(format="s16", layout="mono", rate=RATE), True
        for frame in _frames(av, container, stream):
            for even in resampler.resample(frame):
                is_empty = False
                yield even.to_ndarray().tobytes()
        if is_empty:
            raise Unreadable(_DAMAGED)
        for even in resampler.resample(None):
            yield even.to_ndarray().tobytes()


def _frames(av: Any, container: Any, stream: Any) -> Iterator[Any]:
    """Packets that are damaged are left out, as players do."""
    damaged = 0
    packets = container.demux(stream)
    while damaged < _DAMAGED_LIMIT:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            yield from packet.decode()
        except av.error.FFmpegError:
            damaged += 1


def _by_ffmpeg(path: Path) -> Samples:
    """By the program, which this process bounds as itself; it opens this file and no other."""
    command = [
        "ffmpeg", "-nostdin", "-v", "error", "-threads", "1", "-protocol_whitelist", "file", "-format_whitelist",
        FORMATS, "-i", f"file:{path}", "-map", "0:a:0", "-ac", "1", "-ar", str(RATE), "-f", "s16le", "pipe:1",
    ]  # fmt: skip
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None and process.stderr is not None
        said: deque[bytes] = deque(maxlen=20)
        listener = threading.Thread(target=_take_lines, args=(process.stderr, said), daemon=True)
        listener.start()
        is_empty = True
        try:
            while data := process.stdout.read(_PIECE):
                is_empty = False
                yield data
            code = process.wait()
        finally:
            process.kill()
            listener.join()
        if code < 0:
            raise Unreadable("decoding it takes more memory or time than one file may have")
        if is_empty:
            raise Unreadable(_NO_SOUND if b"matches no streams" in b"".join(said) else _DAMAGED)


def _take_lines(pipe: IO[bytes], said: deque[bytes]) -> None:
    """A pipe that nobody empties would stop the program."""
    while line := pipe.readline(500):
        said.append(line)
