"""Fits the parameters of a chat request to what its model takes: the documented rules on reasoning and temperature."""

from __future__ import annotations

import msgspec

from portico.server.catalog.entry import Model, Parameter
from portico.server.errors import ProviderRefused
from portico.wire.requests import ChatRequest

_ONE = msgspec.Raw(b"1")
_TOUCHED = ("reasoning_effort", "temperature", "top_p", "thinking")


def fit_parameters(request: ChatRequest, model: Model) -> None:
    """Drops what the model does not know, fills in what it demands. Raises ProviderRefused for a value it refuses.

    Source: Chat API reference, "Reasoning" (9.1) and "Models with built-in web search" (9.2).
    """
    members = request.members
    effort = members.get("reasoning_effort")
    if effort is not None:
        _fit_effort(request, model)
    if not model.parameters:
        return
    for name in _TOUCHED:
        rule = model.parameters.get(name)
        if rule is not None and name in members:
            _fit_one(request, name, rule)


def _fit_effort(request: ChatRequest, model: Model) -> None:
    members = request.members
    rule = model.parameters.get("reasoning_effort")
    if model.parameters and (rule is None or not rule.supported):
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
