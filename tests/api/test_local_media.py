"""The embedded models for reranking and for pictures, through the door."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image, ImageDraw

from tests.live import MODELS, LiveServer

RERANK = "local/minilm-cosine"
QUERY = "How do I reset my password?"
DOCUMENTS = ["Opening hours are nine to five.", "Use the link on the login page to get a new password.", "Cats sleep."]
JOINT, IMAGE = "local/image-conse", "local/efficientnet-lite0"
needs_pictures = pytest.mark.skipif(
    not (MODELS / "image-conse").is_dir() or not (MODELS / "efficientnet-lite0").is_dir(),
    reason="not part of the set-up: portico models pull image-conse",
)


def picture(color: str) -> str:
    drawn = Image.new("RGB", (120, 90), "white")
    ImageDraw.Draw(drawn).ellipse((20, 10, 100, 80), fill=color)
    file = io.BytesIO()
    drawn.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank"])
@pytest.mark.parametrize("top_n", [2, "2"])
def test_a_fresh_server_reranks_without_a_key(server: LiveServer, path: str, top_n: Any) -> None:
    answer = server.post(path, {"model": RERANK, "query": QUERY, "documents": DOCUMENTS, "top_n": top_n})
    assert answer.status == 200, answer.body
    found = answer.json()
    assert found["results"][0]["index"] == 1 and len(found["results"]) == 2
    scores = [row["relevance_score"] for row in found["results"]]
    assert scores == sorted(scores, reverse=True) and all(0 <= score <= 1 for score in scores)
    assert found["meta"]["billed_units"] == {"search_units": 1}
    assert found["usage"]["prompt_tokens"] > 10 and found["usage"]["total_cost"] == 0 and found["requestId"]
    assert answer.headers["x-portico-provider"] == "local"


def test_every_form_of_documents_is_taken(server: LiveServer) -> None:
    objects = server.post("/rerank", {"model": RERANK, "query": QUERY, "documents": [{"text": t} for t in DOCUMENTS]})
    assert objects.json()["results"][0]["index"] == 1 and len(objects.json()["results"]) == 3
    single = server.post("/rerank", {"model": RERANK, "query": QUERY, "documents": DOCUMENTS[1], "top_n": 9})
    assert [row["index"] for row in single.json()["results"]] == [0]


def test_a_long_document_is_ranked_by_its_beginning_and_the_answer_says_so(server: LiveServer) -> None:
    documents = [DOCUMENTS[0], DOCUMENTS[1] + " and so on" * 3_000]
    answer = server.post("/rerank", {"model": RERANK, "query": QUERY, "documents": documents})
    assert answer.json()["results"][0]["index"] == 1
    assert answer.headers["x-portico-adjusted"] == "documents cut: 1"
    short = server.post("/rerank", {"model": RERANK, "query": QUERY, "documents": DOCUMENTS})
    assert "x-portico-adjusted" not in short.headers


def test_a_query_that_is_too_long_names_its_field(server: LiveServer) -> None:
    answer = server.post("/rerank", {"model": RERANK, "query": "word " * 600, "documents": DOCUMENTS})
    error = answer.json()
    assert (answer.status, error["errors"][0]["id"], error["error"]["param"]) == (400, 150, "query")


@pytest.mark.parametrize("wrong", ["local/all-minilm-l6-v2", "local/smollm2-135m-instruct"])
def test_a_model_of_another_type_does_not_rerank(server: LiveServer, wrong: str) -> None:
    answer = server.post("/rerank", {"model": wrong, "query": QUERY, "documents": DOCUMENTS})
    assert (answer.status, answer.json()["errors"][0]["id"]) == (400, 2009)


def test_a_reranker_does_not_embed_or_chat(server: LiveServer) -> None:
    answer = server.post("/embeddings", {"model": RERANK, "input": "a"})
    assert (answer.status, answer.json()["errors"][0]["id"]) == (400, 2009)
    assert server.chat(RERANK).json()["errors"][0]["id"] == 2009


def test_rerankers_and_picture_models_stand_in_the_catalogue(server: LiveServer) -> None:
    found = server.get("/v3/llm/providers/local/models").json()["models"]
    kinds = {model["fullName"]: model["type"] for model in found}
    assert kinds[RERANK] == kinds["local/qwen-judge"] == "Rerank"
    assert kinds[JOINT] == kinds[IMAGE] == "Embedding"


@needs_pictures
@pytest.mark.parametrize(("model", "size"), [(IMAGE, 1280), (JOINT, 384)])
def test_pictures_are_embedded(server: LiveServer, model: str, size: int) -> None:
    red = picture("red")
    answer = server.post("/embeddings", {"model": model, "input": [red, picture("blue"), red.removeprefix("data:")]})
    assert answer.status == 200, answer.body
    found = answer.json()
    vectors = [row["embedding"] for row in found["data"]]
    assert [len(vector) for vector in vectors] == [size] * 3
    assert vectors[0] == vectors[2] != vectors[1]
    assert found["usage"]["prompt_tokens"] == 3 * 49


@needs_pictures
def test_texts_and_pictures_share_a_space_where_the_model_says_so(server: LiveServer) -> None:
    answer = server.post("/embeddings", {"model": JOINT, "input": ["a ball", picture("red")]})
    assert [len(row["embedding"]) for row in answer.json()["data"]] == [384, 384]


@needs_pictures
@pytest.mark.parametrize(
    ("given", "number"),
    [
        ("a red chair", 46),
        ("data:image/png;base64," + base64.b64encode(b"garbage").decode(), 45),
        ("data:image/png;base64,#", 45),
        ("data:image/svg+xml;base64," + base64.b64encode(b"<svg/>").decode(), 45),
    ],
)
def test_what_is_no_picture_is_refused_with_its_documented_id(server: LiveServer, given: str, number: int) -> None:
    answer = server.post("/embeddings", {"model": IMAGE, "input": [picture("red"), given]})
    error = answer.json()
    assert (answer.status, error["errors"][0]["id"], error["error"]["param"]) == (400, number, "input"), answer.body
    assert "input 1" in error["error"]["message"]


def test_a_model_of_texts_refuses_pictures(server: LiveServer) -> None:
    answer = server.post("/embeddings", {"model": "local/all-minilm-l6-v2", "input": picture("red")})
    assert (answer.status, answer.json()["errors"][0]["id"]) == (400, 46)
