"""A `.custom` file: chunks that its author made, each a text with metadata.

Source: RAG API reference, upload of documents, special formats.
"""

from __future__ import annotations

import json
import math
from typing import Any

from portico.server.retrieval.blocks import ReadyChunk
from portico.server.retrieval.parsing.failure import Unreadable
from portico.server.retrieval.parsing.pile import clean

CHUNKS_LIMIT = 200_000
_WHOLE = 2**63


def read_custom(text: str, characters: int) -> tuple[ReadyChunk, ...]:
    """Raises Unreadable naming the element that is wrong."""
    try:
        elements = json.loads(text, parse_constant=_refuse, parse_float=_read_float)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    except ValueError as error:
        raise Unreadable(f"it is no JSON: {str(error)[:200]}") from None
    if not isinstance(elements, list):
        raise Unreadable('it is no array of {"pageContent": ..., "metadata": ...}')
    if len(elements) > CHUNKS_LIMIT:
        raise Unreadable(f"it holds more than {CHUNKS_LIMIT} chunks")
    chunks = tuple(_read(element, number) for number, element in enumerate(elements, 1))
    if sum(len(chunk.text) for chunk in chunks) > characters:
        raise Unreadable(f"it holds more than {characters} characters")
    return chunks


def _read(element: Any, number: int) -> ReadyChunk:
    if not isinstance(element, dict):
        raise Unreadable(f"element {number} is no object")
    text, metadata = element.get("pageContent"), element.get("metadata")
    if not isinstance(text, str) or not clean(text).strip():
        raise Unreadable(f"element {number} has no text as pageContent")
    if not isinstance(metadata, dict | None):
        raise Unreadable(f"the metadata of element {number} is no object")
    return ReadyChunk(clean(text), _cleaned(metadata or {}))


def _refuse(constant: str) -> None:
    raise Unreadable(f"it holds {constant}, which is no JSON")


def _read_float(text: str) -> float | str:
    """A number that no machine holds stays the text that it is: there is no JSON for infinity."""
    number = float(text)
    return number if math.isfinite(number) else text


def _cleaned(value: Any) -> Any:
    """As a column of JSON can hold it; a number too long for a machine becomes a text."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, int) and not -_WHOLE <= value < _WHOLE:
        return str(value)
    if isinstance(value, list):
        return [_cleaned(one) for one in value]
    if isinstance(value, dict):
        return {clean(key): _cleaned(one) for key, one in value.items()}
    return value
