"""A RAG assistant as it is searched and asked: every setting a value, with the defaults of the reference filled in.

Source: RAG reference, "The profile object". `assistants/search/find.py` makes these of what is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from portico.server.storage.search_profiles import ProfileKey
from portico.wire.guardrails import Guardrail

SearchType = Literal["similarity", "mmr"]
Step = Literal["all", "documents"]
RetrieverType = Literal[
    "vectorStore", "multiQuery", "selfQuery", "hyde", "contextualCompression", "scoreThreshold", "graph", "awsKB"
]


@dataclass(frozen=True, slots=True)
class Embedding:
    """What makes the vectors. `model` is provider/name; `dimensions` None: as many as the model gives; `input_type` ""
    : as the provider does for passages and questions; `batch_size` counts texts."""

    model: str
    dimensions: int | None = None
    input_type: str = ""
    batch_size: int = 100
    cache: bool = False


@dataclass(frozen=True, slots=True)
class Llm:
    """What writes the answer. `model` is provider/name, or an alias; `json` asks for an answer in JSON."""

    model: str
    temperature: float = 0.0
    max_tokens: int = 1000
    top_p: float = 1.0
    n: int = 1
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    json: bool = False
    cache: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """How passages are chosen. `fetch_k` are the candidates of MMR; `mmr_lambda` 0 is most diverse, 1 least."""

    prompt: str
    history_prompt: str
    k: int = 5
    type: SearchType = "similarity"
    fetch_k: int = 20
    mmr_lambda: float = 0.5
    return_source_documents: bool = True
    score_threshold: float = 0.0


@dataclass(frozen=True, slots=True)
class Retriever:
    """How passages are looked for. `prompt` is the one of the type, "" where none is used; with `step` documents no
    answer is written."""

    type: RetrieverType = "vectorStore"
    step: Step = "all"
    prompt: str = ""
    query_count: int = 5


@dataclass(frozen=True, slots=True)
class Reranking:
    """A model that looks at the best passages again: provider/name, and how many of them it is shown."""

    model: str
    candidates: int = 30


@dataclass(frozen=True, slots=True)
class ChunkRules:
    """How documents are cut; sizes are characters. With `parent`, the chunks of `size` are what is given to the model,
    and children of `child_size` are what is found: `child_k` of them are fetched."""

    size: int = 1000
    overlap: int = 100
    parent: bool = False
    child_k: int = 20
    child_size: int = 300
    child_overlap: int = 30
    clean: bool = False


@dataclass(frozen=True, slots=True)
class SearchProfile:
    """One RAG assistant. `history_count` counts messages; `metadata` is the reference's "profile metadata"."""

    key: ProfileKey
    name: str
    description: str
    enabled: bool
    embedding: Embedding
    llm: Llm
    search: Search
    retriever: Retriever = Retriever()
    chunks: ChunkRules = ChunkRules()
    history_count: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)
    guardrails: frozenset[Guardrail] = frozenset()
    rerank: Reranking | None = None
