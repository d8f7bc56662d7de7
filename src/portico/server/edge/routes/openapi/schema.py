"""The OpenAPI document: what the framework knows of its routes, and the hot paths that it never sees."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.openapi.plugins import JsonRenderPlugin

from portico.server.edge.dialects.messages import COUNT_PATHS
from portico.server.edge.dialects.messages import PATHS as MESSAGES
from portico.server.edge.dialects.responses import PATHS as RESPONSES
from portico.server.edge.routes import audio, chat, embeddings, images, rerank, videos
from portico.server.edge.routes.openapi import assistants, search
from portico.server.edge.routes.openapi.bodies import maybe_body
from portico.server.edge.routes.openapi.hot import (
    CHAT_OPERATION,
    EMBEDDINGS_OPERATION,
    OAUTH_REFUSED,
    REFUSED,
    SECURITY,
)
from portico.server.edge.routes.openapi.media import OPERATIONS as MEDIA

OPERATIONS = {
    "chat": CHAT_OPERATION,
    "embeddings": EMBEDDINGS_OPERATION,
    **MEDIA,
    **assistants.OPERATIONS,
    **search.OPERATIONS,
}
HOT_PATHS: dict[str, tuple[str, ...]] = {
    "chat": chat.PATHS,
    "embeddings": embeddings.PATHS,
    "rerank": rerank.PATHS,
    "image": images.GENERATIONS,
    "imageEdit": images.EDITS,
    "speech": audio.SPEECH,
    "transcription": audio.TRANSCRIPTIONS,
    "video": videos.GENERATIONS,
    "videoStatus": videos.STATUS,
    **assistants.PATHS,
    **search.PATHS,
    "response": RESPONSES,
    "message": MESSAGES,
    "messageTokens": COUNT_PATHS,
}
"""The paths of `HOT` by what they do."""


class WholeDocument(JsonRenderPlugin):
    """`GET /schema/openapi.json`, OpenAPI 3.1."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return self.render_json(request, add_hot_paths(openapi_schema))


def add_hot_paths(schema: dict[str, Any]) -> dict[str, Any]:
    """The framework's document with the hot paths and the ways to send a token."""
    paths = {path: _with_our_words(path, item) for path, item in schema.get("paths", {}).items()}
    for name, hot in HOT_PATHS.items():
        for path in hot:
            operation = {**OPERATIONS[name], "operationId": _operation_id(name, path)}
            paths[path] = {**paths.get(path, {}), "post": operation}
    components = {**schema.get("components", {}), "securitySchemes": SECURITY}
    return {**schema, "paths": paths, "components": components, "security": [{name: []} for name in SECURITY]}


def _with_our_words(path: str, item: dict[str, Any]) -> dict[str, Any]:
    """The framework describes refusals in its own shape, which ours never have, and knows no bodies."""
    refused = dict.fromkeys(("400", "401", "403"), OAUTH_REFUSED if path.startswith("/oauth/") else REFUSED)
    told: dict[str, Any] = {}
    for verb, operation in item.items():
        told[verb] = operation
        if isinstance(operation, dict) and "responses" in operation:
            body = maybe_body(verb, path)
            told[verb] = {**operation, "responses": {**operation["responses"], **refused}}
            if body is not None:
                told[verb]["requestBody"] = body
    return told


def _operation_id(name: str, path: str) -> str:
    return name + "".join(part.capitalize() for part in path.split("/") if part)
