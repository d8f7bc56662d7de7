"""OpenAPI operations of the hot paths, written by hand because their handlers take raw bytes."""

from __future__ import annotations

from typing import Any

SECURITY: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "API token of a project or of the organization."},
    "saia": {"type": "apiKey", "in": "header", "name": "Saia-Auth", "description": "The token without a scheme."},
    "anthropic": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "As Anthropic's SDKs send it."},
}

_MESSAGE = {
    "type": "object",
    "required": ["role", "content"],
    "properties": {
        "role": {"enum": ["system", "developer", "user", "assistant", "tool", "function"]},
        "content": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]},
        "name": {"type": "string"},
        "tool_calls": {"type": "array", "items": {"type": "object"}},
        "tool_call_id": {"type": "string"},
    },
}
_CHAT = {
    "type": "object",
    "required": ["model", "messages"],
    "properties": {
        "model": {"type": "string", "examples": ["local/qwen2.5-coder-1.5b-instruct", "openai/gpt-4o-mini"]},
        "messages": {"type": "array", "minItems": 1, "items": _MESSAGE},
        "stream": {"type": "boolean", "default": False},
        "stream_options": {"type": "object", "properties": {"include_usage": {"type": "boolean"}}},
        "temperature": {"type": "number", "minimum": 0, "maximum": 2},
        "top_p": {"type": "number", "minimum": 0, "maximum": 1},
        "max_tokens": {"type": "integer", "minimum": 1},
        "max_completion_tokens": {"type": "integer", "minimum": 1},
        "frequency_penalty": {"type": "number", "minimum": -2, "maximum": 2},
        "presence_penalty": {"type": "number", "minimum": -2, "maximum": 2},
        "stop": {"anyOf": [{"type": "string"}, {"type": "array", "maxItems": 4, "items": {"type": "string"}}]},
        "n": {"type": "integer", "minimum": 1, "maximum": 128},
        "seed": {"type": "integer"},
        "logprobs": {"type": "boolean"},
        "top_logprobs": {"type": "integer", "minimum": 0, "maximum": 20},
        "user": {"type": "string"},
        "metadata": {"type": "object", "maxProperties": 16},
        "tools": {"type": "array", "items": {"type": "object"}},
        "tool_choice": {"anyOf": [{"enum": ["none", "auto", "required"]}, {"type": "object"}]},
        "parallel_tool_calls": {"type": "boolean"},
        "response_format": {"type": "object", "properties": {"type": {"enum": ["text", "json_object", "json_schema"]}}},
        "reasoning_effort": {"type": "string", "examples": ["low", "medium", "high", "none"]},
        "variables": {"type": "array", "items": {"type": "object"}},
        "threadId": {"type": "string"},
        "filters": {"type": "array", "items": {"type": "object"}},
    },
}
_TEXT = {"type": "string", "minLength": 1}
_EMBEDDINGS = {
    "type": "object",
    "required": ["model", "input"],
    "properties": {
        "model": {"type": "string", "examples": ["local/all-minilm-l6-v2"]},
        "input": {"anyOf": [_TEXT, {"type": "array", "minItems": 1, "items": _TEXT}]},
        "encoding_format": {"enum": ["float", "base64"]},
        "dimensions": {"type": "integer", "minimum": 1},
        "input_type": {"type": "string"},
        "user": {"type": "string"},
        "timeout": {"type": "integer", "minimum": 1},
    },
}  # fmt: skip
_ERROR = {
    "type": "object",
    "required": ["errors"],
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": ["integer", "string"]},
                "message": {"type": "string"},
                "type": {"type": ["string", "null"]},
                "param": {"type": ["string", "null"]},
            },
        },
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"id": {"type": "integer"}, "description": {"type": "string"}},
            },
        },
        "requestId": {"type": "string"},
        "success": {"type": "boolean"},
        "status": {"type": "string"},
    },
}


REFUSED: dict[str, Any] = {"description": "Refused", "content": {"application/json": {"schema": _ERROR}}}
_OAUTH_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
}
OAUTH_REFUSED: dict[str, Any] = {
    "description": "Refused, in the words of the platform or of OAuth",
    "content": {"application/json": {"schema": {"anyOf": [_ERROR, _OAUTH_ERROR]}}},
}
"""Every refusal has `errors`; those of OpenAI-like paths have the other members, too."""


def responses_of(description: str, *, stream: bool) -> dict[str, Any]:
    """The answers of an operation: what it gives, and every refusal."""
    content: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
    if stream:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    codes = ("400", "401", "403", "404", "413", "422", "429", "501", "502", "503", "504")
    return {"200": {"description": description, "content": content}, **dict.fromkeys(codes, REFUSED)}


CHAT_OPERATION: dict[str, Any] = {
    "tags": ["chat"],
    "summary": "Create a chat completion",
    "requestBody": {"required": True, "content": {"application/json": {"schema": _CHAT}}},
    "responses": responses_of("The completion, or its chunks as an event stream", stream=True),
}
EMBEDDINGS_OPERATION: dict[str, Any] = {
    "tags": ["embeddings"],
    "summary": "Create embeddings",
    "requestBody": {"required": True, "content": {"application/json": {"schema": _EMBEDDINGS}}},
    "responses": responses_of("The vectors, in the order of the inputs", stream=False),
}
