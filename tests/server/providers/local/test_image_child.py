"""The embedding of pictures by the real networks, over the HTTP of their child."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from local_models import post
from pictures_made import as_url, bomb, draw

from portico.server.providers.base import Endpoint
from portico.server.providers.local.image_encoder import ImageEncoder, read_names
from portico.server.providers.local.store import ModelStore

IMAGE, JOINT = "efficientnet-lite0", "image-conse"


@pytest.fixture(scope="module", params=[IMAGE, JOINT])
def embedding(request: pytest.FixtureRequest, shared_runtime: Callable[[str], Endpoint], models_dir: Path) -> Any:
    need(models_dir, request.param)
    return shared_runtime(request.param)


@pytest.fixture(scope="module")
def joint(shared_runtime: Callable[[str], Endpoint], models_dir: Path) -> Endpoint:
    need(models_dir, JOINT)
    return shared_runtime(JOINT)


def need(folder: Path, name: str) -> None:
    store = ModelStore.at(folder)
    model = store.maybe_model(name)
    assert model is not None
    if not store.is_ready(model):
        pytest.skip(f"{name} is not part of the set-up: portico models pull {name}")


def vectors(endpoint: Endpoint, inputs: list[str]) -> Any:
    status, answer = post(endpoint, "/embeddings", {"input": inputs})
    assert status == 200, answer
    assert [row["index"] for row in answer["data"]] == list(range(len(inputs)))
    return np.array([row["embedding"] for row in answer["data"]])


def test_a_copy_of_a_picture_is_nearer_than_another_picture(embedding: Endpoint) -> None:
    scenes = ["balls", "stripes", "grid"]
    plain = vectors(embedding, [as_url(draw(kind)) for kind in scenes])
    smaller = vectors(embedding, [as_url(draw(kind).resize((200, 150)), "JPEG") for kind in scenes])
    assert np.allclose(np.linalg.norm(plain, axis=1), 1, atol=1e-5)
    near = plain @ smaller.T
    assert near.argmax(1).tolist() == [0, 1, 2]
    assert near.diagonal().min() > 0.8


def test_pictures_of_parallel_requests_do_not_mix(embedding: Endpoint) -> None:
    urls = [as_url(draw(kind)) for kind in ("balls", "stripes", "grid")]
    expected = vectors(embedding, urls)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda i: vectors(embedding, [urls[i % 3]])[0], range(12)))
    assert all(np.allclose(one, expected[i % 3], atol=1e-5) for i, one in enumerate(found))


@pytest.mark.parametrize("data", [b"garbage", bomb(60_000, 60_000), bomb(6_000, 6_000), bomb(100, 100)[:60]])
def test_a_hostile_picture_is_refused_and_the_next_one_is_served(embedding: Endpoint, data: bytes) -> None:
    good = as_url(draw("grid"))
    status, answer = post(embedding, "/embeddings", {"input": [good, as_url(data)]})
    assert (status, answer["error"]["code"], answer["error"]["param"]) == (400, "content_unreadable", "input")
    assert answer["error"]["message"].startswith("input 1: ")
    assert len(vectors(embedding, [good])) == 1


def test_usage_counts_pictures_and_texts(joint: Endpoint) -> None:
    status, answer = post(joint, "/embeddings", {"input": [as_url(draw("grid")), "cat"]})
    assert (status, answer["usage"]["prompt_tokens"]) == (200, 49 + 6)  # "a photo of cat" between two marks


def test_a_model_of_pictures_alone_refuses_texts(shared_runtime: Callable[[str], Endpoint], models_dir: Path) -> None:
    need(models_dir, IMAGE)
    status, answer = post(shared_runtime(IMAGE), "/embeddings", {"input": ["a cat"]})
    assert (status, answer["error"]["code"]) == (400, "media_not_supported")
    assert "pictures only" in answer["error"]["message"]


def test_a_text_that_is_too_long_is_refused(joint: Endpoint) -> None:
    status, answer = post(joint, "/embeddings", {"input": "word " * 600})
    assert (status, answer["error"]["code"]) == (400, "context_length_exceeded")


def test_a_text_finds_the_picture_of_what_it_names(joint: Endpoint, models_dir: Path) -> None:
    """The names come from what the network itself sees in the drawings: that the two halves fit is what is asked."""
    names = read_names(*(str(models_dir / JOINT / f"imagenet_{part}.txt") for part in ("synsets", "synset_to_lemma")))
    network = ImageEncoder(str(models_dir / IMAGE / "weights.pth"))
    urls = [as_url(draw(kind)) for kind in ("balls", "stripes", "grid")]
    seen = [names[int(network.odds(url).argmax())] for url in urls]
    assert len(set(seen)) == 3
    texts = vectors(joint, seen)
    assert (texts @ vectors(joint, urls).T).argmax(1).tolist() == [0, 1, 2]


def test_dimensions_are_those_of_the_model(joint: Endpoint) -> None:
    status, answer = post(joint, "/embeddings", {"input": "a", "dimensions": 1280})
    assert (status, answer["error"]["param"]) == (400, "dimensions")
    assert vectors(joint, ["a"]).shape == (1, 384)
