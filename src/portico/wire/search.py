"""RAG assistants, called search profiles on the wire, and their documents. The server writes these, the SDK reads them.

Source: RAG reference; names of members are the reference's. What a maker adds beside them is kept in `raw`.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType, field

from portico.wire.assistants import WelcomeData
from portico.wire.tolerant import Shape


class EmbeddingOptions(Shape, rename="camel"):
    """What makes the vectors. `dimensions` 0: unknown until the first document is indexed."""

    provider: str = ""
    model_name: str = ""
    dimensions: int = 0
    use_proxy: bool = True
    cache: bool = False
    mode: str = ""
    type: str = ""
    batch_size: int = 100
    endpoint: str | UnsetType = UNSET


class LlmOptions(Shape, rename="camel"):
    """What writes the answers."""

    provider: str = ""
    model_name: str = ""
    temperature: float = 0.0
    max_tokens: int = 1000
    top_p: float = 1.0
    n: int = 1
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    stream: bool = False
    verbose: bool = False
    cache: bool = False
    type: str = ""
    guardrails: list[str] = field(default_factory=list)
    endpoint: str | UnsetType = UNSET


class SearchRules(Shape, rename="camel"):
    """How passages are chosen, and what the model is told. `mmr_lambda` is `lambda` on the wire."""

    k: int = 5
    type: str = "similarity"
    fetch_k: int = 20
    mmr_lambda: float = field(default=0.5, name="lambda")
    prompt: str = ""
    template: str = ""
    return_source_documents: bool = True
    score_threshold: float = 0.0


class RetrieverOptions(Shape, rename="camel"):
    """How passages are looked for. `metadata` is the profile metadata of the console."""

    type: str = "vectorStore"
    search_type: str = "similarity"
    step: str = "all"
    prompt: str = ""
    metadata: dict[str, Any] | UnsetType = UNSET


class SearchOptions(Shape, rename="camel"):
    history_count: int = 0
    embeddings: EmbeddingOptions = field(default_factory=EmbeddingOptions)
    llm: LlmOptions = field(default_factory=LlmOptions)
    search: SearchRules = field(default_factory=SearchRules)
    retriever: RetrieverOptions = field(default_factory=RetrieverOptions)


class ChunkOptions(Shape, rename="camel"):
    """Sizes of passages, in characters."""

    chunk_size: int = 1000
    chunk_overlap: int = 100


class ChildChunkOptions(Shape, rename="camel"):
    """The same of children; `content_processing` is "" or `clean`."""

    chunk_size: int = 300
    chunk_overlap: int = 30
    content_processing: str = ""


class ChildDocument(Shape, rename="camel"):
    child_k: int = 20
    child: ChildChunkOptions = field(default_factory=ChildChunkOptions)


class IndexOptions(Shape, rename="camel"):
    """How documents are cut. `child_document` stands there when `use_parent_document` is true."""

    chunks: ChunkOptions = field(default_factory=ChunkOptions)
    use_parent_document: bool = False
    child_document: ChildDocument | UnsetType = UNSET


class RagAssistant(Shape, rename="camel"):
    """One RAG assistant. `status` is 1 (enabled) or 2 (disabled)."""

    name: str = ""
    description: str = ""
    status: int = 1
    search_options: SearchOptions = field(default_factory=SearchOptions)
    index_options: IndexOptions = field(default_factory=IndexOptions)
    welcome_data: WelcomeData | UnsetType = UNSET


class ProfileItem(Shape):
    """A RAG assistant in a listing."""

    name: str = ""
    description: str = ""


class ProfileList(Shape, rename="camel"):
    """Answer of `GET /v1/search/profiles`. `project_status`: 0 active, 2 hidden."""

    project_id: str = ""
    project_name: str = ""
    project_description: str = ""
    project_active: bool = True
    project_status: int = 0
    search_profiles: list[ProfileItem] = field(default_factory=list)


class MetadataItem(Shape):
    """One entry of a document's metadata; lists and numbers as the text of their JSON."""

    key: str = ""
    value: str = ""


class Document(Shape, rename="camel"):
    """A document of a RAG assistant. `name` has no extension, `extension` no dot.

    `timestamp` is UTC, when it was uploaded. `index_status` is Unknown, Starting, Pending, Success or
    Failed; `index_detail` says why, or what was left out. `chunks` is a number as text. `key_name` and `metadata` are
    not in a listing.
    """

    id: str = ""
    name: str = ""
    extension: str = ""
    url: str = ""
    timestamp: str = ""
    index_status: str = ""
    index_detail: str = ""
    chunks: str = ""
    key_name: str | UnsetType = UNSET
    metadata: list[MetadataItem] | UnsetType = UNSET


class DocumentList(Shape):
    """Answer of `GET /v1/search/profile/{name}/documents`; `count` is how many there are.

    `states`: how many of all documents are in each state. Other servers do not say it.
    """

    documents: list[Document] = field(default_factory=list)
    count: int = 0
    states: dict[str, int] = field(default_factory=dict)


class FoundDocument(Shape, rename="camel"):
    """A passage in an answer. `score` is 0..1, 1 the nearest; some retrievers give none. `metadata` has `id`, `name`,
    `extension`, `source` of the document, `loc`, and what was said at the upload."""

    page_content: str = ""
    score: float | UnsetType = UNSET
    metadata: dict[str, Any] = field(default_factory=dict)


class AskResult(Shape):
    """Whether there was something to answer from; `messages` say why not, or what was missing for the search."""

    success: bool = True
    messages: list[str] = field(default_factory=list)
