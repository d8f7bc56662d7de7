"""`searchOptions.rerank` and `chat.search.rerank` of the profile metadata name the model that ranks again."""

from __future__ import annotations

from typing import Any

import pytest

from portico.server.assistants.search.options import maybe_reranking
from portico.server.retrieval.profile import Reranking


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("cohere/rerank-v3.5", Reranking("cohere/rerank-v3.5")),
        ({"provider": "cohere", "modelName": "rerank-v3.5"}, Reranking("cohere/rerank-v3.5")),
        ({"modelName": "local/minilm-cosine", "fetchK": "12"}, Reranking("local/minilm-cosine", 12)),
        ({"model": "cohere/r", "fetchK": 10**9}, Reranking("cohere/r", 1000)),
        ({"model": "cohere/r", "fetchK": -3}, Reranking("cohere/r", 1)),
        ({"provider": "cohere"}, None),
        ({}, None),
        (None, None),
        ("  ", None),
        (True, None),
    ],
)
def test_a_reranking_model_is_read_as_people_write_it(asked: Any, found: Reranking | None) -> None:
    assert maybe_reranking(asked) == found
