"""What is said of a document beside its bytes: metadata to filter by, and parameters of its reading.

In: fields of a form, as texts. Out: values as they are stored. Source: RAG reference, "Documents", "Ingestion".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from portico.server.assistants.search.reading import Json, maybe_flag, maybe_number
from portico.server.assistants.search.refusals import DocumentGeneralError
from portico.server.errors import OutOfRange, PatternMismatch
from portico.server.retrieval.parse import ParseOptions

METADATA = "metadata"
PROVIDERS = ("geai", "llamaParse", "legacy")
WHISPER = ("small", "medium", "large")
LONGEST_METADATA = 128 * 1024
"""Bytes of its JSON."""
MOST_KEYS, LONGEST_KEY, MOST_ITEMS = 200, 256, 1_000
LONGEST_PROMPT = 50_000
_TEXTS = ("strategy", "model", "imagePrompt", "tablePrompt", "scannedPrompt", "mediaPrompt", "structure", "password")
_NUMBERS = ("dpi", "startPage", "endPage", "frameSamplingRate", "extractedFramesPerSecond", "merge")
_FLAGS = ("logoProcess", "dialogue", "hiResMode")
_NAMES = {name.lower(): name for name in ("provider", "whisperModel", *_TEXTS, *_NUMBERS, *_FLAGS)}


def read_parameters(fields: Mapping[str, str]) -> Json | None:
    """The parameters of the reading by their documented names; None without any. `fields` by names in lower case.

    Raises PatternMismatch, OutOfRange with the field.
    """
    found: Json = {}
    for lower, name in _NAMES.items():
        told = unquote(fields.get(lower, ""))
        if told:
            found[name] = _read_parameter(name, told)
    ParseOptions.read(found)
    return found or None


def _read_parameter(name: str, told: str) -> str | float | bool:
    if len(told) > LONGEST_PROMPT:
        raise OutOfRange(name, f"at most {LONGEST_PROMPT} characters")
    if name == "provider":
        return _choose(name, told, PROVIDERS)
    if name == "whisperModel":
        return _choose(name, told, WHISPER)
    if name in _NUMBERS:
        number = maybe_number(told)
        if number is None or number < 0 or number > 1_000_000:
            raise PatternMismatch(name, "send a number from 0 to 1000000")
        return int(number) if number.is_integer() else number
    if name in _FLAGS:
        flag = maybe_flag(told)
        if flag is None:
            raise PatternMismatch(name, "send true or false")
        return flag
    return _storable(told)


def _choose(name: str, told: str, allowed: tuple[str, ...]) -> str:
    found = next((one for one in allowed if one.lower() == told.lower()), None)
    if found is None:
        raise PatternMismatch(name, f"send one of {', '.join(allowed)}")
    return found


def unquote(text: str) -> str:
    """Without blanks, and without one pair of quotes: samples of the reference send them with the value."""
    text = text.strip()
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] == '"' else text


def read_metadata(text: str | None) -> Json | None:
    """Keys with their values: texts, numbers, true, false, or lists of them. None when nothing was sent.

    The text of an object, also in quotes, or of an array of {"key", "value"}. Raises DocumentGeneralError (400, id
    2023).
    """
    if text is None or not text.strip():
        return None
    if len(text) > LONGEST_METADATA:
        raise DocumentGeneralError(METADATA, f"at most {LONGEST_METADATA} characters")
    given = _decode(text.strip())
    if isinstance(given, list) and all(isinstance(one, dict) and "key" in one for one in given):
        given = {str(one["key"]): one.get("value") for one in given}
    if not isinstance(given, dict):
        raise DocumentGeneralError(METADATA, 'send a JSON object, such as {"year": 2026}')
    if len(given) > MOST_KEYS:
        raise DocumentGeneralError(METADATA, f"at most {MOST_KEYS} keys")
    found = {_read_key(key): _read_value(key, value) for key, value in given.items() if value is not None}
    if len(msgspec.json.encode(found)) > LONGEST_METADATA:
        raise DocumentGeneralError(METADATA, f"at most {LONGEST_METADATA} bytes")
    return found


def _decode(text: str) -> Any:
    """The JSON in it, also when it stands in quotes, or is itself a text that holds JSON."""
    for one in (text, unquote(text)):
        try:
            given = msgspec.json.decode(one.encode("utf-8", "replace"))
            return msgspec.json.decode(given.encode("utf-8", "replace")) if isinstance(given, str) else given
        except (msgspec.DecodeError, RecursionError):
            continue
    raise DocumentGeneralError(METADATA, "it is no JSON")


def _read_key(key: str) -> str:
    name = _storable(key).strip()
    if not name or len(name) > LONGEST_KEY:
        raise DocumentGeneralError(METADATA, f"a key has 1 to {LONGEST_KEY} characters")
    return name


def _read_value(key: str, value: Any) -> Any:
    if isinstance(value, list):
        if len(value) > MOST_ITEMS:
            raise DocumentGeneralError(f"{METADATA}.{_storable(key)}", f"at most {MOST_ITEMS} values")
        return [_read_scalar(key, one) for one in value if one is not None]
    return _read_scalar(key, value)


def _read_scalar(key: str, value: Any) -> str | float | bool:
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, bool):
        return value
    if maybe_number(value) is None or (isinstance(value, int) and not -(2**63) <= value < 2**63):
        hint = "send a text, a number, true or false, or a list of them"
        raise DocumentGeneralError(f"{METADATA}.{_storable(key)[:LONGEST_KEY]}", hint)
    number: float = value
    return number


def _storable(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()
