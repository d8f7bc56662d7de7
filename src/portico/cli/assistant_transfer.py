"""An assistant as a file: what `portico assistants export` writes and `import` reads."""

from __future__ import annotations

from typing import Any

import click

FORMAT = "portico-assistant/1"
_MEMBERS = frozenset(("prompt", "llm_settings", "revision_name", "revision_description", "open_api", "authentication"))


def list_words(assistant: dict[str, Any]) -> list[dict[str, Any]]:
    """The revisions in an answer, by number."""
    words = [word for intent in assistant.get("intents") or [] for word in intent.get("revisions") or []]
    return sorted(words, key=lambda word: int(word["revisionId"]))


def pack(assistant: dict[str, Any]) -> dict[str, Any]:
    """Everything that makes the assistant, without ids; `active` counts the revisions from 1."""
    words = list_words(assistant)
    active = assistant["intents"][0]["assistantIntentDefaultRevision"]
    return {
        "format": FORMAT,
        "type": assistant["assistantType"],
        "name": assistant["assistantName"],
        "description": assistant["assistantDescription"],
        "welcomeData": assistant.get("welcomeData"),
        "active": 1 + [word["revisionId"] for word in words].index(active),
        "revisions": [_pack_revision(word) for word in words],
    }


def read_pack(value: Any) -> dict[str, Any]:
    """A file as `pack` writes it. Raises a usage error for another one."""
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise click.UsageError(f'this is no exported assistant: "format" must be "{FORMAT}"')
    revisions = value.get("revisions")
    counted = len(revisions) if isinstance(revisions, list) and all(map(_is_revision, revisions)) else 0
    named = all(isinstance(value.get(name), str) for name in ("name", "type"))
    if not named or value.get("active") not in range(1, counted + 1):
        raise click.UsageError("this exported assistant is not whole: name, type, revisions and active are needed")
    return value


def _is_revision(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("prompt"), str) and value.keys() <= _MEMBERS


def _pack_revision(word: dict[str, Any]) -> dict[str, Any]:
    """With the members that `create_assistant` and `update_assistant` take."""
    settings: dict[str, Any] = {one["key"]: one["value"] for one in word.get("metadata") or []}
    model = {"providerName": word["providerName"] or None, "modelName": word["modelName"]}
    told = {name: value for name, value in {**model, **settings}.items() if value is not None}
    packed = {
        "prompt": word["prompt"],
        "llm_settings": told,
        "revision_name": word["revisionName"],
        "revision_description": word["revisionDescription"],
    }
    service = {"open_api": word.get("openApi"), "authentication": word.get("authentication")}
    return packed | {name: value for name, value in service.items() if value is not None}
