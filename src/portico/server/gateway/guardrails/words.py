"""Deny words: a list of words and phrases to what finds them in raw text, however they are disguised.

A word is found in any case, with accents or zero-width characters between its letters, in wide or look-alike letters,
and only as a whole; a word of an Asian script also within a run of letters. Every match is bounded.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache

from portico.server.gateway.guardrails.normal import fold

_GAP = "[\u200b-\u200f\u2060\ufeff\u00ad\u0300-\u036f]{0,3}"
_BLANK = r"[\s\u00a0]{1,4}"


@cache
def _disguises() -> dict[str, str]:
    """For each letter all characters of the plane that fold to it, as the inside of a character class."""
    found: dict[str, list[str]] = {}
    for code in (*range(0x21, 0x3000), *range(0x3041, 0x3100), *range(0xFF01, 0xFFA0), *range(0x1D400, 0x1D800)):
        character = chr(code)
        folded = fold(character)
        if len(folded) == 1 and folded != " " and unicodedata.category(character) not in ("Cc", "Cs", "Cn"):
            found.setdefault(folded, []).append(character)
    return {folded: "".join(map(re.escape, same)) for folded, same in found.items()}


class DenyWords:
    """The words of one side. `reach`: no match is longer."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = {folded: _pattern(folded) for word in words if (folded := fold(word).strip())}
        self.reach = max((4 * len(word) + 3 * word.count(" ") for word in self._words), default=0) + 2

    def __bool__(self) -> bool:
        return bool(self._words)

    def search(self, text: str, start: int = 0) -> tuple[int, int] | None:
        """Where the first of the words stands that begins at `start` or behind it."""
        folded = fold(text[max(0, start - 1) :])
        spans: Sequence[tuple[int, int]] = [
            found.span()
            for word, pattern in self._words.items()
            if word in folded and (found := pattern.search(text, start)) is not None
        ]
        return min(spans, default=None)


def _pattern(folded: str) -> re.Pattern[str]:
    letters = [_BLANK if c == " " else f"[{_disguises().get(c) or re.escape(c)}]" for c in folded]
    begin = r"(?<!\w)" if _is_bounded(folded[0]) else ""
    end = r"(?!\w)" if _is_bounded(folded[-1]) else ""
    return re.compile(begin + _GAP.join(letters) + end, re.IGNORECASE)


def _is_bounded(character: str) -> bool:
    """Whether a word beginning or ending with it stands apart from its neighbours; Asian scripts write no blanks."""
    return character.isalnum() and ord(character) < 0x0E00
