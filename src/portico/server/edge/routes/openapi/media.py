"""OpenAPI operations of the other verbs on the hot paths: rerank, images, audio, video, Responses and Messages."""

from __future__ import annotations

from typing import Any

from portico.server.edge.routes.openapi.hot import responses_of

_TEXT = {"type": "string", "minLength": 1}
_FILE = {"type": "string", "format": "binary"}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": {"model": _TEXT, **properties}}


def _operation(tag: str, summary: str, answer: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    """`form`: the same as a multipart form; `media`: what a plain answer is; `stream`: it may be an event stream."""
    content = {"application/json": {"schema": schema}} if not more.get("form_only") else {}
    if "form" in more:
        content["multipart/form-data"] = {"schema": more["form"]}
    answers = responses_of(answer, stream=bool(more.get("stream")))
    if "media" in more:
        answers["200"]["content"][more["media"]] = {"schema": {"type": "string", "format": "binary"}}
    return {
        "tags": [tag],
        "summary": summary,
        "requestBody": {"required": True, "content": content},
        "responses": answers,
    }


_RERANK = _object(
    ["model", "query", "documents"],
    query=_TEXT,
    documents={"type": "array", "minItems": 1, "items": {"type": "string"}},
    top_n={"type": "integer", "minimum": 1},
)
_IMAGE = _object(
    ["model", "prompt"],
    prompt=_TEXT,
    n={"type": "integer", "minimum": 1, "maximum": 10},
    size={"type": "string"},
    quality={"type": "string"},
    aspectRatio={"type": "string", "examples": ["1:1", "16:9"]},
    aspect_ratio={"type": "string"},
    response_format={"type": "string"},
)
_EDIT = _object(
    ["model", "prompt", "image"],
    prompt=_TEXT,
    image={"anyOf": [_TEXT, {"type": "array", "minItems": 1, "items": _TEXT}]},
    mask={"type": "string"},
    n={"type": "integer", "minimum": 1, "maximum": 10},
    size={"type": "string"},
    quality={"type": "string"},
)
_EDIT_FORM = _object(["model", "prompt", "image"], prompt=_TEXT, image=_FILE, mask=_FILE)
_SPEECH = _object(
    ["model", "input", "voice"],
    input=_TEXT,
    voice=_TEXT,
    response_format={"enum": ["mp3", "wav", "opus", "aac", "flac", "pcm"]},
    speed={"type": "number"},
    instructions={"type": "string"},
)
_TRANSCRIPTION = _object(
    ["model", "file"], file=_FILE, language={"type": "string"}, prompt={"type": "string"},
    response_format={"enum": ["json", "verbose_json", "text", "srt", "vtt", "diarized_json"]},
)  # fmt: skip
_VIDEO = _object(
    ["model"],
    prompt=_TEXT,
    duration={"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]},
    image={"type": "string"},
    instances={"type": "array", "minItems": 1, "items": {"type": "object"}},
    parameters={"type": "object"},
)
_VIDEO_STATUS = _object(["model", "operationName"], operationName=_TEXT)
_RESPONSE = _object(
    ["model", "input"],
    input={"anyOf": [_TEXT, {"type": "array", "minItems": 1, "items": {"type": "object"}}]},
    instructions={"type": ["string", "null"]},
    stream={"type": "boolean", "default": False},
    max_output_tokens={"type": ["integer", "null"], "minimum": 1},
    temperature={"type": ["number", "null"], "minimum": 0, "maximum": 2},
    top_p={"type": ["number", "null"], "minimum": 0, "maximum": 1},
    tools={"type": "array", "items": {"type": "object"}},
    reasoning={"type": ["object", "null"]},
)
_MESSAGE = _object(
    ["model", "messages", "max_tokens"],
    messages={"type": "array", "minItems": 1, "items": {"type": "object"}},
    max_tokens={"type": "integer", "minimum": 1},
    system={"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]},
    stream={"type": "boolean", "default": False},
    temperature={"type": "number", "minimum": 0, "maximum": 1},
    tools={"type": "array", "items": {"type": "object"}},
)
_COUNT = _object(["model", "messages"], messages={"type": "array", "minItems": 1, "items": {"type": "object"}})

OPERATIONS: dict[str, dict[str, Any]] = {
    "rerank": _operation("rerank", "Rank documents", "The best documents, by score", _RERANK),
    "image": _operation("images", "Make pictures", "The pictures", _IMAGE),
    "imageEdit": _operation("images", "Change pictures", "The pictures", _EDIT, form=_EDIT_FORM),
    "speech": _operation("audio", "Speak a text", "The recording", _SPEECH, media="audio/mpeg"),
    "transcription": _operation("audio", "Write a recording down", "The text", {}, form=_TRANSCRIPTION, form_only=True),
    "video": _operation("videos", "Begin a video", "Its operation", _VIDEO),
    "videoStatus": _operation("videos", "How far a video is", "Its state", _VIDEO_STATUS),
    "response": _operation("responses", "Create a response", "The response, or its events", _RESPONSE, stream=True),
    "message": _operation("messages", "Create a message", "The message, or its events", _MESSAGE, stream=True),
    "messageTokens": _operation("messages", "Estimate the tokens of a message", "The estimate", _COUNT),
}
OPERATIONS["video"]["responses"]["202"] = OPERATIONS["video"]["responses"].pop("200")
