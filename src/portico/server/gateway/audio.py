"""Audio: texts are spoken, recordings are written down."""

from __future__ import annotations

import base64
import math
import re

import msgspec

from portico.server.access.caller import Caller
from portico.server.gateway.answers import Answer
from portico.server.gateway.metering import BYTES_PER_TOKEN, Meter
from portico.server.gateway.once import Verb, answer_once, as_json
from portico.server.gateway.switchboard import Switchboard
from portico.server.providers.base import Members, Tokens
from portico.wire.requests import File, Labels, SpeechRequest, TranscriptionRequest

_PLAIN = ("text", "srt", "vtt")
BYTES_PER_SECOND = 1_000
"""Of the most compressed recording in use (8 kbit/s): so a file is at most so many seconds long."""
TOKENS_PER_CHARACTER = 8
"""Of speech, as an upper bound: about 20 tokens a second, and nobody speaks fewer than 5 characters in one."""
CHARACTERS_PER_SECOND = 15
"""Of usual speech (150 words a minute), for answers that do not say how long they are."""
SPOKEN_PER_SECOND, HEARD_PER_SECOND = 21, 10
"""Audio tokens, as OpenAI counts them; for the same answers."""
_CUE_END = re.compile(r"--> *(?:(\d+):)?(\d+):(\d+)[.,]\d+")


class AudioGateway:
    """The two audio verbs of the switchboard. One per process."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board

    async def speak(
        self, caller: Caller, request: SpeechRequest, request_id: str, labels: Labels, *, as_object: bool
    ) -> Answer:
        """The recording itself, or with `as_object` JSON: `{"status": "completed", "b64_json": ...}`."""
        verb = Verb[File](
            "speech",
            "Audio",
            lambda target, turn: target.adapter.write_speech(request, target, turn),
            lambda target, body, reply, turn: target.adapter.read_speech(
                body, reply.headers.get(b"content-type", b"").decode("latin-1"), request, turn
            ),
            lambda file, meter: _spoken(file, request, meter, as_object=as_object),
            request_bytes=len(request.text.encode()),
            units=len(request.text),
            most=len(request.text) * TOKENS_PER_CHARACTER,
        )
        return await answer_once(self._board, caller, request.ref, verb, request_id, labels)

    async def transcribe(
        self, caller: Caller, request: TranscriptionRequest, request_id: str, labels: Labels
    ) -> Answer:
        """`{"text": ...}` and what else the provider tells; plain text for the formats text, srt and vtt."""
        seconds, size = math.ceil(request.seconds), len(request.file.data)
        verb = Verb[Members](
            "transcription",
            "Audio",
            lambda target, turn: target.adapter.write_transcription(request, target, turn),
            lambda target, body, _, turn: target.adapter.read_transcription(body, request, turn),
            lambda members, meter: _written(members, request, meter),
            request_bytes=seconds * HEARD_PER_SECOND * BYTES_PER_TOKEN or size // 10,
            units=seconds or max(1, size // BYTES_PER_SECOND),
            most=None,
        )
        return await answer_once(self._board, caller, request.ref, verb, request_id, labels)


def _spoken(file: File, request: SpeechRequest, meter: Meter, *, as_object: bool) -> Answer:
    tokens = _tokens_of(meter)
    if _lacks_tokens(tokens, meter):  # a recording does not say what it took
        tokens.estimated = True
        tokens.input_uncached = _at_least_one(len(request.text.encode()), BYTES_PER_TOKEN)
        tokens.audio = _at_least_one(len(request.text) * SPOKEN_PER_SECOND, CHARACTERS_PER_SECOND)
    if as_object:
        return as_json({"status": "completed", "b64_json": base64.b64encode(file.data).decode()}, meter)
    return Answer(file.data, content_type=file.content_type.encode("latin-1", "replace"))


def _written(members: Members, request: TranscriptionRequest, meter: Meter) -> Answer:
    text = members.get("text", "")
    said = str(msgspec.json.decode(text) if isinstance(text, msgspec.Raw) else text)
    _count_written(said, _tokens_of(meter), meter, math.ceil(request.seconds))
    if request.response_format in _PLAIN:
        return Answer(said.encode(), content_type=b"text/plain; charset=utf-8")
    return as_json(members, meter)


def _count_written(said: str, tokens: Tokens, meter: Meter, known_s: int) -> None:
    """Plain texts never say what they took, and not every provider does in its JSON. `known_s` 0: not known."""
    if tokens.prompt or (tokens.units and meter.model is not None and meter.model.price.unit):
        return
    cues = _CUE_END.findall(said)
    hours, minutes, seconds = cues[-1] if cues else ("", "0", "0")
    heard = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + 1
    if not cues:
        heard = tokens.units or known_s or _at_least_one(len(said), CHARACTERS_PER_SECOND)
    tokens.estimated = True
    tokens.units = tokens.units or heard
    if _lacks_tokens(tokens, meter):
        tokens.audio_in = heard * HEARD_PER_SECOND
        tokens.output_visible = len(said.encode()) // BYTES_PER_TOKEN


def _tokens_of(meter: Meter) -> Tokens:
    assert meter.turn is not None
    if meter.turn.tokens is None:
        meter.turn.tokens = Tokens(estimated=True)
    return meter.turn.tokens


def _lacks_tokens(tokens: Tokens, meter: Meter) -> bool:
    """Whether the model is paid by tokens that nobody has counted."""
    return not (tokens.prompt or tokens.completion) and (meter.model is None or not meter.model.price.unit)


def _at_least_one(amount: int, divisor: int) -> int:
    return max(1, amount // divisor)
