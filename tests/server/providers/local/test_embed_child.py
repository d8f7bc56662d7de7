"""The embedding child over its own HTTP. Real model, real runtime."""

from __future__ import annotations

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from local_models import EMBEDDING, post

from portico.server.providers.base import Endpoint
from portico.server.providers.local.encoder import BATCH_ROWS, BATCH_TOKENS, batches


@pytest.fixture(scope="module")
def embedding(shared_runtime: Callable[[str], Endpoint]) -> Endpoint:
    return shared_runtime(EMBEDDING)


def embed(endpoint: Endpoint, texts: object, **members: Any) -> Any:
    status, answer = post(endpoint, "/embeddings", {"input": texts, "model": EMBEDDING, **members})
    assert status == 200, answer
    return answer


def vectors(endpoint: Endpoint, texts: list[str]) -> Any:
    return np.array([row["embedding"] for row in embed(endpoint, texts)["data"]])


def test_paraphrases_are_nearer_than_strangers(embedding: Endpoint) -> None:
    pairs = [
        "How do I reset my password?", "I forgot my login and need a new one",
        "The invoice has not been paid", "The bill is still open",
        "A cat sleeps on the sofa", "The kitten is napping on the couch",
    ]  # fmt: skip
    near = vectors(embedding, pairs) @ vectors(embedding, pairs).T
    for i in range(0, 6, 2):
        assert near[i, i + 1] > max(near[i, j] for j in range(6) if j not in (i, i + 1)) + 0.1


def test_vectors_have_length_one_and_384_numbers(embedding: Endpoint) -> None:
    found = vectors(embedding, ["a", "some words", "x " * 200])
    assert found.shape == (3, 384)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_a_text_has_the_same_vector_alone_and_in_company(embedding: Endpoint) -> None:
    texts = [
        "cat",
        "Quarterly revenue rose 8% on strong demand.",
        "def f(x): return x**2",
        "long " * 300,
        "¿Dónde está?",
    ]
    together = vectors(embedding, texts)
    alone = np.concatenate([vectors(embedding, [t]) for t in texts])
    assert (together * alone).sum(1).min() > 0.999


def test_base64_holds_the_same_floats(embedding: Endpoint) -> None:
    plain = vectors(embedding, ["hello"])[0]
    text = embed(embedding, "hello", encoding_format="base64")["data"][0]["embedding"]
    assert np.allclose(np.frombuffer(base64.b64decode(text), "<f4"), plain, atol=1e-7)


def test_usage_counts_the_tokens_of_the_model(embedding: Endpoint) -> None:
    assert embed(embedding, ["hello world", "hello"])["usage"] == {"prompt_tokens": 7, "total_tokens": 7}


def test_a_batch_of_a_thousand_keeps_its_order_and_its_memory(embedding: Endpoint) -> None:
    vectors(embedding, ["warm up"] * 50)
    texts = [f"Order {i} was shipped to customer {i * 7} " + "in the morning " * (i % 6) for i in range(1000)]
    before = peak_memory(embedding)
    answer = embed(embedding, texts)
    assert [row["index"] for row in answer["data"]] == list(range(1000))
    alone = vectors(embedding, [texts[123]])[0]
    assert np.dot(alone, answer["data"][123]["embedding"]) > 0.999
    assert peak_memory(embedding) - before < 200_000_000


def test_parallel_requests_each_get_their_own_vectors(embedding: Endpoint) -> None:
    texts = [f"Topic number {i}: {word}" for i, word in enumerate(["bread", "rain", "tax", "jazz"] * 8)]
    expected = vectors(embedding, texts)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda t: vectors(embedding, [t])[0], texts))
    assert (expected * np.array(found)).sum(1).min() > 0.999


@pytest.mark.parametrize(
    ("members", "param", "message"),
    [
        ({"input": [[1, 2, 3]]}, "input", "Token arrays are not understood: send text"),
        ({"input": [1, 2, 3]}, "input", "Token arrays are not understood: send text"),
        ({"input": []}, "input", "at least one text"),
        ({"input": ["a", ""]}, "input", "no empty one"),
        ({"input": "a", "dimensions": 256}, "dimensions", "must be 384"),
        ({"input": "a", "encoding_format": "hex"}, None, "encoding_format"),
        ({}, None, "input"),
    ],
)
def test_a_bad_request_is_refused_with_a_reason(
    embedding: Endpoint, members: dict[str, Any], param: str | None, message: str
) -> None:
    status, answer = post(embedding, "/embeddings", members)
    assert status == 400
    assert answer["error"]["type"] == "invalid_request_error"
    assert answer["error"]["param"] == param
    assert message in answer["error"]["message"]


def test_a_text_beyond_512_tokens_is_refused_and_never_cut(embedding: Endpoint) -> None:
    embed(embedding, "word " * 510)
    status, answer = post(embedding, "/embeddings", {"input": ["short", "word " * 511]})
    assert status == 400
    assert answer["error"]["code"] == "context_length_exceeded"
    assert answer["error"]["message"] == "input 1 has 513 tokens, the model takes 512: split the text"


def test_nobody_gets_in_without_the_key(embedding: Endpoint) -> None:
    assert post(embedding, "/embeddings", {"input": "a"}, key="guess")[0] == 401


def test_batches_hold_every_row_once_and_stay_small() -> None:
    rows = [np.zeros(1 + i * 37 % 512, np.int32) for i in range(300)]
    found = list(batches(rows))
    assert sorted(i for batch in found for i in batch) == list(range(300))
    for batch in found:
        longest = max(len(rows[i]) for i in batch)
        assert len(batch) <= BATCH_ROWS
        assert len(batch) == 1 or len(batch) * longest <= BATCH_TOKENS


def peak_memory(endpoint: Endpoint) -> int:
    """Largest resident size of the child that listens at the endpoint, in bytes."""
    port = int(endpoint.base_url.removesuffix("/v1").rpartition(":")[2])
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inode = next(f[9] for f in lines if f[1].endswith(f":{port:04X}") and f[3] == "0A")
    for fd in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if fd.readlink().name == f"socket:[{inode}]":
                status = (fd.parent.parent / "status").read_text()
                return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
        except OSError:
            continue
    raise AssertionError("nobody listens there")
