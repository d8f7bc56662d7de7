"""Text to the terms that full text search knows: stems, identifiers whole and in parts, pairs of characters.

A term is a number, the hash of its text. Texts and questions go the same way, each by the languages that are known.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from threading import Lock
from typing import Any

STEMMERS = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "eu": "basque", "fi": "finnish", "fr": "french", "hi": "hindi", "hu": "hungarian", "hy": "armenian",
    "id": "indonesian", "it": "italian", "lt": "lithuanian", "ne": "nepali", "nl": "dutch", "no": "norwegian",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
UNSTEMMED = ("bg", "cs", "fa", "he", "hr", "ja", "ko", "pl", "sk", "sl", "sr", "th", "uk", "vi", "zh")
"""Languages that are recognised all the same, so that nobody takes their texts for one of the others."""
WHOLE_CHARACTERS = 64
SAMPLE_CHARACTERS = 20_000
SHORTEST_SAMPLE = 20
"""Bytes of letters; of fewer a language is guessed wrong too often."""

# Without spaces between words: pairs of characters are looked for instead.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
    "\uf900-\ufaff\U00020000-\U0003134f"
)
# A run: an option's dashes, then words held together by what stands within names, paths, numbers and addresses.
_RUN = re.compile(rf"(?:(?<![\w-])-{{1,2}}(?=[A-Za-z]))?[\w](?:[\w]|[-./:@+'’](?=\w))*(?:\+\+|#(?!\w))?|[{_UNSPACED}]")
_CONNECTORS = re.compile(r"[-./:@+'’_]+")
_PART = re.compile(rf"[{_UNSPACED}]+|[^\W\d_{_UNSPACED}]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PLAIN = re.compile(rf"[^\W\d_{_UNSPACED}]+\Z")
_HYPHENATED = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*\Z|[^\W\d_]+/[^\W\d_]+\Z")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_IS_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*\Z")

_stemmers: dict[str, Any] = {}
_lock = Lock()
_languages: Any = None


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a question: `text` as it was written, the terms that stand for it, and whether it is a name.

    `terms` are alternatives: one word as several languages stem it. `is_whole` marks an identifier as a whole, whose
    parts are words of the same question too. `text` is folded, and "" for the parts of identifiers.
    """

    text: str
    terms: tuple[int, ...]
    is_whole: bool = False
    is_name: bool = False


def count_terms(text: str, language: str) -> Counter[int]:
    """How often each term stands in a text."""
    found: Counter[int] = Counter()
    normal = normalize(text)
    for run, times in Counter(_RUN.findall(normal)).items():
        for term in _terms_of(run, language):
            found[term] += times
    return found


def read_words(text: str, languages: Sequence[str]) -> list[Word]:
    """The words of a question, each once, in order; stemmed for the languages of what is searched."""
    words: dict[tuple[int, ...], Word] = {}
    for run in _RUN.findall(normalize(text)):
        spelled = [spell(run, language) for language in (languages or ("en",))]
        is_name = looks_like_name(run)
        for variants in zip(*spelled, strict=True):
            terms = tuple(dict.fromkeys(term_of(one.text) for one in variants))
            words.setdefault(terms, Word(variants[0].written, terms, variants[0].is_whole, is_name))
    return list(words.values())


@dataclass(frozen=True, slots=True)
class Spelling:
    """A term as text; `written` is the whole word that it is the stem of, "" for parts of identifiers."""

    text: str
    is_whole: bool = False
    written: str = ""


def spell(run: str, language: str) -> list[Spelling]:
    """The terms of one run. As many, and in the same order, for every language."""
    if _PLAIN.match(run) and not _CAMEL.search(run):
        return [_spell_word(run, language)]
    dashes = run[: len(run) - len(run.lstrip("-"))]
    body = run[len(dashes) :].rstrip("+#")
    tail = run[len(dashes) + len(body) :]
    pieces = [part for piece in _CAMEL.split(body) for part in _PART.findall(piece)]
    if len(pieces) > 1 and "'" in body.replace("’", "'") and all(map(str.isalpha, pieces)):
        return [_spell_word(piece, language) for piece in pieces if len(piece) > 1]
    parts = [Spelling(text) for piece in pieces for text in _spell_part(piece, language)]
    spelled = parts if len(pieces) > 1 or not tail else []
    joined = "".join(pieces).casefold()
    if tail:
        spelled.append(Spelling(joined[:WHOLE_CHARACTERS] + tail, True))
    spelled += [Spelling(whole, True) for whole in _wholes(body, language)]
    if dashes and joined:
        spelled.append(Spelling((dashes + body.casefold())[:WHOLE_CHARACTERS], True))
    return spelled


def _wholes(body: str, language: str) -> Iterator[str]:
    """A name with nothing between its parts, and those of its components that have parts themselves: of a path its
    steps, of sqlite3_open also sqlite3."""
    components = dict.fromkeys((body, *body.split("/"), *_CONNECTORS.split(body)))
    for component in components:
        pieces = _PART.findall(" ".join(_CAMEL.split(component)))
        joined = "".join(pieces).casefold()
        if len(pieces) > 1 and len(joined) <= WHOLE_CHARACTERS and not _IS_UNSPACED.search(joined):
            whole = component if _IS_NUMBER.match(component) else joined
            yield _stem(whole, language) if whole.isalpha() else whole


def _spell_word(word: str, language: str) -> Spelling:
    folded = word.casefold()
    return Spelling(_stem(folded, language), False, folded)


def _spell_part(piece: str, language: str) -> Iterable[str]:
    if _IS_UNSPACED.match(piece):
        return [piece] if len(piece) == 1 else [first + second for first, second in pairwise(piece)]
    folded = piece.casefold()
    return (_stem(folded, language),) if piece.isalpha() else (folded,)


def looks_like_name(run: str) -> bool:
    """Options, paths, functions, versions: what is looked for letter by letter. Hyphenated words are none."""
    if _PLAIN.match(run):
        return bool(_CAMEL.search(run)) or (run.isupper() and len(run) > 1)
    if _IS_NUMBER.match(run) or _IS_UNSPACED.search(run):
        return False
    return not _HYPHENATED.match(run)


def normalize(text: str) -> str:
    """Compatible forms become one (full width letters, ligatures); marks join their letters."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


@lru_cache(maxsize=200_000)
def _terms_of(run: str, language: str) -> tuple[int, ...]:
    return tuple(term_of(one.text) for one in spell(run, language))


def term_of(text: str) -> int:
    """A signed number of 64 bits."""
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "little", signed=True)


def _stem(word: str, language: str) -> str:
    if len(word) > WHOLE_CHARACTERS:
        word = word[:WHOLE_CHARACTERS]
    name = STEMMERS.get(language)
    if name is None:
        return _fold(word)
    with _lock:  # a stemmer has a buffer of its own and serves one thread at a time
        stemmer = _stemmers.get(name)
        if stemmer is None:
            stemmer = _stemmers[name] = _make_stemmer(name)
        return _fold(stemmer.stemWord(word))


def _fold(word: str) -> str:
    """Without the marks of Latin letters: people leave them out when they ask."""
    if word.isascii():
        return word
    parts = unicodedata.normalize("NFKD", word)
    if not any("a" <= letter <= "z" for letter in parts):
        return word
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def _make_stemmer(name: str) -> Any:
    import Stemmer  # type: ignore[import-not-found]

    return Stemmer.Stemmer(name)


def detect_language(text: str) -> str:
    """The ISO 639-1 code of what a text is mostly written in; English when it says too little."""
    sample = text[:SAMPLE_CHARACTERS]
    if len("".join(filter(str.isalpha, sample[:2000])).encode("utf-8", "replace")) < SHORTEST_SAMPLE:
        return "en"
    global _languages
    with _lock:
        if _languages is None:
            _languages = _make_identifier()
        return str(_languages.classify(sample)[0])


def _make_identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # type: ignore[import-untyped]

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages([*STEMMERS, *UNSTEMMED])
    return identifier
