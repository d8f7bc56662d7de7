"""GUIDs as callers write them: with or without hyphens, in braces, in capitals; one usual form comes out."""

from __future__ import annotations

from uuid import UUID


def maybe_guid(text: str) -> str | None:
    """The usual form, lower case with hyphens; None for what is none."""
    try:
        return str(UUID(text))
    except ValueError:
        return None


def read_guid(text: str, refusal: Exception | type[Exception]) -> str:
    """The same. Raises `refusal` for what is none."""
    guid = maybe_guid(text)
    if guid is None:
        raise refusal
    return guid
