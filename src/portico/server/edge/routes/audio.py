"""POST audio: speech on the platform's paths (JSON) and on OpenAI's (bytes), and transcription."""

from __future__ import annotations

from collections.abc import Awaitable

from portico.server.access.caller import Caller
from portico.server.access.policy import require
from portico.server.edge.bodies import read_members, read_model
from portico.server.edge.exchange import Exchange
from portico.server.edge.labels import read_labels
from portico.server.edge.routes.fields import read_fields, take_text
from portico.server.errors import EmptyQuery, FieldRequired, OutOfRange
from portico.server.gateway.answers import Answer
from portico.server.services import Services
from portico.wire.requests import SpeechRequest, TranscriptionRequest

SPEECH = ("/audios/speech", "/v1/audios/speech", "/audio/speech", "/v1/audio/speech")
TRANSCRIPTIONS = ("/audio/transcriptions", "/v1/audio/transcriptions", "/audios/transcriptions")
FORMATS = ("mp3", "wav", "opus", "aac", "flac", "pcm")
WRITTEN = ("json", "verbose_json", "text", "srt", "vtt", "diarized_json")


def speech(services: Services, caller: Caller, exchange: Exchange) -> Awaitable[Answer]:
    """Bytes for those who speak OpenAI's dialect, JSON on the platform's paths; `Accept` may ask for JSON."""
    require(caller, "models")
    request = read_speech_request(exchange.body)
    accepted = (exchange.header(b"accept") or "").lower()
    as_object = "/audios/" in exchange.path or accepted.startswith("application/json")
    if as_object and "audio/" in accepted:
        as_object = False
    labels, _ = read_labels(exchange.headers)
    return services.audio.speak(caller, request, exchange.request_id, labels, as_object=as_object)


def read_speech_request(body: bytes | bytearray) -> SpeechRequest:
    """Raises BadRequest errors that name the field."""
    members = read_members(body)
    ref = read_model(members)
    if "input" not in members:
        raise FieldRequired("input")
    text = take_text(members, "input")
    if not text.strip():
        raise EmptyQuery(param="input")
    voice = take_text(members, "voice", required=True)
    form = take_text(members, "response_format") or "mp3"
    if form not in FORMATS:
        raise OutOfRange("response_format", f"send one of {', '.join(FORMATS)}")
    return SpeechRequest(ref, text, voice, form, members)


def transcriptions(services: Services, caller: Caller, exchange: Exchange) -> Awaitable[Answer]:
    require(caller, "models")
    members, form = read_fields(exchange)
    ref = read_model(members)
    files = form.files.get("file")
    if not files:
        raise FieldRequired("file")
    wanted = take_text(members, "response_format") or "json"
    if wanted not in WRITTEN:
        raise OutOfRange("response_format", f"send one of {', '.join(WRITTEN)}")
    rest = {
        name: texts if len(texts) > 1 else texts[0]
        for name, texts in form.repeated.items()
        if name not in ("model", "response_format")
    }
    request = TranscriptionRequest(ref, files[0], wanted, rest)
    labels, _ = read_labels(exchange.headers)
    return services.audio.transcribe(caller, request, exchange.request_id, labels)
