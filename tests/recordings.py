"""Recordings made here, a stand-in for the program ffmpeg, and a provider that says what it has heard."""

from __future__ import annotations

import io
import sys
import wave
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import numpy as np
from openai.types.audio import TranscriptionVerbose

from tests.upstream import Asked, Reply, answer_well, whole

RATE = 8_000
_PROGRAM = """#!{python} -I
import pathlib, sys
words = sys.argv[1:]
assert "-protocol_whitelist" in words and "-format_whitelist" in words and words[-1] == "pipe:1", words
path = words[words.index("-i") + 1]
assert path.startswith("file:"), words
data = pathlib.Path(path[5:]).read_bytes()
if b"without sound" in data[:200]:
    sys.exit("Stream map '0:a:0' matches no streams.")
if b"hurt" in data[:200]:
    sys.exit("Invalid data found when processing input")
sys.stdout.buffer.write(data[64:])
"""
"""It takes films that are a head of 64 bytes and the samples that come out, 16,000 of them a second."""


def tone(seconds: float, rate: int = RATE, height: int = 8_000) -> bytes:
    """Samples of 16 bits on one channel that are not silent."""
    return (np.sin(np.arange(int(seconds * rate)) * 0.3) * height).astype("<i2").tobytes()


def silence(seconds: float, rate: int = RATE) -> bytes:
    return bytes(2 * int(seconds * rate))


def wav(samples: bytes, rate: int = RATE, channels: int = 1, width: int = 2) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples)
    return made.getvalue()


def film(samples: bytes = b"", kind: str = "mp4", note: bytes = b"") -> bytes:
    """What the stand-in takes for one: `note` may say "without sound" or "hurt"."""
    head = b"\0\0\0\x18ftypisom" if kind == "mp4" else b"\x1a\x45\xdf\xa3 matroska"
    return (head + note).ljust(64, b"\0") + samples


def put_ffmpeg(folder: Path) -> str:
    """A PATH that begins with it."""
    program = folder / "ffmpeg"
    program.write_text(_PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    return str(folder)


def said(*segments: tuple[float, float, str], duration: float = 10.0) -> dict[str, Any]:
    """An answer in `verbose_json`, of the shape that the SDK of OpenAI knows."""
    listed = [
        {
            "id": number, "seek": 0, "start": start, "end": end, "text": f" {text}", "tokens": [1], "temperature": 0.0,
            "avg_logprob": -0.2, "compression_ratio": 1.1, "no_speech_prob": 0.01,
        }
        for number, (start, end, text) in enumerate(segments)
    ]  # fmt: skip
    text = " ".join(text for _, _, text in segments)
    answer = {"task": "transcribe", "language": "english", "duration": duration, "text": text, "segments": listed}
    assert TranscriptionVerbose.model_validate(answer).segments is not None
    return answer


def sent_form(asked: Asked) -> dict[str, tuple[str, bytes]]:
    """The fields of a form that arrived: file name (empty for texts) and content."""
    head = b"Content-Type: " + asked.headers["content-type"].encode() + b"\r\n\r\n"
    message = BytesParser().parsebytes(head + asked.raw_body)
    found: dict[str, tuple[str, bytes]] = {}
    for part in message.get_payload():  # type: ignore[union-attr]
        name = part.get_param("name", header="content-disposition")  # type: ignore[union-attr]
        content = part.get_payload(decode=True)  # type: ignore[union-attr]
        found[str(name)] = (part.get_filename() or "", bytes(content))  # type: ignore[union-attr,arg-type]
    return found


class Ears:
    """The script of a provider: `answers` to recordings one after the other, the last one again and again; everything
    else is answered well. `heard` holds the forms."""

    def __init__(self, *answers: dict[str, Any] | Reply) -> None:
        self._answers = list(answers)
        self.heard: list[dict[str, tuple[str, bytes]]] = []

    def __call__(self, asked: Asked) -> Reply:
        if not asked.path.endswith("/audio/transcriptions"):
            return answer_well(asked)
        self.heard.append(sent_form(asked))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return answer if isinstance(answer, Reply) else whole(answer)
