"""Embeddings and reranking by InvokeModel: the bodies of each maker, as the Bedrock user guide has them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from converse import ADAPTER, target

from portico.server.errors import NotImplementedYet, ProviderUnknown
from portico.server.providers.base import Turn
from portico.wire.model_ref import DirectModel
from portico.wire.requests import EmbeddingRequest, RerankRequest

REF = DirectModel("awsbedrock", "m")
PICTURE = "data:image/png;base64,iVBORw0KGgo="


def embedding(model: str, *inputs: str, **members: Any) -> dict[str, Any]:
    request = EmbeddingRequest(REF, list(inputs), **members)
    outgoing = ADAPTER.write_embeddings(request, inputs, target(model))
    assert outgoing.path == f"/model/{model.replace(':', '%3A')}/invoke"
    assert dict(outgoing.headers)["authorization"].startswith("AWS4-HMAC-SHA256 ")
    body: dict[str, Any] = json.loads(outgoing.body)
    return body


@pytest.mark.parametrize(
    ("model", "text", "members", "body"),
    [
        ("amazon.titan-embed-text-v2:0", "a", {}, {"inputText": "a", "normalize": True}),
        (
            "amazon.titan-embed-text-v2:0",
            "a",
            {"dimensions": 256},
            {"inputText": "a", "normalize": True, "dimensions": 256},
        ),
        ("amazon.titan-embed-text-v1", "a", {"dimensions": 256}, {"inputText": "a"}),
        ("amazon.titan-embed-image-v1", "a", {}, {"inputText": "a"}),
        (
            "amazon.titan-embed-image-v1",
            PICTURE,
            {"dimensions": 384},
            {"inputImage": "iVBORw0KGgo=", "embeddingConfig": {"outputEmbeddingLength": 384}},
        ),
        ("amazon.titan-embed-image-v1", PICTURE.removeprefix("data:"), {}, {"inputImage": "iVBORw0KGgo="}),
        (
            "cohere.embed-english-v3",
            "a",
            {"dimensions": 1024},
            {"embedding_types": ["float"], "texts": ["a"], "input_type": "search_document"},
        ),
        (
            "cohere.embed-v4:0",
            "a",
            {"dimensions": 512, "input_type": "search_query"},
            {"embedding_types": ["float"], "texts": ["a"], "input_type": "search_query", "output_dimension": 512},
        ),
        (
            "cohere.embed-english-v3",
            PICTURE,
            {},
            {"embedding_types": ["float"], "images": [PICTURE], "input_type": "image"},
        ),
        (
            "amazon.nova-2-multimodal-embeddings-v1:0",
            "a",
            {"dimensions": 1024},
            {
                "taskType": "SINGLE_EMBEDDING",
                "singleEmbeddingParams": {
                    "embeddingPurpose": "GENERIC_INDEX",
                    "embeddingDimension": 1024,
                    "text": {"truncationMode": "NONE", "value": "a"},
                },
            },
        ),
    ],
)
def test_what_each_embedding_model_is_sent(model: str, text: str, members: Any, body: Any) -> None:
    assert embedding(model, text, **members) == body


@pytest.mark.parametrize(
    ("body", "vectors", "tokens"),
    [
        ({"embedding": [0.5, -1], "inputTextTokenCount": 3, "embeddingsByType": {}}, [[0.5, -1]], 3),
        ({"embeddings": [[1, 2], [3, 4]], "id": "x", "response_type": "embeddings_floats"}, [[1, 2], [3, 4]], 0),
        ({"embeddings": {"float": [[1, 2]]}, "response_type": "embeddings_by_type"}, [[1, 2]], 0),
        ({"embeddings": [{"embeddingType": "TEXT", "embedding": [1, 2]}]}, [[1, 2]], 0),
    ],
)
def test_what_each_embedding_model_answers(body: Any, vectors: Any, tokens: int) -> None:
    assert ADAPTER.read_embeddings(json.dumps(body).encode(), len(vectors)) == (vectors, tokens)


@pytest.mark.parametrize("body", [{"embeddings": [[1]]}, {"embeddings": []}, {}, {"embedding": "x"}, [1]])
def test_a_missing_vector_is_an_error(body: Any) -> None:
    with pytest.raises(ProviderUnknown):
        ADAPTER.read_embeddings(json.dumps(body).encode(), 2)


def test_rerank() -> None:
    request = RerankRequest(REF, "q", ["a", "b", "c"], top_n=5)
    outgoing = ADAPTER.write_rerank(request, target("cohere.rerank-v3-5:0"))
    assert outgoing.path == "/model/cohere.rerank-v3-5%3A0/invoke"
    body = {"query": "q", "documents": ["a", "b", "c"], "top_n": 3, "api_version": 2}
    assert json.loads(outgoing.body) == body
    amazon = ADAPTER.write_rerank(request, target("amazon.rerank-v1:0"))
    assert json.loads(amazon.body) == {name: value for name, value in body.items() if name != "api_version"}


def test_ranks_and_search_units() -> None:
    turn = Turn(keep_usage=False)
    request = RerankRequest(REF, "q", ["a"] * 101)
    body = b'{"results":[{"index":2,"relevance_score":0.9},{"index":0,"relevance_score":0.1}]}'
    assert ADAPTER.read_rerank(body, request, turn) == [(2, 0.9), (0, 0.1)]
    assert turn.tokens is not None and turn.tokens.units == 2


def test_another_reranker_is_refused_by_name() -> None:
    with pytest.raises(NotImplementedYet, match="no reranker"):
        ADAPTER.write_rerank(RerankRequest(REF, "q", ["a"]), target("amazon.nova-lite-v1:0"))
