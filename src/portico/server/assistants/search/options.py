"""What was set of a profile, joined with what is set now, and as a profile with every default filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from portico.server.assistants.search.defaults import HISTORY_PROMPT, OWN_PROMPT, PROMPT, RETRIEVER_PROMPTS
from portico.server.assistants.search.profiles.members import GivenProfile, read_metadata_search
from portico.server.assistants.search.questions.tuning import read_guardrails
from portico.server.assistants.search.reading import Json, maybe_number
from portico.server.assistants.search.refusals import ProfileInvalid
from portico.server.retrieval.profile import ChunkRules, Embedding, Llm, Reranking, Retriever, Search, SearchProfile
from portico.server.storage.search_profiles import ProfileRow

_LARGEST_OVERLAP = 100
QUERY_COUNT = 5
MOST_RERANKED = 1000


def join(stored: Mapping[str, Any], given: GivenProfile) -> Json:
    """The options with what is given laid over them, leaf by leaf; the start page is replaced as a whole, or erased.

    A retriever of another type has a prompt of its own: the one of the old type goes. Raises ProfileInvalid.
    """
    search = merge(stored.get("searchOptions", {}), given.search)
    retriever, old = search.get("retriever", {}), stored.get("searchOptions", {}).get("retriever", {})
    if retriever.get("type") != old.get("type") and "prompt" not in given.search.get("retriever", {}):
        retriever.pop("prompt", None)
    options: Json = {"searchOptions": search, "indexOptions": merge(stored.get("indexOptions", {}), given.index)}
    if given.welcome_data is not None:
        options["welcomeData"] = given.welcome_data
    _check_chunks(options["indexOptions"])
    return options


def merge(stored: Mapping[str, Any], given: Mapping[str, Any]) -> Json:
    """Objects are joined, all else is replaced; profile metadata counts as one value."""
    joined = dict(stored)
    for name, value in given.items():
        old = joined.get(name)
        both = isinstance(old, dict) and isinstance(value, dict) and name != "metadata"
        joined[name] = merge(old or {}, value) if both else value
    return joined


def read_profile(row: ProfileRow, embedding: Embedding, llm_model: str) -> SearchProfile:
    """With the models that were found for it."""
    search = section_of(row.options, "searchOptions")
    llm, metadata = section_of(search, "llm"), section_of(section_of(search, "retriever"), "metadata")
    return SearchProfile(
        key=row.key,
        name=row.name,
        description=row.description,
        enabled=row.enabled,
        embedding=embedding,
        llm=_read_llm(llm, llm_model),
        search=_read_search(section_of(search, "search"), metadata),
        retriever=_read_retriever(section_of(search, "retriever")),
        chunks=read_chunks(section_of(row.options, "indexOptions")),
        history_count=search.get("historyCount", 0),
        metadata=metadata,
        guardrails=frozenset(llm.get("guardrails", ())) | read_guardrails(metadata),
        rerank=maybe_reranking(search.get("rerank")) or maybe_reranking(_chat_search(metadata).get("rerank")),
    )


def section_of(options: Mapping[str, Any], name: str) -> Json:
    found = options.get(name)
    return found if isinstance(found, dict) else {}


def pick(told: Mapping[str, Any], names: Mapping[str, str]) -> Json:
    """What is told, by the names of our fields."""
    return {ours: told[name] for name, ours in names.items() if name in told}


def _read_llm(told: Json, model: str) -> Llm:
    return Llm(model, json=told.get("type") == "json_object", **pick(told, _LLM))


def _read_search(told: Json, metadata: Json) -> Search:
    """What the profile metadata says holds where the members themselves say nothing."""
    told = {**read_metadata_search(metadata, "metadata"), **told}
    prompts = told.get("prompt") or PROMPT, told.get("template") or HISTORY_PROMPT
    return Search(*prompts, **pick(told, _SEARCH))


def maybe_reranking(asked: Any) -> Reranking | None:
    """ "provider/name", or an object with `provider`, `modelName` and `fetchK`. None for anything else: the member has
    no documented shape, and the vendor's SDK sends it empty."""
    if isinstance(asked, str) and asked.strip():
        return Reranking(asked.strip())
    if not isinstance(asked, dict):
        return None
    provider, name = asked.get("provider"), asked.get("modelName") or asked.get("model")
    if not isinstance(name, str) or not name.strip():
        return None
    model = f"{provider}/{name}" if isinstance(provider, str) and provider else name
    count = maybe_number(asked.get("fetchK"))
    return Reranking(model) if count is None else Reranking(model, min(max(int(count), 1), MOST_RERANKED))


def _chat_search(metadata: Json) -> Json:
    return section_of(section_of(metadata, "chat"), "search")


def _read_retriever(told: Json) -> Retriever:
    kind = told.get("type", "vectorStore")
    own = told.get("prompt") if kind in OWN_PROMPT else None
    metadata = section_of(section_of(told, "metadata"), "chat")
    count = maybe_number(section_of(metadata, "retriever").get("queryCount"))
    return Retriever(
        type=kind,
        step=_read_step(told, section_of(metadata, "retriever")),
        prompt=own or RETRIEVER_PROMPTS.get(kind, ""),
        query_count=QUERY_COUNT if count is None or count < 1 else int(min(count, 100)),
    )


def _read_step(told: Json, metadata: Json) -> Any:
    """The member, and else what the profile metadata says."""
    step = told.get("step") or metadata.get("step")
    return step if step in ("all", "documents") else "all"


def read_chunks(told: Json) -> ChunkRules:
    """With the overlap that fits the size, where none was set."""
    chunks, children = section_of(told, "chunks"), section_of(told, "childDocument")
    child = section_of(children, "child")
    rules = ChunkRules(
        parent=told.get("useParentDocument", False),
        clean=child.get("contentProcessing") == "clean",
        **pick(chunks, _CHUNKS),
        **pick(children, {"childK": "child_k"}),
        **pick(child, _CHILD),
    )
    return replace(
        rules,
        overlap=chunks.get("chunkOverlap", min(rules.overlap, rules.size // 5)),
        child_overlap=child.get("chunkOverlap", min(rules.child_overlap, rules.child_size // 5)),
    )


def _check_chunks(index: Json) -> None:
    rules = read_chunks(index)
    if rules.overlap >= rules.size:
        raise ProfileInvalid("indexOptions.chunks.chunkOverlap", "send less than chunkSize")
    if rules.parent and rules.child_overlap >= rules.child_size:
        raise ProfileInvalid("indexOptions.childDocument.child.chunkOverlap", "send less than chunkSize")


_LLM = {
    "temperature": "temperature",
    "maxTokens": "max_tokens",
    "topP": "top_p",
    "n": "n",
    "frequencyPenalty": "frequency_penalty",
    "presencePenalty": "presence_penalty",
    "cache": "cache",
}
_SEARCH = {
    "k": "k",
    "type": "type",
    "fetchK": "fetch_k",
    "lambda": "mmr_lambda",
    "returnSourceDocuments": "return_source_documents",
    "scoreThreshold": "score_threshold",
}
_CHUNKS = {"chunkSize": "size", "chunkOverlap": "overlap"}
_CHILD = {"chunkSize": "child_size", "chunkOverlap": "child_overlap"}
