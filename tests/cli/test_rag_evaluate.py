"""`portico rag evaluate`: what is sent, how runs are shown and drawn, and what does not go together."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run
from .fake_server import Answer, FakeServer

PATH = "/v1/search/profile/handbook/evaluations"
QUESTIONS = '{"question": "How much leave?", "expected": ["leave.pdf"]}\n\n{"question": "Pay?", "expected": "pay"}\n'
METRICS = {"questions": 2, "ndcg": 0.8155, "recall": {"1": 0.5, "5": 1.0, "10": 1.0}, "mrr": 0.75, "p50Ms": 9.4,
           "p95Ms": 21.0}  # fmt: skip
STARTED = {"id": "r1", "profile": "handbook", "method": "auto", "k": 10, "status": "Pending", "total": 2, "done": 0}
ENDED: dict[str, Any] = {
    **STARTED, "status": "Success", "done": 2, "metrics": METRICS, "createdAt": "2026-01-01T00:00:00",
    "settings": {"documents": 3, "documentsNotIndexed": 0},
}  # fmt: skip
COMPARED = {
    "id": "r0", "name": "", "method": "words", "createdAt": "2025-12-31T00:00:00",
    "metrics": {**METRICS, "ndcg": 0.9}, "better": 0, "worse": 1, "same": 1,
    "changes": [{"number": 1, "question": "Pay?", "before": 1.0, "after": 0.6309}],
}  # fmt: skip


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portico.cli.rag_evaluate.POLL_S", 0.01)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text(QUESTIONS)
    return path


def test_a_run_is_started_awaited_and_shown(run: Run, server: FakeServer, file: Path) -> None:
    server.answer("POST", PATH, STARTED)
    server.answer("GET", f"{PATH}/r1", {**STARTED, "status": "Running", "done": 1}, ENDED)

    result = run("rag", "evaluate", "handbook", str(file), "-o", "table", "--label", "first")

    assert result.code == 0
    assert server.last(PATH).body == {
        "questions": [
            {"question": "How much leave?", "expected": ["leave.pdf"]},
            {"question": "Pay?", "expected": ["pay"]},
        ],
        "method": "auto", "k": 10, "name": "first",
    }  # fmt: skip
    head, line = result.out.splitlines()
    assert head.split("  ")[0] == "Method"
    assert "nDCG@10" in head and "Recall@5" in head and "p95 ms" in head
    assert line.split() == ["auto", "2", "0.816", "0.500", "1.000", "1.000", "0.750", "9.4", "21.0", "r1"]
    assert "1 of 2 questions" in result.err


def test_json_is_the_run_itself(run: Run, server: FakeServer, file: Path) -> None:
    server.answer("POST", PATH, STARTED)
    server.answer("GET", f"{PATH}/r1", ENDED)

    assert json.loads(run("rag", "evaluate", "handbook", str(file), "-o", "json").out) == ENDED


def test_several_methods_are_several_runs_in_one_chart(
    run: Run, server: FakeServer, file: Path, tmp_path: Path
) -> None:
    server.answer("POST", PATH, STARTED, {**STARTED, "id": "r2"})
    server.answer("GET", f"{PATH}/r1", {**ENDED, "method": "words"})
    server.answer("GET", f"{PATH}/r2", {**ENDED, "id": "r2", "method": "fused"})
    chart = tmp_path / "out.svg"

    result = run("rag", "evaluate", "handbook", str(file), "--method", "words", "--method", "fused", "-k", "5",
                 "--chart", str(chart), "-o", "json")  # fmt: skip

    assert result.code == 0
    assert [asked.body["method"] for asked in server.asked if asked.method == "POST"] == ["words", "fused"]
    assert [one["id"] for one in json.loads(result.out)["evaluations"]] == ["r1", "r2"]
    words = [text.text for text in ET.parse(chart).iter("{http://www.w3.org/2000/svg}text")]
    assert {"handbook", "words (p50 9 ms, p95 21 ms)", "fused (p50 9 ms, p95 21 ms)", "0.816", "recall@5"} <= set(words)


def test_a_run_is_compared_and_what_went_worse_is_named(run: Run, server: FakeServer, file: Path) -> None:
    server.answer("POST", PATH, STARTED)
    server.answer("GET", f"{PATH}/r1", {**ENDED, "compared": COMPARED})

    result = run("rag", "evaluate", "handbook", str(file), "--compare", "r0", "-o", "table")

    assert server.last(f"{PATH}/r1").query == {"compare": "r0"}
    assert "-0.08" in result.out
    assert "auto against words (2025-12-31T00:00:00): 0 questions better, 1 worse, 1 the same" in result.err
    assert "1.00 -> 0.63 Pay?" in result.err


def test_without_a_file_the_runs_are_listed(run: Run, server: FakeServer) -> None:
    server.answer("GET", PATH, {"evaluations": [ENDED, {**STARTED, "id": "r0", "status": "Running"}], "count": 2})

    listed = run("rag", "evaluate", "handbook", "-o", "table").out.splitlines()

    assert [line.split()[0] for line in listed] == ["Run", "r1", "r0"]
    assert "0 of 2" in listed[2]


def test_a_stored_run_is_shown_and_deleted(run: Run, server: FakeServer) -> None:
    server.answer("GET", f"{PATH}/r1", ENDED)
    server.answer("DELETE", f"{PATH}/r1", {})

    assert json.loads(run("rag", "evaluate", "handbook", "--show", "r1", "-o", "json").out) == ENDED
    assert run("rag", "evaluate", "handbook", "--delete", "r1", stdin="n\n").code == 130
    assert server.asked[-1].method == "GET"
    assert run("rag", "evaluate", "handbook", "--delete", "r1", "--yes").code == 0
    assert server.asked[-1].method == "DELETE"


def test_a_run_that_fails_says_why_and_ends_with_1(run: Run, server: FakeServer, file: Path) -> None:
    server.answer("POST", PATH, {**STARTED, "status": "Failed", "detail": "The RAG assistant is disabled."})

    result = run("rag", "evaluate", "handbook", str(file))

    assert result.code == 1
    assert "evaluation r1 failed: The RAG assistant is disabled." in result.err


def test_documents_that_are_not_indexed_are_told(run: Run, server: FakeServer, file: Path) -> None:
    server.answer("POST", PATH, {**ENDED, "settings": {"documents": 1, "documentsNotIndexed": 2}})

    assert "2 documents of this assistant are not indexed" in run("rag", "evaluate", "handbook", str(file)).err


def test_what_the_server_says_of_a_question_is_told_with_its_line(run: Run, server: FakeServer, file: Path) -> None:
    text = "Document Not Found: questions[1].expected[0]: no document of this assistant has the name, id or url 'pay'"
    server.answer("POST", PATH, Answer({"errors": [{"id": 2021, "description": text}]}, 400))

    result = run("rag", "evaluate", "handbook", str(file))

    assert result.code == 1
    assert "questions.jsonl:3: " in result.err and "'pay'" in result.err
    assert "questions[1]" not in result.err


def test_a_bad_file_is_told_before_anything_is_sent(run: Run, server: FakeServer, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"question": "a", "expected": ["x"]}\n{"question": "b"}\n')

    result = run("rag", "evaluate", "handbook", str(bad))

    assert result.code == 1 and "bad.jsonl:2: expected is missing" in result.err
    assert server.asked == []


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (["--show", "r1", "--delete", "r1"], "say one of"),
        (["--method", "words"], "--method needs"),
        (["--chart", "a.svg"], "--chart and --compare need"),
        (["--show", "r1", "--chart", "a.png"], "a.svg"),
        (["--show", "r1", "-k", "0"], "-k"),
    ],
)
def test_what_does_not_go_together_is_wrong_use(run: Run, server: FakeServer, line: list[str], complaint: str) -> None:
    result = run("rag", "evaluate", "handbook", *line)

    assert result.code == 2 and complaint in result.err
    assert server.asked == []


def test_a_chart_that_cannot_be_written_is_told(run: Run, server: FakeServer, tmp_path: Path) -> None:
    server.answer("GET", f"{PATH}/r1", ENDED)

    result = run("rag", "evaluate", "handbook", "--show", "r1", "--chart", str(tmp_path / "no" / "a.svg"))

    assert result.code == 2 and "No such file" in result.err
