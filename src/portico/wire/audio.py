"""Speech and transcription as documented.

Source: Audio API reference, POST /audios/speech; OpenAI's form of POST /v1/audio/transcriptions.
"""

from __future__ import annotations

from typing import Any

from msgspec import field

from portico.wire.chat import Usage
from portico.wire.media import MediaFile
from portico.wire.tolerant import Shape


class Speech(MediaFile):
    """A text that was spoken."""

    status: str = ""
    usage: Usage | None = None
    request_id: str = field(default="", name="requestId")


class Transcription(Shape):
    """A recording that was written down; `segments`, `language` and `duration` (seconds) where they were asked for."""

    text: str = ""
    language: str = ""
    duration: float | None = None
    segments: list[dict[str, Any]] = field(default_factory=list)
    usage: Usage | None = None
    request_id: str = field(default="", name="requestId")
