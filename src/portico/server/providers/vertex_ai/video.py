"""Films by Veo: `predictLongRunning` begins one, `fetchPredictOperation` tells how far it is."""

from __future__ import annotations

from typing import Any

import msgspec

from portico.server.errors import ProviderUnknown
from portico.server.providers.base import Members, Tokens, Turn
from portico.server.providers.gemini.images import encoded
from portico.server.providers.openai_errors import presentable
from portico.wire.requests import VideoRequest

Json = dict[str, Any]
DEFAULT_DURATION_S = 8
_MEMBERS = {
    "aspectRatio": "aspectRatio",
    "aspect_ratio": "aspectRatio",
    "negativePrompt": "negativePrompt",
    "negative_prompt": "negativePrompt",
    "resolution": "resolution",
    "seed": "seed",
    "generateAudio": "generateAudio",
    "generate_audio": "generateAudio",
    "personGeneration": "personGeneration",
    "person_generation": "personGeneration",
    "enhancePrompt": "enhancePrompt",
    "fps": "fps",
}


class _Begun(msgspec.Struct):
    name: str


class _Film(msgspec.Struct):
    bytesBase64Encoded: str = ""
    gcsUri: str = ""
    mimeType: str = ""


class _Films(msgspec.Struct):
    videos: list[_Film] | None = None
    raiMediaFilteredCount: int = 0
    raiMediaFilteredReasons: list[str] | None = None


class _Status(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Operation(msgspec.Struct):
    name: str = ""
    done: bool = False
    response: _Films | None = None
    error: _Status | None = None


def write_film(request: VideoRequest) -> Json:
    instance: Json = {"prompt": request.prompt}
    if request.image is not None:
        instance["image"] = encoded(request.image)
    parameters: Json = {"sampleCount": 1, "durationSeconds": request.duration_s or DEFAULT_DURATION_S}
    parameters.update({name: request.members[ours] for ours, name in _MEMBERS.items() if ours in request.members})
    return {"instances": [instance], "parameters": parameters}


def read_begun(body: bytes, request: VideoRequest, turn: Turn) -> str:
    try:
        name = msgspec.json.decode(body, type=_Begun).name
    except msgspec.DecodeError:
        raise ProviderUnknown("the provider's answer names no operation") from None
    turn.tokens = Tokens(units=request.duration_s or DEFAULT_DURATION_S)
    return name


def read_operation(body: bytes) -> Members:
    """Failed as well when the safety filter left no film."""
    try:
        operation = msgspec.json.decode(body, type=_Operation)
    except msgspec.DecodeError:
        raise ProviderUnknown("the provider's answer is not an operation") from None
    if operation.error is not None:
        return _failed(operation.error.code, operation.error.message or "the film could not be made")
    if not operation.done:
        return {"status": "pending"}
    films = operation.response or _Films()
    film = next((one for one in films.videos or () if one.gcsUri or one.bytesBase64Encoded), None)
    if film is None:
        reasons = " ".join(films.raiMediaFilteredReasons or ())
        return _failed("content_filter", reasons or "the provider's safety filter left no film")
    where: Members = {"url": film.gcsUri} if film.gcsUri else {"b64_json": film.bytesBase64Encoded}
    return {"status": "completed", **where, "metadata": {"mime_type": film.mimeType or "video/mp4"}}


def _failed(code: int | str, message: str) -> Members:
    return {"status": "failed", "error": {"code": code, "message": presentable(message)}}
