"""The body that orders an evaluation: questions with the documents they should find; what is wrong is named by member.

A document is expected by its id, its name with or without extension, or the `url` of its metadata.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args

import msgspec

from portico.server.access.tenancy import clean_text
from portico.server.assistants.search.evaluations.refusals import ExpectedNotFound
from portico.server.errors import FieldRequired, OutOfRange, PatternMismatch
from portico.server.retrieval.evaluate import DEPTH
from portico.server.retrieval.hits import Method
from portico.server.storage.evaluations import NamedDocument

METHODS: tuple[str, ...] = get_args(Method)
MOST_QUESTIONS = 5_000
LONGEST_QUESTION = 10_000
"""Characters."""
MOST_EXPECTED = 100
DEEPEST = 100
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Question:
    """`expected` are names of documents as they were given."""

    text: str
    expected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """What shall be asked, and how. `k` documents of each answer count."""

    questions: tuple[Question, ...]
    method: Method
    k: int
    name: str


def read_order(body: Mapping[str, Any]) -> Order:
    """Raises FieldRequired (400, id 9), OutOfRange (400, id 8) and PatternMismatch (400, id 11), naming the member."""
    method = body.get("method") or "auto"
    if method not in METHODS:
        raise OutOfRange("method", f"send one of {', '.join(METHODS)}")
    k = body.get("k")
    k = DEPTH if k is None else k
    if not isinstance(k, int) or isinstance(k, bool):
        raise PatternMismatch("k", "send a whole number")
    if not 1 <= k <= DEEPEST:
        raise OutOfRange("k", f"send a number from 1 to {DEEPEST}")
    name = body.get("name") or ""
    if not isinstance(name, str) or len(name) > LONGEST_NAME:
        raise PatternMismatch("name", f"send a text of at most {LONGEST_NAME} characters")
    return Order(_read_questions(body.get("questions")), cast(Method, method), k, clean_text(name))


def resolve(questions: Sequence[Question], documents: Iterable[NamedDocument]) -> list[dict[str, Any]]:
    """Each question with the ids that stand for what it expects, as it is stored.

    A name that several documents have stands for any of them. Raises ExpectedNotFound (400, id 2021), naming the
    question, for what no document is called.
    """
    known: dict[str, list[str]] = {}
    for one in documents:
        full = f"{one.name}.{one.extension}" if one.extension else one.name
        for word in dict.fromkeys(word for word in (one.document_id, one.url, full, one.name) if word):
            known.setdefault(word, []).append(one.document_id)
    resolved = []
    for number, question in enumerate(questions):
        for place, word in enumerate(question.expected):
            if word not in known:
                raise ExpectedNotFound(f"questions[{number}].expected[{place}]", word)
        expected = [{"document": word, "ids": known[word]} for word in question.expected]
        resolved.append({"question": question.text, "expected": expected})
    return resolved


def digest(questions: Sequence[Question]) -> str:
    """The same for the same questions with the same expectations, in whatever order."""
    lines = sorted((question.text, sorted(question.expected)) for question in questions)
    return hashlib.sha256(msgspec.json.encode(lines)).hexdigest()[:32]


def _read_questions(given: Any) -> tuple[Question, ...]:
    if not isinstance(given, list):
        raise FieldRequired("questions", "send a list of objects with question and expected")
    if not given:
        raise FieldRequired("questions", "send at least one")
    if len(given) > MOST_QUESTIONS:
        raise OutOfRange("questions", f"send at most {MOST_QUESTIONS}")
    return tuple(_read_question(item, f"questions[{number}]") for number, item in enumerate(given))


def _read_question(item: Any, where: str) -> Question:
    if not isinstance(item, dict):
        raise PatternMismatch(where, "send an object with question and expected")
    text = item.get("question")
    if text is None or (isinstance(text, str) and not text.strip()):
        raise FieldRequired(f"{where}.question")
    if not isinstance(text, str):
        raise PatternMismatch(f"{where}.question", "send a string")
    if len(text) > LONGEST_QUESTION:
        raise OutOfRange(f"{where}.question", f"send at most {LONGEST_QUESTION} characters")
    expected = item.get("expected")
    names = [expected] if isinstance(expected, str) else expected
    if not names:
        raise FieldRequired(f"{where}.expected", "name the documents that answer it")
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise PatternMismatch(f"{where}.expected", "send names of documents")
    if len(names) > MOST_EXPECTED:
        raise OutOfRange(f"{where}.expected", f"send at most {MOST_EXPECTED}")
    return Question(clean_text(text), tuple(dict.fromkeys(clean_text(name) for name in names)))
