"""The OpenAPI document: what the framework knows of its routes, and the hot paths that it never sees."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.openapi.plugins import JsonRenderPlugin

from portico.server.edge.routes import chat, embeddings
from portico.server.edge.routes.openapi_hot import CHAT_OPERATION, EMBEDDINGS_OPERATION, REFUSED, SECURITY


class WholeDocument(JsonRenderPlugin):
    """`GET /schema/openapi.json`, OpenAPI 3.1."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return self.render_json(request, add_hot_paths(openapi_schema))


def add_hot_paths(schema: dict[str, Any]) -> dict[str, Any]:
    """The framework's document with the hot paths and the ways to send a token."""
    paths = {path: _with_our_errors(item) for path, item in schema.get("paths", {}).items()}
    for path in chat.PATHS:
        paths[path] = {"post": {**CHAT_OPERATION, "operationId": _operation_id("chat", path)}}
    for path in embeddings.PATHS:
        paths[path] = {"post": {**EMBEDDINGS_OPERATION, "operationId": _operation_id("embeddings", path)}}
    components = {**schema.get("components", {}), "securitySchemes": SECURITY}
    return {**schema, "paths": paths, "components": components, "security": [{name: []} for name in SECURITY]}


def _with_our_errors(item: dict[str, Any]) -> dict[str, Any]:
    """The framework describes refusals in its own shape; ours never have it."""
    return {
        verb: {**operation, "responses": {**operation["responses"], "400": REFUSED, "401": REFUSED, "403": REFUSED}}
        if isinstance(operation, dict) and "responses" in operation
        else operation
        for verb, operation in item.items()
    }


def _operation_id(name: str, path: str) -> str:
    return name + "".join(part.capitalize() for part in path.split("/") if part)
