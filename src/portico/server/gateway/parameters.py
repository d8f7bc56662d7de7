"""Fits a chat request to one model: what the model does not take is clamped, dropped with a note, or refused.

The request itself stays as it is: the next model of a fallback is fitted from it anew.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from portico.server.catalog.entry import Model, Parameter
from portico.server.errors import BadInputText, MediaNotSupported, ProviderRefused
from portico.server.gateway.reasoning import Asked, take_asked
from portico.server.providers.base import Turn
from portico.wire.requests import ChatRequest, Members

_ONE = msgspec.Raw(b"1")
SAMPLING: dict[str, object] = {
    "temperature": 1,
    "top_p": 1,
    "top_k": None,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "logprobs": False,
    "top_logprobs": None,
}
"""What a model that samples in its own way refuses, each with the value that says nothing."""
_NO_RANGE: tuple[object, ...] = ((), None)
_AT_THE_DOOR = {"temperature": ((0, 2), *_NO_RANGE), "top_p": ((0, 1), *_NO_RANGE)}
"""Ranges that the door has checked, or that say nothing."""
_NEEDS_ONE = frozenset({"openai", "anthropic"})


class _Fit(NamedTuple):
    """One request being fitted: what is changed, for whom, and where to say so."""

    members: Members
    model: Model
    turn: Turn
    strict: bool


def fit_request(request: ChatRequest, model: Model, turn: Turn, *, strict: bool = False) -> ChatRequest:
    """The request as `model` takes it: the same object when there is nothing to do, else a copy.

    `effort` and `budget` of the copy are set, `reasoning_effort` and `thinking` are out of its members, and what was
    clamped or dropped is told in `turn.adjusted`. `strict`: sampling and other parameters are refused, not dropped.
    Raises ProviderRefused for a value it refuses, OutOfRange, MediaNotSupported, BadInputText.
    Source: Chat API reference, "Reasoning" (9.1) and "Models with built-in web search" (9.2).
    """
    if request.media and model.media:
        _check_media(request, model)
    if request.dialect == "messages":
        request = _fit_demanded(request, model, turn)
    if _is_plain(request.members, model):
        return request
    members = dict(request.members)
    if not model.system_role:
        _fold_system(members)
    fit = _Fit(members, model, turn, strict)
    asked = take_asked(members, model, turn.adjusted)
    if request.assistant is not None:
        _drop_unfit_defaults(fit, asked, request.assistant.defaults)
    _fit_sampling(fit, asked, request.has_tools)
    for name in [name for name in members if name in model.parameters]:
        _fit_one(fit, name, model.parameters[name])
    return msgspec.structs.replace(request, members=members, effort=asked.effort, budget=asked.budget)


def refuse_dropped(fitted: ChatRequest, turn: Turn) -> None:
    """What the provider's protocol has no place for, where parameters are refused and not dropped: the adapter has
    named it. Raises ProviderRefused."""
    use = fitted.assistant
    for name in fitted.members:
        if f"{name} dropped" in turn.adjusted and (use is None or name not in use.defaults):
            raise _unsupported(name)


def _fit_demanded(request: ChatRequest, model: Model, turn: Turn) -> ChatRequest:
    """`max_tokens` has to be named in the Messages API, and thinking comes as a budget: both are written for models of
    Anthropic, and brought to what another one takes."""
    members = dict(request.members)
    most, wanted = model.max_output, msgspec.json.decode(members["max_completion_tokens"])
    if most and wanted > most:
        members["max_completion_tokens"] = msgspec.Raw(b"%d" % most)
        turn.adjusted.append(f"max_tokens {wanted}->{most}")
    thinking = msgspec.json.decode(members.get("thinking", b"null"))
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    rules = model.reasoning
    if isinstance(budget, int) and budget > 0 and rules.thinking_mode == "budget":
        fitting = max(rules.budget_min, min(budget, rules.budget_max))
        if fitting != budget:
            members["thinking"] = msgspec.Raw(msgspec.json.encode({**thinking, "budget_tokens": fitting}))
            turn.adjusted.append(f"thinking {budget}->{fitting}")
    return msgspec.structs.replace(request, members=members)


def _is_plain(members: Members, model: Model) -> bool:
    """Whether nothing of the request has to be looked at. Each chat request comes by here."""
    if not model.system_role or "reasoning_effort" in members or "thinking" in members:
        return False
    if model.reasoning.sampling != "always" and not SAMPLING.keys().isdisjoint(members):
        return False
    for name, rule in model.parameters.items():
        if name in members and (
            not rule.supported or rule.allowed_values or rule.range not in _AT_THE_DOOR.get(name, _NO_RANGE)
        ):
            return False
    return True


def _check_media(request: ChatRequest, model: Model) -> None:
    """Against the documented formats of the model; where none are documented the provider decides."""
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


def _fold_system(members: Members) -> None:
    """Some models refuse `system`: its text goes in front of the first user message (Chat API reference, 5)."""
    try:
        messages: list[dict[str, Any]] = msgspec.json.decode(members["messages"])
    except (msgspec.DecodeError, RecursionError) as error:  # in members of a message that nobody had to read before
        raise BadInputText(f"Bad Input Text: messages: {error}") from None
    rest = [message for message in messages if message["role"] != "system"]
    if len(rest) == len(messages):
        return
    front = "\n\n".join(text for message in messages if message["role"] == "system" for text in _texts_of(message))
    user = next((m for m in rest if m["role"] == "user"), None)
    if user is None:
        rest.insert(0, {"role": "user", "content": front})
    elif front:
        said = user["content"]
        user["content"] = f"{front}\n\n{said}" if isinstance(said, str) else [{"type": "text", "text": front}, *said]
    members["messages"] = msgspec.Raw(msgspec.json.encode(rest))


def _texts_of(message: dict[str, Any]) -> list[str]:
    content = message["content"]
    return [content] if isinstance(content, str) else [part["text"] for part in content if part["type"] == "text"]


def _fit_sampling(fit: _Fit, asked: Asked, has_tools: bool) -> None:
    """While OpenAI's and Anthropic's models think, `temperature` is 1; the newest ones take nothing of the kind."""
    members, model, rules = fit.members, fit.model, fit.model.reasoning
    thinks = _thinks(model, asked)
    apart = model.api == "responses" or (has_tools and rules.tools_with_reasoning == "responses")
    takes_one = not apart and (rules.sampling != "never" or _allowed(model, "temperature"))
    if asked.thinks and (model.provider.lower() in _NEEDS_ONE or rules.sampling == "when_not_thinking"):
        if takes_one:
            members.setdefault("temperature", _ONE)
        if "temperature" in members:
            _require_one(members["temperature"])
    if rules.sampling == "always" or (rules.sampling == "when_not_thinking" and not thinks):
        return
    for name in [name for name in SAMPLING if name in members]:
        if not _allowed(model, name) and not (name == "temperature" and takes_one and members[name] == _ONE):
            _drop(fit, name)


def _drop_unfit_defaults(fit: _Fit, asked: Asked, names: frozenset[str]) -> None:
    """Settings of an assistant that its model refuses: they give way, since its caller has not asked for them."""
    for name in names & fit.members.keys():
        if _is_unfit(fit, asked, name, msgspec.json.decode(fit.members[name])):
            del fit.members[name]
            fit.turn.adjusted.append(f"{name} dropped")


def _is_unfit(fit: _Fit, asked: Asked, name: str, value: Any) -> bool:
    allowed, rule, sampling = _allowed(fit.model, name), fit.model.parameters.get(name), fit.model.reasoning.sampling
    if allowed:
        return value not in allowed
    if name in SAMPLING and (sampling == "never" or (sampling == "when_not_thinking" and _thinks(fit.model, asked))):
        return True
    if rule is None:
        return False
    if not rule.supported or not rule.range:
        return not rule.supported
    return fit.strict and not rule.range[0] <= value <= rule.range[1]


def _thinks(model: Model, asked: Asked) -> bool:
    unasked = not asked.effort and asked.budget is None
    return asked.thinks or (unasked and model.reasoning.effort_default not in ("", "none"))


def _allowed(model: Model, name: str) -> tuple[float, ...]:
    """The only values of a parameter, where the reference prints them: others are refused by `_fit_one`."""
    rule = model.parameters.get(name)
    return rule.allowed_values or () if rule is not None else ()


def _require_one(raw: msgspec.Raw) -> None:
    value = msgspec.json.decode(raw)
    if value is not None and value != 1:
        raise _refused(
            "temperature",
            "unsupported_value",
            f"Unsupported value: 'temperature' does not support {value} with this model. "
            "Only the default (1) value is supported",
        )


def _fit_one(fit: _Fit, name: str, rule: Parameter) -> None:
    if not rule.supported:
        _drop(fit, name)
    elif rule.allowed_values or rule.range:
        value = msgspec.json.decode(fit.members[name])
        if rule.allowed_values and value is not None and value not in rule.allowed_values:
            allowed = ", ".join(f"{v:g}" for v in rule.allowed_values)
            raise _refused(
                name,
                "unsupported_value",
                f"Unsupported value: '{name}' does not support {value} with this model. Only {allowed} is supported",
            )
        if rule.range and isinstance(value, int | float):
            _clamp(fit, name, value, rule.range)


def _clamp(fit: _Fit, name: str, value: float, span: tuple[float, ...]) -> None:
    near = min(max(value, span[0]), span[1])
    if near == value:
        return
    if fit.strict:
        text = (
            f"Unsupported value: '{name}' does not support {value} with this model. It takes {span[0]:g} to {span[1]:g}"
        )
        raise _refused(name, "unsupported_value", text)
    fit.turn.adjusted.append(f"{name} {value:g}->{near:g}")
    fit.members[name] = msgspec.Raw(msgspec.json.encode(near))


def _drop(fit: _Fit, name: str) -> None:
    """Without a word when the value says nothing anyway."""
    value = msgspec.json.decode(fit.members.pop(name))
    if value is None or value == SAMPLING.get(name):
        return
    if fit.strict:
        raise _unsupported(name)
    fit.turn.adjusted.append(f"{name} dropped")


def _unsupported(name: str) -> ProviderRefused:
    return _refused(name, "unsupported_parameter", f"Unsupported parameter: '{name}' is not supported with this model")


def _refused(name: str, code: str, text: str) -> ProviderRefused:
    """In the words of the provider that first had the rule."""
    error = ProviderRefused(text, param=name, code=code)
    error.type = "invalid_request_error"
    return error
