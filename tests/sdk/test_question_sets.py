"""Files of questions: three forms, and complaints that name line and member."""

from __future__ import annotations

from pathlib import Path

import pytest

from portico.sdk.question_sets import QuestionsUnreadable, parse_question_set, read_question_set

LINES = """{"question": "How much leave?", "expected": ["leave.pdf", "rules.pdf"], "source": "hr"}

{"question": "Who pays?", "expected": "travel.md"}
"""
ARRAY = """[
  {"question": "How much leave?",
   "expected": ["leave.pdf", "rules.pdf"]},
  {"question": "Who pays?", "expected": ["travel.md"]}
]"""
TABLE = 'Question,expected\n"How much\nleave?",leave.pdf | rules.pdf\nWho pays?,travel.md\n'


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("set.jsonl", LINES, [1, 3]),
        ("set.json", ARRAY, [2, 4]),
        ("set.json", f'{{"questions": {ARRAY}}}', [2, 4]),
        ("set.csv", TABLE, [2, 4]),
        ("set", LINES, [1, 3]),
        ("set", ARRAY, [2, 4]),
        ("set.txt", TABLE, [2, 4]),
    ],
)
def test_every_form_gives_the_same_questions(name: str, text: str, lines: list[int]) -> None:
    found = parse_question_set(text, name)

    assert [" ".join(one.question.split()) for one in found] == ["How much leave?", "Who pays?"]
    assert [one.expected for one in found] == [("leave.pdf", "rules.pdf"), ("travel.md",)]
    assert [one.line for one in found] == lines


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("q.jsonl", '{"question": "a", "expected": ["x"]}\n{"question": ', "q.jsonl:2: not valid JSON"),
        ("q.jsonl", '\n{"expected": ["x"]}', "q.jsonl:2: question is missing"),
        ("q.jsonl", '{"question": 7, "expected": ["x"]}', "q.jsonl:1: question is no text"),
        ("q.jsonl", '{"question": "a"}', "q.jsonl:1: expected is missing"),
        ("q.jsonl", '{"question": "a", "expected": [3]}', "q.jsonl:1: expected is no name"),
        ("q.jsonl", '"a"', "q.jsonl:1: an object"),
        ("q.json", '[\n{"question": "a", "expected": ["x"]},\n{"question": "b"}]', "q.json:3: expected is missing"),
        ("q.json", "[\n1,", "q.json:2: not valid JSON"),
        ("q.json", '{"a": 1}', "q.json:1: an array"),
        ("q.csv", "question,answer\na,b\n", "q.csv:1: the first line has no column expected"),
        ("q.csv", "question,expected\na,\n", "q.csv:2: expected is missing"),
        ("q.csv", 'question,expected\n"a"b,c\n', "q.csv:2: not valid CSV"),
        ("q.jsonl", "\n", "q.jsonl holds no question"),
    ],
)
def test_what_is_wrong_is_told_by_line_and_member(name: str, text: str, complaint: str) -> None:
    with pytest.raises(QuestionsUnreadable) as told:
        parse_question_set(text, name)

    assert complaint in str(told.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    bytes_ = tmp_path / "bytes.jsonl"
    bytes_.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(QuestionsUnreadable, match=r"no\.jsonl"):
        read_question_set(tmp_path / "no.jsonl")
    with pytest.raises(QuestionsUnreadable, match="not UTF-8"):
        read_question_set(bytes_)
