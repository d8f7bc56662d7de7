"""Files of questions with the documents they should find: JSON lines, JSON or CSV in, questions with their lines out.

Each has `question` and `expected`: ids, names or urls of documents. In CSV several are separated by `|`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portico.sdk.errors import PorticoError

SEPARATOR = "|"
_NAMES = ("question", "expected")


class QuestionsUnreadable(PorticoError):
    """A file of questions that cannot be used; the message names file, line and member."""


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """`line` of the file, counted from 1."""

    question: str
    expected: tuple[str, ...]
    line: int

    def as_json(self) -> dict[str, Any]:
        return {"question": self.question, "expected": list(self.expected)}


def read_question_set(file: Path) -> list[AskedQuestion]:
    """By the ending of its name (.jsonl, .json, .csv), or else by how it begins. Raises QuestionsUnreadable."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise QuestionsUnreadable(f"cannot read {file}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise QuestionsUnreadable(f"{file} is not UTF-8 text.") from None
    return parse_question_set(text, file.name)


def parse_question_set(text: str, name: str) -> list[AskedQuestion]:
    """`name` is that of the file, for its ending and for the errors. Raises QuestionsUnreadable."""
    try:
        found = [_read(item, line) for line, item in _items(text, name)]
    except _Wrong as wrong:
        raise QuestionsUnreadable(f"{name}:{wrong.line}: {wrong.what}") from None
    if not found:
        raise QuestionsUnreadable(f"{name} holds no question.", hint="One line is enough: " + _EXAMPLE)
    return found


_EXAMPLE = '{"question": "How much leave do I have?", "expected": ["leave.pdf"]}'


class _Wrong(Exception):
    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line, self.what = line, what


def _items(text: str, name: str) -> Iterator[tuple[int, Any]]:
    ending = Path(name).suffix.lower()
    begin = text.lstrip()[:1]
    if ending == ".csv" or (ending not in (".json", ".jsonl", ".ndjson") and begin not in ("[", "{")):
        return _rows(text)
    if ending == ".json" or begin == "[":
        return _array(text)
    return _lines(text)


def _lines(text: str) -> Iterator[tuple[int, Any]]:
    for line, words in enumerate(text.split("\n"), 1):
        if not words.strip():
            continue
        try:
            yield line, json.loads(words)
        except (json.JSONDecodeError, RecursionError) as error:
            raise _Wrong(line, f"not valid JSON: {_reason(error)}") from None


def _array(text: str) -> Iterator[tuple[int, Any]]:
    """The items of an array, which may be the member `questions` of an object; each with the line it begins at."""
    try:
        whole = json.loads(text)
    except json.JSONDecodeError as error:
        raise _Wrong(error.lineno, f"not valid JSON: {error.msg}") from None
    except RecursionError:
        raise _Wrong(1, "not valid JSON: it is nested too deeply") from None
    items = whole.get("questions") if isinstance(whole, dict) else whole
    if not isinstance(items, list):
        raise _Wrong(1, "an array of questions is expected, or an object whose member questions is one")
    place = text.find("[", text.find('"questions"') if isinstance(whole, dict) else 0) + 1
    decoder = json.JSONDecoder()
    for item in items:
        while text[place] in " \t\r\n,":
            place += 1
        yield text.count("\n", 0, place) + 1, item
        place = decoder.raw_decode(text, place)[1]


def _rows(text: str) -> Iterator[tuple[int, Any]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    titles: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            if titles is None:
                titles = [cell.strip().lower() for cell in cells]
                for name in _NAMES:
                    if name not in titles:
                        raise _Wrong(line, f"the first line has no column {name}")
            elif any(cell.strip() for cell in cells):
                row = dict(zip(titles, cells, strict=False))
                names = row.get("expected", "").split(SEPARATOR)
                yield line, {**row, "expected": [one.strip() for one in names if one.strip()]}
            line = reader.line_num + 1
    except csv.Error as error:
        raise _Wrong(reader.line_num, f"not valid CSV: {error}") from None


def _read(item: Any, line: int) -> AskedQuestion:
    if not isinstance(item, dict):
        raise _Wrong(line, f"an object with question and expected is expected, such as {_EXAMPLE}")
    question = item.get("question")
    if not isinstance(question, str) or not question.strip():
        raise _Wrong(line, "question is missing" if question in (None, "") else "question is no text, or an empty one")
    return AskedQuestion(question, tuple(_expected(item.get("expected"), line)), line)


def _expected(given: Any, line: int) -> Sequence[str]:
    names = [given] if isinstance(given, str) else given
    if names is None or names == [] or names == [""]:
        raise _Wrong(line, "expected is missing: name the documents that answer it")
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise _Wrong(line, "expected is no name of a document, nor a list of such names")
    return names


def _reason(error: Exception) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
