"""Audio, low level.

Source: Audio API reference, POST /audios/speech; OpenAI's form of POST /v1/audio/transcriptions.
"""

from __future__ import annotations

from typing import Literal, TypedDict, Unpack

from portico.sdk.call import Answer, Call, JsonObject, Repeat, given, send_json
from portico.sdk.clients.base import AsyncFileClient, FileClient, read_object
from portico.sdk.errors import PorticoError
from portico.sdk.failures import read_failure
from portico.sdk.forms import FormFile, send_form

SPEECH, TRANSCRIPTIONS = "/audios/speech", "/v1/audio/transcriptions"

SpeechFormat = Literal["mp3", "wav", "opus", "aac", "flac", "pcm"]
WrittenFormat = Literal["json", "verbose_json", "text", "srt", "vtt", "diarized_json"]
_PLAIN = ("text", "srt", "vtt")


class SpeechOptions(TypedDict, total=False):
    """What speech can be asked beside model, text and voice. None means "not given"."""

    response_format: SpeechFormat | None
    speed: float | None
    instructions: str | None


class TranscriptionOptions(TypedDict, total=False):
    """What a transcription can be asked beside model and recording. None means "not given"."""

    language: str | None
    prompt: str | None
    response_format: WrittenFormat | None
    temperature: float | None


def speech_call(model: str, text: str, voice: str, options: SpeechOptions) -> Call:
    """Raises PorticoError for a text that no server takes, before anything is sent."""
    if not text.strip():
        raise PorticoError("The text to be spoken is empty.")
    body = given({"model": model, "input": text, "voice": voice, **options})
    return send_json("POST", SPEECH, body, repeat=Repeat.WORK)


def transcription_call(model: str, recording: FormFile, options: TranscriptionOptions) -> Call:
    """Raises PorticoError for an empty recording, before anything is sent."""
    if not recording.content:
        raise PorticoError(f"The recording {recording.name} is empty.")
    fields = {name: str(value) for name, value in given(options).items()}
    return send_form(TRANSCRIPTIONS, {"model": model, **fields}, {"file": recording}, repeat=Repeat.WORK)


def read_transcription(answer: Answer, options: TranscriptionOptions) -> JsonObject:
    """The JSON; a format that is plain text becomes its `text`. Raises ApiError, InvalidAnswer."""
    if options.get("response_format") not in _PLAIN:
        return read_object(answer)
    if answer.status >= 300:
        raise read_failure(answer)
    return {"text": answer.body.decode("utf-8", "replace")}


class AudioClient(FileClient):
    def text_to_speech(self, model: str, input: str, voice: str, **options: Unpack[SpeechOptions]) -> JsonObject:
        """POST /audios/speech: `b64_json`, or the `url` of the recording."""
        return self._json(speech_call(model, input, voice, options))

    def transcribe(self, model: str, file: FormFile, **options: Unpack[TranscriptionOptions]) -> JsonObject:
        """POST /v1/audio/transcriptions: what is said in a recording."""
        return read_transcription(self._transport.send(transcription_call(model, file, options)), options)


class AsyncAudioClient(AsyncFileClient):
    async def text_to_speech(self, model: str, input: str, voice: str, **options: Unpack[SpeechOptions]) -> JsonObject:
        """POST /audios/speech: `b64_json`, or the `url` of the recording."""
        return await self._json(speech_call(model, input, voice, options))

    async def transcribe(self, model: str, file: FormFile, **options: Unpack[TranscriptionOptions]) -> JsonObject:
        """POST /v1/audio/transcriptions: what is said in a recording."""
        return read_transcription(await self._transport.send(transcription_call(model, file, options)), options)
