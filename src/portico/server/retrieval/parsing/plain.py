"""Bytes of a text, in whatever encoding, to the text."""

from __future__ import annotations

import codecs
from pathlib import Path

from portico.server.retrieval.parsing.failure import Unreadable

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 256 * 1024
_WESTERN = "cp1252"


def read_plain(path: Path) -> str:
    """The text of a file."""
    return decode(path.read_bytes())


def decode(data: bytes) -> str:
    """By its mark, as UTF-8, or as what its letters look like. Raises Unreadable for bytes that are no text."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode(_guess(data), "replace")
    if "\0" in text[:_SAMPLE]:
        raise Unreadable("it is no text")
    return text


def _guess(data: bytes) -> str:
    from charset_normalizer import from_bytes

    matches = from_bytes(data[:_SAMPLE])
    best = matches.best()
    if best is None:
        raise Unreadable("it is no text in an encoding that is known")
    # Of encodings that fit equally well the alphabet decides there; the western one is by far the most frequent.
    for match in matches:
        fits = (match.chaos, match.coherence) == (best.chaos, best.coherence)
        if fits and _WESTERN in (match.encoding, *match.could_be_from_charset):
            return _WESTERN
    return best.encoding
