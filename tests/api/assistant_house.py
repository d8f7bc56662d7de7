"""Assistants of a live server, made as callers make them."""

from __future__ import annotations

import secrets
from typing import Any

from tests.live import LiveServer
from tests.upstream import COMPLETION, Upstream

OPENAI = {"providerName": "openai", "modelName": "gpt-4o-mini", "temperature": 0.1}
LOCAL = {"providerName": "local", "modelName": "smollm2-135m-instruct", "temperature": 0.0, "maxTokens": 12}
HELLO = [{"role": "user", "content": "Hello"}]
FRENCH = [{"key": "language", "value": "French"}]


def new_name(stem: str = "Translator") -> str:
    """A name that no other test has taken."""
    return f"{stem} {secrets.token_hex(4)}"


def make_assistant(
    server: LiveServer,
    name: str,
    prompt: str = "Translate to {language}.",
    *,
    token: str = "",
    type: str = "chat",
    **settings: Any,
) -> dict[str, Any]:
    """The assistant as the server shows it. Without `providerName` it asks the provider of the tests."""
    body = {"type": type, "name": name, "prompt": prompt, "llmSettings": {**OPENAI, **settings}}
    answer = server.post("/v1/assistant", body, token=token)
    assert answer.status == 200, answer.body
    made: dict[str, Any] = answer.json()
    return made


def change_assistant(server: LiveServer, assistant_id: str, **members: Any) -> dict[str, Any]:
    answer = server.request("PUT", f"/v1/assistant/{assistant_id}", members)
    assert answer.status == 200, answer.body
    changed: dict[str, Any] = answer.json()
    return changed


def saying(content: str) -> dict[str, Any]:
    """A completion of the provider with these words."""
    message = {"role": "assistant", "content": content}
    return {**COMPLETION, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


def sent_to(upstream: Upstream) -> dict[str, Any]:
    """The body of the only request that the provider has had."""
    assert len(upstream.asked) == 1, [asked.body for asked in upstream.asked]
    body: dict[str, Any] = upstream.asked[0].body
    return body
