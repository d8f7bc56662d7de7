"""OpenAPI operation of the question to a RAG assistant in the search API's own words."""

from __future__ import annotations

from typing import Any

from portico.server.edge.routes import search_execute
from portico.server.edge.routes.openapi.hot import REFUSED

_TEXT = {"type": "string", "minLength": 1}
_PAIR = {"key": _TEXT, "value": {}}
_BODY = {
    "type": "object",
    "required": ["profile", "question"],
    "properties": {
        "profile": {**_TEXT, "description": "Name of the RAG assistant"},
        "question": _TEXT,
        "id": {"type": ["string", "null"], "description": "Conversation"},
        "variables": {"type": ["array", "null"], "items": {"type": "object", "required": ["key"], "properties": _PAIR}},
        "filters": {
            "type": ["array", "null"],
            "items": {
                "type": "object",
                "required": ["key", "value"],
                "properties": {**_PAIR, "operator": {"type": "string", "default": "$eq"}},
            },
        },
    },
}
_DOCUMENT = {
    "type": "object",
    "properties": {"pageContent": {"type": "string"}, "score": {"type": "number"}, "metadata": {"type": "object"}},
}
_ANSWER = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "requestId": {"type": "string"},
        "text": {"type": "string"},
        "documents": {"type": "array", "items": _DOCUMENT},
        "result": {
            "type": "object",
            "properties": {"success": {"type": "boolean"}, "messages": {"type": "array", "items": {"type": "string"}}},
        },
        "usage": {"type": "object"},
    },
}
_CODES = ("400", "401", "403", "404", "413", "422", "429", "501", "502", "503", "504")
OPERATIONS: dict[str, Any] = {
    "searchExecute": {
        "tags": ["search"],
        "summary": "Ask a RAG assistant",
        "requestBody": {"required": True, "content": {"application/json": {"schema": _BODY}}},
        "responses": {
            "200": {
                "description": "The answer with its passages; with an `error` when no such RAG assistant is enabled",
                "content": {"application/json": {"schema": _ANSWER}},
            },
            **dict.fromkeys(_CODES, REFUSED),
        },
    }
}
PATHS: dict[str, tuple[str, ...]] = {"searchExecute": search_execute.PATHS}
