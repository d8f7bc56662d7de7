"""Pictures, speech and transcription in the OpenAI protocol."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from portico.server.errors import ProviderUnknown
from portico.server.providers.base import Adapter, Members, Outgoing, Target, Tokens, Turn
from portico.server.providers.openai.counts import disjoint
from portico.wire.requests import File, ImageRequest, SpeechRequest, TranscriptionRequest

_encode = msgspec.json.Encoder().encode
_SQUARE = {"1:1": "1024x1024", "9:16": "1024x1536", "3:4": "1024x1536", "16:9": "1536x1024", "4:3": "1536x1024"}
_STREAMS = frozenset({"stream", "stream_format", "partial_images"})
_QUOTED = {ord('"'): "%22", ord("\r"): "%0D", ord("\n"): "%0A"}
"""A caller's name of a field must not begin another one; as browsers write them."""
T = TypeVar("T")
_TYPES = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "pcm": "audio/pcm",
}


class _ImageUsage(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0


class _Images(msgspec.Struct):
    data: list[dict[str, Any]]
    usage: _ImageUsage | None = None


_IMAGES = msgspec.json.Decoder(_Images)


class Pictures(Adapter):
    """The image verb: made from a text, or changed from other pictures."""

    def write_image(self, request: ImageRequest, target: Target, turn: Turn) -> Outgoing:
        fields = _image_fields(request, target, turn)
        members = _without_streams(request.members, turn)
        if not request.images:
            return Outgoing("/images/generations", _encode({**fields, **members}))
        texts = {name: str(value) for name, value in fields.items()}
        texts.update({name: _as_text(raw) for name, raw in members.items()})
        files = [("image[]" if len(request.images) > 1 else "image", file) for file in request.images]
        if request.mask is not None:
            files.append(("mask", request.mask))
        body, content_type = write_form(texts, files)
        return Outgoing("/images/edits", body, content_type=content_type)

    def read_image(self, body: bytes, request: ImageRequest, turn: Turn) -> list[Members]:
        try:
            answer = _IMAGES.decode(body)
        except (msgspec.DecodeError, RecursionError):
            raise ProviderUnknown("the provider's answer is not a list of pictures") from None
        usage = answer.usage or _ImageUsage()
        turn.tokens = Tokens(
            input_uncached=usage.input_tokens, output_visible=usage.output_tokens, images=len(answer.data)
        )
        kept = ("b64_json", "url", "revised_prompt")
        return [{name: one[name] for name in kept if one.get(name) is not None} for one in answer.data]


def _image_fields(request: ImageRequest, target: Target, turn: Turn) -> Members:
    size = request.size
    if not size and request.aspect_ratio and target.upstream_model.startswith(("gpt-image", "dall-e")):
        size = _SQUARE.get(request.aspect_ratio, "")
        turn.adjusted.append(f"aspect_ratio {request.aspect_ratio}->size {size or 'dropped'}")
    given = {"size": size, "quality": request.quality, "response_format": request.response_format}
    fields: Members = {"model": target.upstream_model, "prompt": request.prompt, "n": request.n}
    for name, value in given.items():
        if not value:
            continue
        if name in _unknown_to(target.upstream_model):
            turn.adjusted.append(f"{name} dropped")
        else:
            fields[name] = value
    return fields


def _unknown_to(model: str) -> tuple[str, ...]:
    """Members that a family of picture models refuses: the vendor's SDK sends size and quality to all of them."""
    if model.startswith("gpt-image"):
        return ("response_format",)  # it answers with b64_json, always
    if model.startswith("dall-e-2"):
        return ("quality",)
    return ("size", "quality") if model.startswith("grok") else ()


class Speech(Adapter):
    """Texts to recordings, and recordings to texts."""

    def write_speech(self, request: SpeechRequest, target: Target, turn: Turn) -> Outgoing:
        fields = {
            "model": target.upstream_model,
            "input": request.text,
            "voice": request.voice,
            "response_format": request.response_format,
        }
        return Outgoing("/audio/speech", _encode({**fields, **_without_streams(request.members, turn)}))

    def read_speech(self, body: bytes, content_type: str, request: SpeechRequest, turn: Turn) -> File:
        if not body or content_type.startswith(("application/json", "text/html")):
            raise ProviderUnknown("the provider's answer is not a recording")
        turn.tokens = Tokens(units=len(request.text), estimated=True)
        known = _TYPES.get(request.response_format, "application/octet-stream")
        return File(body, content_type if content_type.startswith("audio/") else known)

    def write_transcription(self, request: TranscriptionRequest, target: Target, turn: Turn) -> Outgoing:
        given = _without_streams(request.fields, turn)
        texts: dict[str, str | list[str]] = {
            "model": target.upstream_model,
            "response_format": request.response_format,
            **given,
        }
        body, content_type = write_form(texts, [("file", request.file)])
        return Outgoing("/audio/transcriptions", body, content_type=content_type)

    def read_transcription(self, body: bytes, request: TranscriptionRequest, turn: Turn) -> Members:
        if request.response_format in ("text", "srt", "vtt"):
            return {"text": body.decode("utf-8", "replace")}
        try:
            answer = msgspec.json.decode(body, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            raise ProviderUnknown("the provider's answer is not a transcription") from None
        usage = answer.pop("usage", None)
        counts = usage if isinstance(usage, dict) else {}
        seconds = counts.get("seconds") or answer.get("duration") or 0
        details = counts.get("input_token_details")
        heard = details.get("audio_tokens") if isinstance(details, dict) else 0
        prompt, completion = int(counts.get("input_tokens") or 0), int(counts.get("output_tokens") or 0)
        turn.tokens = disjoint(prompt, completion, heard=int(heard or 0))
        turn.tokens.units = int(float(seconds) + 0.999)
        return answer


def _without_streams(members: Mapping[str, T], turn: Turn) -> dict[str, T]:
    """The answers of these verbs are given whole: what asks the provider for a stream is left out."""
    turn.adjusted += [f"{name} dropped" for name in members if name in _STREAMS]
    return {name: value for name, value in members.items() if name not in _STREAMS}


def write_form(texts: Mapping[str, str | list[str]], files: Iterable[tuple[str, File]]) -> tuple[bytes, str]:
    """A multipart form, and its content type. A list is a field that comes more than once."""
    boundary = f"portico-{secrets.token_hex(16)}"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name.translate(_QUOTED)}"\r\n\r\n{text}\r\n'.encode()
        for name, given in texts.items()
        for text in (given if isinstance(given, list) else [given])
    ]
    for name, file in files:
        shown = "".join(c for c in file.name if c.isascii() and c.isprintable() and c not in '"\\') or "file"
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{shown}"\r\n'
            f"Content-Type: {file.content_type}\r\n\r\n"
        )
        parts += [head.encode(), file.data, b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"


def _as_text(raw: msgspec.Raw) -> str:
    value = msgspec.json.decode(raw)
    return value if isinstance(value, str) else bytes(raw).decode()
