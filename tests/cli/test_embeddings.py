"""`portico embed`: texts from everywhere, in batches, as JSON or as a preview."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .conftest import Run
from .fake_server import FakeServer

PATH = "/embeddings"


def vectors(count: int, vector: object = (0.6, 0.8)) -> dict[str, Any]:
    data = [{"object": "embedding", "index": i, "embedding": vector} for i in range(count)]
    return {"object": "list", "model": "m", "data": data, "usage": {"prompt_tokens": count, "currency": "USD"}}


def test_texts_and_options_reach_the_server(run: Run, server: FakeServer) -> None:
    server.answer("POST", PATH, vectors(2))

    result = run("embed", "-m", "openai/e", "--dimensions", "2", "--input-type", "query", "--base64", "a", "b c")

    assert json.loads(result.out) == {
        **vectors(2),
        "data": [{**row, "embedding": [0.6, 0.8]} for row in vectors(2)["data"]],
    }
    assert server.last(PATH).body == {
        "model": "openai/e", "input": ["a", "b c"], "dimensions": 2, "input_type": "query", "encoding_format": "base64",
    }  # fmt: skip


def test_each_line_of_standard_input_or_of_a_file_is_a_text(run: Run, server: FakeServer, tmp_path: Path) -> None:
    server.answer("POST", PATH, vectors(4))
    (tmp_path / "lines").write_text("c\n\nd\n")

    run("embed", "-m", "openai/e", "-", f"@{tmp_path}/lines", stdin="a\nb\n")

    assert server.last(PATH).body["input"] == ["a", "b", "c", "d"]


def test_many_texts_go_in_batches_and_come_back_as_one(run: Run, server: FakeServer) -> None:
    server.answer("POST", PATH, vectors(2), vectors(1))

    answer = json.loads(run("embed", "-m", "openai/e", "--batch", "2", stdin="a\nb\nc").out)

    assert [asked.body["input"] for asked in server.asked] == [["a", "b"], ["c"]]
    assert [row["index"] for row in answer["data"]] == [0, 1, 2]
    assert answer["usage"] == {"prompt_tokens": 3, "currency": "USD"}


def test_a_table_previews_the_vectors(run: Run, server: FakeServer) -> None:
    server.answer("POST", PATH, vectors(1))

    assert run("embed", "-m", "openai/e", "red", "-o", "table").out == (
        "Text  Dimensions  Norm   Vector\nred   2           1.000  +0.600 +0.800\n"
    )  # fmt: skip


def test_a_preview_reads_base64(run: Run, server: FakeServer) -> None:
    server.answer("POST", PATH, vectors(1, "AACAPwAAAAA="))

    assert "+1.000 +0.000" in run("embed", "-m", "openai/e", "--base64", "red", "-o", "table").out


def test_without_a_model_the_first_local_one_is_asked(run: Run, server: FakeServer) -> None:
    server.answer("GET", "/v3/llm/providers/local/models", {"models": [{"fullName": "local/mini"}]})
    server.answer("POST", PATH, vectors(1))

    run("embed", "red")

    assert server.last("/v3/llm/providers/local/models").query == {"type": "Embedding"}
    assert server.last(PATH).body["model"] == "local/mini"


def test_no_text_is_wrong_use(run: Run, server: FakeServer) -> None:
    result = run("embed", stdin="\n")

    assert (result.code, server.asked) == (2, [])
