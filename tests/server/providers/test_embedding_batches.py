"""How many inputs go into one call: by provider, model, and what the inputs weigh."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from portico.server.providers.base import Adapter, Endpoint, Target
from portico.server.providers.bedrock import Bedrock
from portico.server.providers.cohere import Cohere
from portico.server.providers.counts import batch_within
from portico.server.providers.gemini import Gemini
from portico.server.providers.openai import OpenAI
from portico.server.providers.transport import Transport
from portico.server.providers.vertex_ai import VertexAI

PICTURE = "data:image/png;base64,iVBORw0KGgo="
SHORT = ["word"] * 500


def vertex() -> VertexAI:
    return VertexAI(Transport(request_timeout_s=1, gap_timeout_s=1, connect_timeout_s=1))


@pytest.mark.parametrize(
    ("adapter", "model", "inputs", "batch"),
    [
        (OpenAI(), "text-embedding-3-small", SHORT, 256),
        (OpenAI(), "text-embedding-3-small", ["x" * 16_384 * 2], 36),
        (OpenAI(), "text-embedding-3-small", ["日" * 2_000, "a"], 99),
        (Gemini(), "gemini-embedding-001", SHORT, 100),
        (Cohere(), "embed-v4.0", SHORT, 96),
        (vertex(), "text-embedding-005", SHORT, 250),
        (vertex(), "text-multilingual-embedding-002", SHORT, 250),
        (vertex(), "text-embedding-005", ["x" * 1_000] * 20, 39),
        (vertex(), "text-embedding-005", ["x" * 100_000], 9),
        (vertex(), "gemini-embedding-001", SHORT, 1),
        (vertex(), "gemini-embedding-2", SHORT, 1),
        (vertex(), "multimodalembedding@001", SHORT, 1),
        (Bedrock(), "cohere.embed-english-v3", SHORT, 96),
        (Bedrock(), "eu.cohere.embed-v4:0", SHORT, 96),
        (Bedrock(), "cohere.embed-v4:0", ["a", PICTURE], 1),
        (Bedrock(), "amazon.titan-embed-text-v2:0", SHORT, 1),
        (Bedrock(), "amazon.nova-2-multimodal-embeddings-v1:0", SHORT, 1),
    ],
)
def test_hc28_as_many_inputs_as_a_call_takes(adapter: Adapter, model: str, inputs: Sequence[str], batch: int) -> None:
    target = Target("acme", model, model, adapter, Endpoint("http://127.0.0.1:9"))
    assert adapter.embeddings_batch_of(target, inputs) == batch


@pytest.mark.parametrize(
    ("inputs", "batch"), [([], 10), ([""], 10), (["x" * 100], 1), (["xxxx"], 6), (["x" * 10_000], 1)]
)
def test_at_least_one_input_goes_into_a_call(inputs: list[str], batch: int) -> None:
    assert batch_within(inputs, 10, 20, 50) == batch
