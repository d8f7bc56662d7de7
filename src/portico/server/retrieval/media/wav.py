"""WAV files whose samples stand in them as they are: read without a decoder, and written."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from portico.server.retrieval.parsing.failure import Unreadable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_CHUNKS_LIMIT = 1000
"""Before the samples; a file made of empty chunks would be read for ever."""
_RATES = (4_000, 192_000)
_CHANNELS_LIMIT = 32
_AT_ONCE = 64 * 1024
_DAMAGED = "it is a damaged WAV file"


class Packed(Exception):
    """Its samples are packed in some way: a decoder is needed."""


@dataclass(frozen=True, slots=True)
class Form:
    """`width` is in bytes; samples of numbers with a point are `is_float`."""

    rate: int
    channels: int
    width: int
    is_float: bool


def read_wav(path: Path) -> tuple[int, Iterator[bytes]]:
    """Samples a second, and the samples of 16 bits on one channel, in pieces. Raises Unreadable; Packed."""
    file = path.open("rb")
    try:
        form, size = _read_head(file)
    except BaseException:
        file.close()
        raise
    return form.rate, _mix(file, form, size)


def write_wav(samples: bytes, rate: int) -> bytes:
    """Of samples of 16 bits on one channel."""
    form = _FORMAT.pack(_PCM, 1, rate, 2 * rate, 2, 16)
    body = b"WAVE" + _CHUNK.pack(b"fmt ", len(form)) + form + _CHUNK.pack(b"data", len(samples))
    return _CHUNK.pack(b"RIFF", len(body) + len(samples)) + body + samples


def _read_head(file: IO[bytes]) -> tuple[Form, int]:
    """The file stands at its first sample then; and how many bytes of samples it claims to have."""
    file.seek(12)
    form: Form | None = None
    for _ in range(_CHUNKS_LIMIT):
        head = file.read(_CHUNK.size)
        if len(head) < _CHUNK.size:
            break
        name, size = _CHUNK.unpack(head)
        if name == b"data" and form is not None:
            return form, size or 0xFFFFFFFF  # of a recording that was not closed: up to the end
        if name == b"fmt ":
            form = _read_form(file.read(min(size, 64)))
            file.seek(max(0, size - 64) + size % 2, 1)
        else:
            file.seek(size + size % 2, 1)
    raise Unreadable(_DAMAGED)


def _read_form(data: bytes) -> Form:
    if len(data) < _FORMAT.size:
        raise Unreadable(_DAMAGED)
    tag, channels, rate, _, _, bits = _FORMAT.unpack_from(data)
    if tag == _EXTENSIBLE and len(data) >= 26:
        (tag,) = struct.unpack_from("<H", data, 24)
    if tag not in (_PCM, _FLOAT) or bits not in ((8, 16, 24, 32) if tag == _PCM else (32, 64)):
        raise Packed
    if not (_RATES[0] <= rate <= _RATES[1] and 1 <= channels <= _CHANNELS_LIMIT):
        raise Unreadable(f"it claims {rate} samples a second on {channels} channels")
    return Form(rate, channels, bits // 8, tag == _FLOAT)


def _mix(file: IO[bytes], form: Form, size: int) -> Iterator[bytes]:
    import numpy as np

    frame = form.channels * form.width
    with file:
        while size >= frame and (data := file.read(min(_AT_ONCE * frame, size))):
            size -= len(data)
            data = data[: len(data) - len(data) % frame]  # of a file that was cut off
            mixed = _numbers(data, form).reshape(-1, form.channels).mean(axis=1)
            yield np.clip(mixed, -32768, 32767).astype("<i2").tobytes()


def _numbers(data: bytes, form: Form) -> npt.NDArray[np.float64]:
    """In the range of 16 bits, whatever their width."""
    import numpy as np

    if form.is_float:
        return np.nan_to_num(np.frombuffer(data, f"<f{form.width}").astype(np.float64) * 32767.0)
    match form.width:
        case 1:
            return (np.frombuffer(data, np.uint8).astype(np.float64) - 128) * 256
        case 3:  # the upper two bytes of each
            upper = np.frombuffer(data, np.uint8).reshape(-1, 3)[:, 1:].copy()
            return upper.view("<i2")[:, 0].astype(np.float64)
        case width:
            return np.frombuffer(data, f"<i{width}").astype(np.float64) / (65536 if width == 4 else 1)
