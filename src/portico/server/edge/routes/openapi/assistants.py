"""OpenAPI operations of the execution part of the Assistant API."""

from __future__ import annotations

from typing import Any

from portico.server.edge.dialects import assistant
from portico.server.edge.routes.openapi.hot import REFUSED

_TEXT = {"type": "string", "minLength": 1}
_VARIABLE = {
    "type": "object",
    "required": ["key"],
    "properties": {"key": _TEXT, "value": {"type": ["string", "number", "boolean", "null"]}},
}
_OPTIONS = {
    "assistant": {**_TEXT, "description": "Name or id of the assistant"},
    "revision": {"type": ["integer", "null"], "minimum": 0},
    "revisionName": {"type": ["string", "null"]},
    "variables": {"type": ["array", "null"], "items": _VARIABLE},
}
_ANSWER = {
    "type": "object",
    "properties": {
        "requestId": {"type": "string"},
        "success": {"type": "boolean"},
        "status": {"enum": ["pending", "running", "completed", "failed", "cancelled"]},
        "text": {"type": "string"},
        "progress": {"type": "integer"},
        "providerName": {"type": "string"},
        "providerResponse": {"type": "string", "description": "A chat completion as JSON"},
        "timestamp": {"type": "string"},
        "error": {
            "type": "object",
            "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
        },
    },
}


def _operation(summary: str, member: str, schema: dict[str, Any]) -> dict[str, Any]:
    body = {"type": "object", "required": ["assistant", member], "properties": {**_OPTIONS, member: schema}}
    told = "What came of it; a request that failed has success false and an error"
    return {
        "tags": ["assistants"],
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            "200": {"description": told, "content": {"application/json": {"schema": _ANSWER}}},
            **dict.fromkeys(("401", "403", "413", "429", "503"), REFUSED),
        },
    }


_MESSAGES = {"type": "array", "minItems": 1, "items": {"type": "object"}}
OPERATIONS: dict[str, Any] = {
    "assistantChat": _operation("Ask an assistant", "messages", _MESSAGES),
    "assistantChatBegin": _operation("Ask an assistant, and fetch the answer later", "messages", _MESSAGES),
    "assistantText": _operation("Ask an assistant with one text", "prompt", _TEXT),
    "assistantTextBegin": _operation("The same, and fetch the answer later", "prompt", _TEXT),
    "assistantPicture": {
        "tags": ["assistants"],
        "summary": "Not implemented: pictures are made by /v1/images/generations",
        "responses": {"501": REFUSED, "401": REFUSED, "403": REFUSED},
    },
}
PATHS: dict[str, tuple[str, ...]] = {
    "assistantChat": (assistant.CHAT,),
    "assistantChatBegin": (assistant.CHAT_BEGIN,),
    "assistantText": (assistant.TEXT,),
    "assistantTextBegin": (assistant.TEXT_BEGIN,),
    "assistantPicture": (assistant.PICTURE,),
}
