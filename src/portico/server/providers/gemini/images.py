"""Pictures: Imagen by `predict`, Gemini's image models by `generateContent`; both directions, pure."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from portico.server.errors import ProviderRefused, ProviderUnknown
from portico.server.providers.base import Members, Tokens, Turn
from portico.server.providers.gemini.finish import tokens_of
from portico.server.providers.gemini.read import decode
from portico.wire.requests import File, ImageRequest

Json = dict[str, Any]
RATIOS = ("1:1", "3:4", "4:3", "9:16", "16:9")
_GEMINI_RATIOS = (*RATIOS, "2:3", "3:2", "4:5", "5:4", "21:9")
_IMAGEN_MEMBERS = {
    "negative_prompt": "negativePrompt",
    "seed": "seed",
    "person_generation": "personGeneration",
    "personGeneration": "personGeneration",
    "add_watermark": "addWatermark",
    "language": "language",
    "enhance_prompt": "enhancePrompt",
    "guidance_scale": "guidanceScale",
}


class _Prediction(msgspec.Struct):
    bytesBase64Encoded: str = ""
    gcsUri: str = ""
    prompt: str = ""
    raiFilteredReason: str = ""


class _Predictions(msgspec.Struct):
    predictions: list[_Prediction] | None = None


_PREDICTIONS = msgspec.json.Decoder(_Predictions)


def ratio_of(request: ImageRequest, known: tuple[str, ...] = RATIOS) -> str:
    """The aspect ratio asked for; that nearest to a size in points; "" when neither is said."""
    if request.aspect_ratio:
        return request.aspect_ratio
    width, _, height = request.size.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        return ""
    wanted = int(width) / int(height)
    return min(known, key=lambda ratio: abs(_quotient(ratio) / wanted - 1))


def _quotient(ratio: str) -> float:
    width, _, height = ratio.partition(":")
    return int(width) / int(height)


def write_imagen(request: ImageRequest) -> Json:
    """Size and quality are unknown there and left out; a size tells the aspect ratio."""
    instance: Json = {"prompt": request.prompt}
    parameters: Json = {"sampleCount": request.n}
    if ratio := ratio_of(request):
        parameters["aspectRatio"] = ratio
    if request.images:
        instance["referenceImages"] = _references(request)
        if request.mask is not None:
            parameters["editMode"] = "EDIT_MODE_INPAINT_INSERTION"
    form = {"png": "image/png", "jpeg": "image/jpeg"}.get(_text(request, "output_format"))
    if form:
        parameters["outputOptions"] = {"mimeType": form}
    parameters.update(
        {name: request.members[ours] for ours, name in _IMAGEN_MEMBERS.items() if ours in request.members}
    )
    return {"instances": [instance], "parameters": parameters}


def _references(request: ImageRequest) -> list[Json]:
    found: list[Json] = [
        {"referenceType": "REFERENCE_TYPE_RAW", "referenceId": number, "referenceImage": encoded(image)}
        for number, image in enumerate(request.images, 1)
    ]
    if request.mask is not None:
        mask = {"referenceType": "REFERENCE_TYPE_MASK", "referenceId": len(found) + 1}
        config = {"maskMode": "MASK_MODE_USER_PROVIDED"}
        found.append({**mask, "referenceImage": encoded(request.mask), "maskImageConfig": config})
    return found


def encoded(image: File) -> Json:
    return {"bytesBase64Encoded": base64.b64encode(image.data).decode(), "mimeType": image.content_type}


def _text(request: ImageRequest, name: str) -> str:
    value = msgspec.json.decode(request.members[name]) if name in request.members else None
    return value if isinstance(value, str) else ""


def read_imagen(body: bytes, turn: Turn) -> list[Members]:
    """Raises ProviderRefused when the filter left no picture."""
    try:
        predictions = _PREDICTIONS.decode(body).predictions or []
    except (msgspec.DecodeError, RecursionError):
        raise ProviderUnknown("the provider's answer is not a list of pictures") from None
    pictures: list[Members] = []
    for one in predictions:
        picture: Members = {"b64_json": one.bytesBase64Encoded} if one.bytesBase64Encoded else {"url": one.gcsUri}
        if one.bytesBase64Encoded or one.gcsUri:
            pictures.append({**picture, "revised_prompt": one.prompt} if one.prompt else picture)
    if not pictures:
        reason = next((one.raiFilteredReason for one in predictions if one.raiFilteredReason), "")
        raise ProviderRefused(reason or "the provider's safety filter left no picture", code="content_filter")
    turn.tokens = Tokens(images=len(pictures))
    return pictures


def write_gemini(request: ImageRequest) -> Json:
    """A picture by `generateContent`; it makes one at a time, `n` is asked as candidates."""
    parts: list[Json] = [
        {"inlineData": {"mimeType": image.content_type, "data": base64.b64encode(image.data).decode()}}
        for image in request.images
    ]
    parts.append({"text": request.prompt})
    config: Json = {"responseModalities": ["TEXT", "IMAGE"]}
    if request.n > 1:
        config["candidateCount"] = request.n
    if ratio := ratio_of(request, _GEMINI_RATIOS):
        config["imageConfig"] = {"aspectRatio": ratio}
    return {"contents": [{"role": "user", "parts": parts}], "generationConfig": config}


def read_gemini(body: bytes, turn: Turn) -> list[Members]:
    answer = decode(body)
    parts = [
        part
        for candidate in answer.candidates or ()
        for part in (candidate.content.parts if candidate.content is not None else None) or ()
    ]
    pictures: list[Members] = [{"b64_json": part.inlineData.data} for part in parts if part.inlineData is not None]
    if not pictures:
        said = "".join(part.text or "" for part in parts)
        feedback = answer.promptFeedback
        blocked = feedback.blockReason if feedback is not None else ""
        raise ProviderRefused(said or f"the provider made no picture {blocked}".strip(), code="content_filter")
    turn.tokens = tokens_of(answer.usageMetadata) if answer.usageMetadata is not None else Tokens()
    turn.tokens.images = len(pictures)
    return pictures
