"""Text to the forms in which disguised words can be read: folded, digits as letters, spacing undone, base64 decoded."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator

_LOOKALIKES = dict(
    zip(
        "аеорсухіјѕԁɡһӏκοραντιυχенкмтв",
        "aeopcyxijsdghlkopavtiuxehkmtb",
        strict=True,
    )
)
"""Cyrillic and Greek letters that are read as Latin ones."""
_LEET = str.maketrans("034579@$|", "oeastgasl")
_ONE_IS_L = frozenset(
    {"all", "allowed", "file", "files", "filters", "guidelines", "kill", "malware", "policies", "reveal", "role",
     "rule", "rules", "tell"}
)  # fmt: skip
"""Words in which a 1 stands for an l; in all others it is an i."""
_MIXED = re.compile(r"(?<!\S)(?=\S*[a-z])(?=\S*[0134579@$|])[a-z0134579@$|!.,;:?]{2,40}(?!\S)")
_DOTTED = re.compile(r"(?<!\w)[^\W_](?:[.\-_*/+][^\W_]){2,60}(?!\w)")
_SPACED = re.compile(r"(?<!\w)(?:[^\W_] {1,3}){3,200}[^\W_](?!\w)")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{20,8192}={0,2}(?![A-Za-z0-9+/=_-])")
_BLANKS = re.compile(r"\s+")


class _Folding(dict[int, str]):
    """For `str.translate`: a character at a time, so that the same letter folds the same wherever it stands."""

    def __missing__(self, code: int) -> str:
        folded = self[code] = _fold_one(chr(code))
        return folded


def _fold_one(character: str) -> str:
    if unicodedata.category(character) == "Cf" or "\u0300" <= character <= "\u036f":
        return ""  # zero-width, direction marks, accents on their own
    apart = unicodedata.normalize("NFKD", character)
    plain = "".join(c for c in apart if not "\u0300" <= c <= "\u036f")
    # Taken apart for the accents of Latin letters only: kana and Hangul stay the letters they are.
    plain = (plain if plain != apart else unicodedata.normalize("NFKC", character)).casefold()
    return _LOOKALIKES.get(plain, plain)


_FOLDING = _Folding()


def fold(text: str) -> str:
    """Lower case, without accents and zero-width characters; wide, mathematical and look-alike letters made plain.

    Blanks of any kind and number become one.
    """
    folded = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).translate(_FOLDING)
    return _BLANKS.sub(" ", folded)


def views(text: str) -> Iterator[str]:
    """The folded text, and further readings of it where there are some: none of them twice."""
    folded = fold(text)
    yield folded
    seen = {folded}
    for other in (_without_leet(folded), _without_spacing(text), *_decoded(text)):
        if other and other not in seen:
            seen.add(other)
            yield other


def _without_leet(folded: str) -> str:
    """`1gn0re` is read as a word; words without a letter in them are numbers."""
    return _MIXED.sub(_read_leet, folded)


def _read_leet(found: re.Match[str]) -> str:
    word = found.group().translate(_LEET)
    with_l = word.replace("1", "l")
    return with_l if with_l.strip(".,;:!?") in _ONE_IS_L else word.replace("1", "i")


def _without_spacing(text: str) -> str:
    """`i.g.n.o.r.e` and `i g n o r e` are read as words; in the latter two blanks part the words."""
    joined = _DOTTED.sub(lambda found: re.sub(r"[^\w]|_", "", found.group()), text)
    joined = _SPACED.sub(_join_letters, joined)
    return "" if joined == text else fold(joined)


def _join_letters(found: re.Match[str]) -> str:
    return " ".join(word.replace(" ", "") for word in re.split(r" {2,}", found.group()))


def _decoded(text: str) -> Iterator[str]:
    """Payloads of base64 that are text, decoded once."""
    for found in _BASE64.finditer(text):
        packed = found.group().rstrip("=")
        packed += "=" * (-len(packed) % 4)
        try:
            plain = base64.b64decode(packed.replace("-", "+").replace("_", "/"), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
        if all(c.isprintable() or c.isspace() for c in plain):
            yield fold(plain)
