"""`portico rerank`: documents from everywhere, a table with scores, or JSON with the documents beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Run
from .fake_server import FakeServer

PATH = "/rerank"
ANSWER = {
    "id": "r",
    "results": [{"index": 1, "relevance_score": 0.9312}, {"index": 0, "relevance_score": 0.1}],
    "usage": {"total_cost": 0},
}


@pytest.fixture(autouse=True)
def ranked(server: FakeServer) -> None:
    server.answer("POST", PATH, ANSWER)
    server.answer("GET", "/v3/llm/providers/local/models", {"models": [{"fullName": "local/mini"}]})


def test_documents_and_options_reach_the_server(run: Run, server: FakeServer) -> None:
    result = run("rerank", "-m", "cohere/rerank-v3.5", "which?", "one", "two", "--top", "2")

    assert server.last(PATH).body == {
        "model": "cohere/rerank-v3.5", "query": "which?", "documents": ["one", "two"], "top_n": 2,
    }  # fmt: skip
    found = json.loads(result.out)
    assert [(row["index"], row["document"]) for row in found["results"]] == [(1, "two"), (0, "one")]
    assert found["usage"] == {"total_cost": 0}


def test_a_table_shows_scores_places_and_the_beginning_of_each_document(run: Run) -> None:
    assert run("rerank", "q", "one", "a long\ttext " * 20, "-o", "table").out == (
        "Score  Place  Document\n"
        f"0.931  2      {('a long text ' * 20)[:59]}…\n"
        "0.100  1      one\n"
    )  # fmt: skip


def test_each_line_of_a_file_or_of_standard_input_is_a_document(run: Run, server: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "lines").write_text("c\n\nd\n")

    run("rerank", "q", "-", f"@{tmp_path}/lines", "e", stdin="a\nb\n")

    assert server.last(PATH).body["documents"] == ["a", "b", "c", "d", "e"]


def test_without_a_model_the_first_local_one_ranks(run: Run, server: FakeServer) -> None:
    run("rerank", "q", "a", "b")

    assert server.last("/v3/llm/providers/local/models").query == {"type": "Rerank"}
    assert server.last(PATH).body["model"] == "local/mini"


@pytest.mark.parametrize(
    ("words", "said"),
    [(("q", "-"), "no document in the input"), ((" ", "a"), "query is empty"), (("q",), "Missing argument")],
)
def test_wrong_use_is_told_in_one_line(run: Run, server: FakeServer, words: tuple[str, ...], said: str) -> None:
    result = run("rerank", *words)

    assert result.code == 2 and said in result.err and result.err.count("\n") == 1
    assert not [asked for asked in server.asked if asked.path == PATH]


def test_a_server_without_a_local_model_asks_for_a_name(run: Run, server: FakeServer) -> None:
    server.answer("GET", "/v3/llm/providers/local/models", {"models": []})

    result = run("rerank", "q", "a", "b")

    assert result.code == 2 and "--model" in result.err
