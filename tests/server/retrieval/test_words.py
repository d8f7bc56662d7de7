"""Texts to terms: identifiers whole and in parts, stems by language, pairs of characters."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portico.server.retrieval.words import count_terms, detect_language, looks_like_name, read_words, spell, term_of


def texts_of(run: str, language: str = "en") -> set[str]:
    return {one.text for one in spell(run, language)}


def finds(text: str, question: str, language: str = "en") -> bool:
    """Whether every word of the question stands in the text."""
    terms = count_terms(text, language)
    return all(any(term in terms for term in word.terms) for word in read_words(question, (language,)))


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("call sqlite3_open_v2() first", "sqlite3_open_v2"),
        ("call sqlite3_open_v2() first", "sqlite3 open"),
        ("run git-rebase --onto master", "git rebase"),
        ("run git rebase", "rebase"),
        ("use --no-ff to keep it", "--no-ff"),
        ("use --no-ff to keep it", "no-ff"),
        ("an HTTPServer class", "http server"),
        ("camelCaseName here", "camel_case_name"),
        ("written in C++ or C#", "c#"),
        ("written in C++ or C#", "c++"),
        ("version 1.2.3 of it", "1.2.3"),
        ("by e-mail", "e-mail"),
        ("look in /etc/apt/sources.list", "sources.list"),
        ("running the tests", "run test"),
        ("ＦＵＬＬ ｗｉｄｔｈ", "full width"),
        ("東京都に住む", "東京"),
        ("naïve café", "naive cafe"),
        ("don't panic", "panic"),
    ],
)
def test_a_text_is_found_by(text: str, question: str) -> None:
    assert finds(text, question)


@pytest.mark.parametrize(("text", "question"), [("written in C", "c++"), ("use no ff", "--no-ff"), ("大阪", "東京")])
def test_a_text_is_not_found_by(text: str, question: str) -> None:
    assert not finds(text, question)


def test_an_identifier_is_kept_whole_and_split() -> None:
    assert texts_of("sqlite3_open_v2") == {"sqlite", "3", "open", "v", "2", "sqlite3", "v2", "sqlite3openv2"}
    assert "--no-ff" in texts_of("--no-ff")


def test_words_are_stemmed_by_the_rules_of_their_language() -> None:
    assert texts_of("Häuser", "de") == texts_of("Häusern", "de")
    assert texts_of("running", "en") == {"run"}
    assert texts_of("running", "zh") == {"running"}


def test_a_question_is_stemmed_for_every_language_of_the_index() -> None:
    (word,) = read_words("running", ("en", "de"))
    assert set(word.terms) == {term_of("run"), term_of("running")}


@pytest.mark.parametrize("name", ["--no-ff", "sqlite3_open", "camelCase", "/etc/passwd", "TCP", "v1.2", "utf8"])
def test_names_are_told_from_words(name: str) -> None:
    assert looks_like_name(name)


@pytest.mark.parametrize("word", ["house", "e-mail", "and/or", "12", "3.14", "东京", "l'homme", "A"])
def test_words_are_no_names(word: str) -> None:
    assert not looks_like_name(word)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The quick brown fox jumps over the lazy dog and runs away.", "en"),
        ("Der schnelle braune Fuchs springt über den faulen Hund und läuft davon.", "de"),
        ("El rápido zorro marrón salta sobre el perro perezoso y se va corriendo.", "es"),
        ("これは日本語で書かれた短い文章です。", "ja"),
        ("", "en"),
        ("12 34", "en"),
    ],
)
def test_the_language_is_detected(text: str, language: str) -> None:
    assert detect_language(text) == language


@given(st.text(max_size=200), st.sampled_from(["en", "de", "ar", "zh", "ru", "xx"]))
@settings(max_examples=200, deadline=None)
def test_any_text_has_terms_and_finds_itself(text: str, language: str) -> None:
    assert finds(text, text, language)
    read_words(text, ("en", "de", "ru"))
