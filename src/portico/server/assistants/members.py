"""Bodies of the Assistant API to values. Null is absent, numbers may come in quotes; a refusal names the member.

Source: Assistant API reference, "POST /assistant" and "PUT /assistant/{id}".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from portico.server.access.refusals import NameEmpty
from portico.server.access.tenancy import LONGEST_NAME
from portico.server.assistants.api.members import read_service
from portico.server.assistants.refusals import (
    AssistantGeneralError,
    AssistantNotImplemented,
    PromptEmpty,
    RevisionUpdateError,
    UnexpectedAssistantStatus,
)
from portico.server.errors import InvalidType, OutOfRange, PatternMismatch
from portico.server.kit.texts import storable
from portico.wire.assistants import WelcomeData

Action = Literal["save", "saveNewRevision", "savePublishNewRevision", "publish"]
ACTIONS: tuple[Action, ...] = ("save", "saveNewRevision", "savePublishNewRevision", "publish")
TYPES: Mapping[str, str] = {"text": "text", "chat": "chat", "api": "api"}
"""The kinds that have a desk, by their names in lower case."""
DOCUMENTED = frozenset(("chatwithdata", "dataanalyst"))
"""Kinds of the reference that cannot be made here."""
LONGEST_PROMPT = 1_000_000
LONGEST_TEXT = 10_000
LONGEST_PAGE = 200_000
"""Bytes of a start page as JSON."""
_FLAGS = {
    "uploadFiles": "upload_files",
    "llmOutputGuardrail": "llm_output_guardrail",
    "inputModerationGuardrail": "input_moderation_guardrail",
    "promptInjectionGuardrail": "prompt_injection_guardrail",
}
_NUMBERS = {
    "temperature": ("temperature", 0.0, 2.0),
    "topP": ("top_p", 0.0, 1.0),
    "frequencyPenalty": ("frequency_penalty", -2.0, 2.0),
    "presencePenalty": ("presence_penalty", -2.0, 2.0),
}
_BIG = 2**31 - 1
_OF_REVISION = ("prompt", "revisionId", "openApi", "authentication")
_DIGITS = 10
"""Of a number in quotes: reading one with thousands of them is refused by Python."""


@dataclass(frozen=True, slots=True)
class GivenSettings:
    """What `llmSettings` says; `members` are fields of RevisionSettings that it names."""

    provider: str | None = None
    model: str | None = None
    members: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """A body. None: not said. `welcome_data` is JSON text; absent it erases what is stored. `service` are fields of
    RevisionSettings that only an API assistant has."""

    name: str | None = None
    description: str | None = None
    enabled: bool | None = None
    action: Action = "save"
    revision_id: int | None = None
    revision_name: str | None = None
    revision_description: str | None = None
    prompt: str | None = None
    settings: GivenSettings | None = None
    welcome_data: str | None = None
    service: Mapping[str, Any] = field(default_factory=dict)


def read_type(body: Mapping[str, Any]) -> str:
    """Raises InvalidType (400, id 2009), AssistantNotImplemented (501, id 2012)."""
    asked = read_text(body, "type") or "chat"
    known = TYPES.get(asked.lower())
    if known is None and asked.lower() in DOCUMENTED:
        raise AssistantNotImplemented(f"Assistant Not Implemented: type {asked} cannot be made yet", param="type")
    if known is None:
        raise InvalidType("Invalid Type: send text, chat or api", param="type")
    return known


def read_new(body: Mapping[str, Any]) -> Change:
    """Name and prompt are there. Raises NameEmpty (2007), PromptEmpty (2008), OutOfRange, PatternMismatch."""
    change = _read(body, "savePublishNewRevision")
    if change.name is None:
        raise NameEmpty(param="name")
    if change.prompt is None:
        raise PromptEmpty(param="prompt")
    return change


def read_change(body: Mapping[str, Any]) -> Change:
    """The same for a change; a body that says nothing of a revision is a `save`."""
    speaks = any(body.get(name) is not None for name in _OF_REVISION) or bool(body.get("llmSettings"))
    asked = read_text(body, "action")
    action = next((one for one in ACTIONS if asked and one.lower() == asked.lower()), None)
    if asked and action is None:
        raise AssistantGeneralError(f"Assistant General Error: action is one of {', '.join(ACTIONS)}", param="action")
    return _read(body, action or ("saveNewRevision" if speaks else "save"))


def _read(body: Mapping[str, Any], action: Action) -> Change:
    return Change(
        name=_read_name(body),
        description=_read_words(body, "description", LONGEST_TEXT),
        enabled=_read_status(body),
        action=action,
        revision_id=_read_revision_id(body),
        revision_name=_read_words(body, "revisionName", LONGEST_NAME) or None,
        revision_description=_read_words(body, "revisionDescription", LONGEST_TEXT),
        prompt=_read_prompt(body),
        settings=_read_settings(body),
        welcome_data=read_welcome(body),
        service=_read_service(body),
    )


def read_text(body: Mapping[str, Any], name: str, within: str = "") -> str | None:
    """Without what PostgreSQL cannot store; blanks within and around it stay. Raises PatternMismatch."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise PatternMismatch(within + name, "send a text")
    return storable(value)


def _read_name(body: Mapping[str, Any]) -> str | None:
    name = read_text(body, "name")
    if name is None:
        return None
    name = name.strip()
    if not name:
        raise NameEmpty(param="name")
    if len(name) > LONGEST_NAME:
        raise OutOfRange("name", f"at most {LONGEST_NAME} characters")
    return name


def _read_words(body: Mapping[str, Any], name: str, longest: int) -> str | None:
    """Without blanks around it. Raises OutOfRange, PatternMismatch."""
    words = read_text(body, name)
    if words is None:
        return None
    words = words.strip()
    if len(words) > longest:
        raise OutOfRange(name, f"at most {longest} characters")
    return words


def _read_prompt(body: Mapping[str, Any]) -> str | None:
    prompt = read_text(body, "prompt")
    if prompt is not None and not prompt.strip():
        raise PromptEmpty(param="prompt")
    if prompt is not None and len(prompt) > LONGEST_PROMPT:
        raise OutOfRange("prompt", f"at most {LONGEST_PROMPT} characters")
    return prompt


def _read_status(body: Mapping[str, Any]) -> bool | None:
    """1 is enabled, 2 is disabled."""
    status = body.get("status")
    if status is None:
        return None
    number = _maybe_whole(status)
    if number not in (1, 2):
        raise UnexpectedAssistantStatus("The status value is unexpected: send 1 or 2", param="status")
    return number == 1


def _read_revision_id(body: Mapping[str, Any]) -> int | None:
    value = body.get("revisionId")
    if value is None:
        return None
    number = _maybe_whole(value)
    if number is None or not 1 <= number <= _BIG:
        raise RevisionUpdateError(
            "Assistant Revision Update Error: revisionId is a number from 1 on", param="revisionId"
        )
    return number


def _maybe_whole(value: Any) -> int | None:
    """A whole number, also in quotes."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) <= _DIGITS else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _read_settings(body: Mapping[str, Any]) -> GivenSettings | None:
    given = body.get("llmSettings")
    if given is None or given == {}:
        return None
    if not isinstance(given, dict):
        raise PatternMismatch("llmSettings", "send an object")
    members: dict[str, Any] = {}
    for name, attribute in _FLAGS.items():
        _put(members, attribute, _flag(given.get(name), f"llmSettings.{name}"))
    for name, (attribute, low, high) in _NUMBERS.items():
        _put(members, attribute, _number(given.get(name), f"llmSettings.{name}", low, high))
    most = _number(given.get("maxTokens"), "llmSettings.maxTokens", 1, _BIG)
    if most is not None and most != int(most):
        raise OutOfRange("llmSettings.maxTokens", "send a whole number above 0")
    _put(members, "max_tokens", None if most is None else int(most))
    model, provider = (read_text(given, name, "llmSettings.") for name in ("modelName", "providerName"))
    return GivenSettings((provider or "").strip() or None, (model or "").strip() or None, members)


def _read_service(body: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return read_service(_clean(body.get("openApi")), _clean(body.get("authentication")))
    except RecursionError:
        raise PatternMismatch("openApi", "the JSON is nested too deeply") from None


def _put(members: dict[str, Any], name: str, value: Any) -> None:
    if value is not None:
        members[name] = value


def _flag(value: Any, name: str) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false", "1", "0"):
        return str(value).lower() in ("true", "1")
    raise PatternMismatch(name, "send true or false")


def _number(value: Any, name: str, low: float, high: float) -> float | None:
    if value is None:
        return None
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        number = None
    if number is None:
        raise PatternMismatch(name, "send a number")
    if not low <= number <= high:
        raise OutOfRange(name, f"send a number from {low:g} to {high:g}" if high < _BIG else "send a number above 0")
    return number


def read_welcome(body: Mapping[str, Any]) -> str | None:
    """The start page as JSON text; an empty object is none. Raises PatternMismatch, OutOfRange."""
    given = body.get("welcomeData")
    if given is None or given == {}:
        return None
    if not isinstance(given, dict):
        raise PatternMismatch("welcomeData", "send an object")
    try:
        page = msgspec.convert(_clean(given), WelcomeData)
    except msgspec.ValidationError as error:
        place = str(error).rpartition("`$")[2].rstrip("`")
        raise PatternMismatch(f"welcomeData{place}", str(error).partition(" - ")[0]) from None
    stored = msgspec.json.encode(page)
    if len(stored) > LONGEST_PAGE:
        raise OutOfRange("welcomeData", f"at most {LONGEST_PAGE} bytes of JSON")
    return stored.decode()


def _clean(value: Any) -> Any:
    """Without nulls, and without what cannot be stored."""
    if isinstance(value, dict):
        return {name: _clean(one) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_clean(one) for one in value]
    return storable(value) if isinstance(value, str) else value
