"""Fits the parameters of a chat request to what its model takes: the documented rules on reasoning and temperature."""

from __future__ import annotations

from typing import Any

import msgspec

from portico.server.catalog.entry import Model, Parameter
from portico.server.errors import BadInputText, MediaNotSupported, ProviderRefused
from portico.wire.requests import ChatRequest

_ONE = msgspec.Raw(b"1")


def fit_parameters(request: ChatRequest, model: Model) -> None:
    """Drops what the model does not know, fills in what it demands. Raises ProviderRefused for a value it refuses.

    Source: Chat API reference, "Reasoning" (9.1) and "Models with built-in web search" (9.2).
    """
    members = request.members
    if request.media:
        _check_media(request, model)
    if not model.system_role:
        _fold_system(request)
    if "reasoning_effort" in members:
        _fit_effort(request, model)
    for name in members.keys() & model.parameters.keys():
        _fit_one(request, name, model.parameters[name])


def _check_media(request: ChatRequest, model: Model) -> None:
    """Against the documented formats of the model; where none are documented the provider decides."""
    if not model.media:
        return
    known: set[str] = set()
    for capabilities in model.media.values():
        types = capabilities.get("mimeTypes", ())
        known.update(types if isinstance(types, tuple) else ())
    for found in request.media:
        family = found.partition("/")[0]
        if found != "*/*" and found not in known and not (found.endswith("/*") and _has_family(known, family)):
            raise MediaNotSupported(param="messages")


def _has_family(types: set[str], family: str) -> bool:
    return any(known.startswith(f"{family}/") for known in types)


def _fold_system(request: ChatRequest) -> None:
    """Some models refuse `system`: its text goes in front of the first user message (Chat API reference, 5)."""
    try:
        messages: list[dict[str, Any]] = msgspec.json.decode(request.members["messages"])
    except (msgspec.DecodeError, RecursionError) as error:  # in members of a message that nobody had to read before
        raise BadInputText(f"Bad Input Text: messages: {error}") from None
    texts = [message["content"] for message in messages if message["role"] == "system"]
    rest = [message for message in messages if message["role"] != "system"]
    if not texts or not all(isinstance(text, str) for text in texts):
        return
    front = "\n\n".join(texts)
    user = next((m for m in rest if m["role"] == "user" and isinstance(m["content"], str)), None)
    if user is None:
        rest.insert(0, {"role": "user", "content": front})
    else:
        user["content"] = f"{front}\n\n{user['content']}"
    request.members["messages"] = msgspec.Raw(msgspec.json.encode(rest))


def _fit_effort(request: ChatRequest, model: Model) -> None:
    members = request.members
    thinks = model.reasoning.effort_values or model.reasoning.thinking_mode != "none"
    if model.parameters and not thinks:
        del members["reasoning_effort"]  # "on a model without reasoning: drop the field silently"
        return
    value = msgspec.json.decode(members["reasoning_effort"], type=str | None)
    if value is None:
        del members["reasoning_effort"]
        return
    members["reasoning_effort"] = msgspec.Raw(msgspec.json.encode(value.lower()))
    if model.provider.lower() in ("openai", "anthropic") and value.lower() != "none":
        members.setdefault("temperature", _ONE)
        _require_one(request)


def _require_one(request: ChatRequest) -> None:
    value = msgspec.json.decode(request.members["temperature"])
    if value is not None and value != 1:
        refused = ProviderRefused(
            f"Unsupported value: 'temperature' does not support {value} with this model. "
            "Only the default (1) value is supported",
            param="temperature",
            code="unsupported_value",
        )
        refused.type = "invalid_request_error"
        raise refused


def _fit_one(request: ChatRequest, name: str, rule: Parameter) -> None:
    if not rule.supported:
        del request.members[name]
        return
    if not rule.allowed_values:
        return
    value = msgspec.json.decode(request.members[name])
    if value is not None and value not in rule.allowed_values:
        allowed = ", ".join(f"{v:g}" for v in rule.allowed_values)
        raise ProviderRefused(
            f"Unsupported value: '{name}' does not support {value} with this model. Only {allowed} is supported",
            param=name,
            code="unsupported_value",
        )
