"""Texts as PostgreSQL can take them; JSON lets through more."""

from __future__ import annotations


def storable(text: str, nul: str = "") -> str:
    """Without NUL (or with `nul` in its place), and with a question mark for each half of a surrogate pair.

    A name to look for takes U+FFFD as `nul`: what nothing can be called must not become another name.
    """
    return text.replace("\0", nul).encode("utf-8", "replace").decode()
