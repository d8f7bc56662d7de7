"""A profile as the API shows it: what was set and the defaults of the rest, never a key."""

from __future__ import annotations

import msgspec

from portico.server.assistants.search.options import merge, section_of
from portico.server.assistants.search.reading import Json
from portico.server.retrieval.profile import Embedding, SearchProfile
from portico.server.storage.search_profiles import ProfileRow
from portico.wire.assistants import WelcomeData
from portico.wire.search import (
    ChildChunkOptions,
    ChildDocument,
    ChunkOptions,
    EmbeddingOptions,
    IndexOptions,
    LlmOptions,
    RagAssistant,
    RetrieverOptions,
    SearchOptions,
    SearchRules,
)

_INGESTION: Json = {"geaiOptions": {}, "llamaParseOptions": {}, "provider": "geai"}
"""Official clients read all three, when there is one."""


def show(row: ProfileRow, profile: SearchProfile, embedding: Embedding, dimensions: int) -> Json:
    """The object of the reference, and what its maker has said beside it. `embedding` is the one that is set, of
    `dimensions` numbers (0: not known)."""
    stored = section_of(row.options, "searchOptions")
    search = SearchOptions(
        history_count=profile.history_count,
        embeddings=_show_embedding(section_of(stored, "embeddings"), embedding, dimensions),
        llm=_show_llm(section_of(stored, "llm"), profile),
        search=_show_search(profile),
        retriever=_show_retriever(section_of(stored, "retriever"), profile),
    )
    if "ingestion" in stored:
        stored = {**stored, "ingestion": {**_INGESTION, **section_of(stored, "ingestion")}}
    assistant = RagAssistant(
        name=row.name,
        description=row.description,
        status=1 if row.enabled else 2,
        search_options=search,
        index_options=_show_index(profile),
        welcome_data=msgspec.convert(section_of(row.options, "welcomeData"), WelcomeData),
    )
    shown: Json = msgspec.to_builtins(assistant)
    shown["searchOptions"] = merge(stored, shown["searchOptions"])
    shown["indexOptions"] = merge(section_of(row.options, "indexOptions"), shown["indexOptions"])
    if not profile.chunks.parent:  # valid only then
        shown["indexOptions"].pop("childDocument", None)
    return shown


def _show_embedding(stored: Json, embedding: Embedding, dimensions: int) -> EmbeddingOptions:
    provider, _, name = embedding.model.partition("/")
    return EmbeddingOptions(
        provider=provider,
        model_name=name,
        dimensions=dimensions,
        use_proxy=stored.get("useProxy", True),
        cache=embedding.cache,
        mode=stored.get("mode", ""),
        type=embedding.input_type,
        batch_size=embedding.batch_size,
    )


def _show_llm(stored: Json, profile: SearchProfile) -> LlmOptions:
    llm = profile.llm
    provider, slash, name = llm.model.partition("/")
    if not slash:
        provider, name = "", llm.model
    if stored.get("modelName"):  # the name of an alias may hold a slash
        provider, name = stored.get("provider", ""), stored["modelName"]
    return LlmOptions(
        provider=provider,
        model_name=name,
        temperature=llm.temperature,
        max_tokens=llm.max_tokens,
        top_p=llm.top_p,
        n=llm.n,
        frequency_penalty=llm.frequency_penalty,
        presence_penalty=llm.presence_penalty,
        stream=stored.get("stream", False),
        verbose=stored.get("verbose", False),
        cache=llm.cache,
        type="json_object" if llm.json else "",
        guardrails=stored.get("guardrails", []),
    )


def _show_search(profile: SearchProfile) -> SearchRules:
    search = profile.search
    return SearchRules(
        k=search.k,
        type=search.type,
        fetch_k=search.fetch_k,
        mmr_lambda=search.mmr_lambda,
        prompt=search.prompt,
        template=search.history_prompt,
        return_source_documents=search.return_source_documents,
        score_threshold=search.score_threshold,
    )


def _show_retriever(stored: Json, profile: SearchProfile) -> RetrieverOptions:
    return RetrieverOptions(
        type=profile.retriever.type,
        search_type=stored.get("searchType", "similarity"),
        step=profile.retriever.step,
        prompt=stored.get("prompt", ""),
        metadata=stored.get("metadata", {}),
    )


def _show_index(profile: SearchProfile) -> IndexOptions:
    rules = profile.chunks
    child = ChildChunkOptions(
        chunk_size=rules.child_size,
        chunk_overlap=rules.child_overlap,
        content_processing="clean" if rules.clean else "",
    )
    return IndexOptions(
        chunks=ChunkOptions(chunk_size=rules.size, chunk_overlap=rules.overlap),
        use_parent_document=rules.parent,
        child_document=ChildDocument(child_k=rules.child_k, child=child),
    )
