"""Audio, high level: speech that can be saved, recordings written down."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Unpack

from portico.sdk.clients.audio import AsyncAudioClient, AudioClient, SpeechOptions, TranscriptionOptions
from portico.sdk.forms import FormFile
from portico.sdk.managers.base import read
from portico.sdk.media import Picture, Speech, read_file, write_file
from portico.wire.audio import Transcription
from portico.wire.media import MediaFile

_TYPES = {
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".mp4": "audio/mp4",
    ".aac": "audio/aac",
    ".webm": "audio/webm",
}


class Audio:
    """`client.audio`: texts spoken, recordings written down."""

    def __init__(self, client: AudioClient) -> None:
        self._client = client

    def speak(self, model: str, text: str, voice: str = "alloy", **options: Unpack[SpeechOptions]) -> Speech:
        """A recording of the text; it has `save(path)`."""
        return read(Speech, self._client.text_to_speech(model, text, voice, **options))

    def transcribe(
        self, model: str, file: Picture, *, name: str = "", **options: Unpack[TranscriptionOptions]
    ) -> Transcription:
        """What is said in a recording: the name of a file, or its bytes with a `name` whose ending tells the kind."""
        return read(Transcription, self._client.transcribe(model, recording(file, name), **options))

    def save(self, speech: MediaFile, path: str | os.PathLike[str]) -> Path:
        """Writes a recording, also one of which only the address came."""
        return write_file(self._client.download(speech), path)


class AsyncAudio:
    """The same for asyncio."""

    def __init__(self, client: AsyncAudioClient) -> None:
        self._client = client

    async def speak(self, model: str, text: str, voice: str = "alloy", **options: Unpack[SpeechOptions]) -> Speech:
        """A recording of the text; it has `save(path)`."""
        return read(Speech, await self._client.text_to_speech(model, text, voice, **options))

    async def transcribe(
        self, model: str, file: Picture, *, name: str = "", **options: Unpack[TranscriptionOptions]
    ) -> Transcription:
        """What is said in a recording: the name of a file, or its bytes with a `name` whose ending tells the kind."""
        return read(Transcription, await self._client.transcribe(model, recording(file, name), **options))

    async def save(self, speech: MediaFile, path: str | os.PathLike[str]) -> Path:
        """Writes a recording, also one of which only the address came."""
        return write_file(await self._client.download(speech), path)


def recording(file: Picture, name: str = "") -> FormFile:
    """A recording as a file of a form; providers tell its kind by the ending of its name. Raises PorticoError."""
    shown = name or ("audio.mp3" if isinstance(file, bytes) else Path(file).name)
    return FormFile(shown, read_file(file), _TYPES.get(Path(shown).suffix.lower(), "application/octet-stream"))
