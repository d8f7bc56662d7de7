"""`Accept-Language` to one of the four languages of the catalogue's texts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "es", "pt", "ja"]

# The reference asks for language names (`English`, `Japanese`); browsers send tags (`es-AR,es;q=0.9`).
_NAMES: Mapping[str, Language] = {
    "en": "en",
    "english": "en",
    "es": "es",
    "spanish": "es",
    "español": "es",
    "espanol": "es",
    "castellano": "es",
    "pt": "pt",
    "portuguese": "pt",
    "português": "pt",
    "portugues": "pt",
    "ja": "ja",
    "japanese": "ja",
    "日本語": "ja",
}
ENGLISH_NAMES: Mapping[Language, str] = {"en": "English", "es": "Spanish", "pt": "Portuguese", "ja": "Japanese"}
_LONGEST = 1000


def read_language(accept_language: str | None) -> Language:
    """The language asked for, by name or by tags with q-values; English when none of ours is.

    Source: LLM API reference, header Accept-Language.
    """
    best: tuple[float, Language] = (0.0, "en")
    for item in _as_text(accept_language or "")[:_LONGEST].split(","):
        tag, _, parameters = item.partition(";")
        language = _maybe_language(tag.strip().casefold())
        quality = _quality(parameters)
        if language is not None and quality > best[0]:
            best = (quality, language)
    return best[1]


def _as_text(header: str) -> str:
    """HTTP libraries decode headers as latin-1; a name such as `Español` arrives as UTF-8 bytes under it."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header


def _maybe_language(tag: str) -> Language | None:
    return _NAMES.get(tag) or _NAMES.get(tag.replace("_", "-").partition("-")[0])


def _quality(parameters: str) -> float:
    """Value of `q`, 1 without one; a value that is no number between 0 and 1 counts as 0."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().casefold() == "q":
            try:
                quality = float(value)
            except ValueError:
                return 0.0
            return quality if math.isfinite(quality) and 0 <= quality <= 1 else 0.0
    return 1.0
