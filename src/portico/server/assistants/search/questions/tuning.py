"""What a profile's metadata says about answering, as values with their defaults.

Source: RAG reference, "Profile metadata".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from portico.server.retrieval.profile import Search
from portico.wire.guardrails import NAMES, Guardrail


class ChunkDocument(msgspec.Struct, frozen=True):
    """How passages stand in the prompt."""

    template: str = "{page_content}"
    separator: str = "\n\n"


class HelperModel(msgspec.Struct, frozen=True, rename="camel"):
    """A model for another task than the answer; what is not said is as in the profile."""

    provider: str = ""
    model_name: str = ""
    max_tokens: int | None = None
    temperature: float | None = None
    cache: bool | None = None


class Tuning(msgspec.Struct, frozen=True):
    """`rewriter` makes a follow-up a question of its own, `retriever` is asked by the types of retrievers that ask."""

    compacts: bool = True
    chunk_document: ChunkDocument = ChunkDocument()
    rewriter: HelperModel = HelperModel()
    retriever: HelperModel = HelperModel()


class _SearchRules(msgspec.Struct, frozen=True, rename="camel"):
    """Members that the profile's own search options have, too."""

    type: Literal["similarity", "mmr"] | None = None
    fetch_k: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None
    mmr_lambda: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = msgspec.field(default=None, name="lambda")
    return_source_documents: bool | None = None


T = TypeVar("T")


def read_tuning(metadata: Mapping[str, Any]) -> Tuning:
    """A member of another type than documented counts as absent: it was stored before anybody looked."""
    search, retriever = _inner(metadata, "chat", "search"), _inner(metadata, "chat", "retriever")
    return Tuning(
        compacts=str(search.get("compactHistory", "")).lower() != "none",
        chunk_document=_read(search.get("chunkDocument"), ChunkDocument()),
        rewriter=_read(search.get("llm"), HelperModel()),
        retriever=_read(retriever.get("llm"), HelperModel()),
    )


def tell_guardrails(metadata: Mapping[str, Any]) -> Any:
    """What the metadata says of guardrails, as it was sent; None when it says nothing of them."""
    return _inner(metadata, "chat", "search", "llm").get("guardrails")


def read_guardrails(metadata: Mapping[str, Any]) -> frozenset[Guardrail]:
    """Those that the metadata names; what was stored before anybody looked at them may be anything."""
    told = tell_guardrails(metadata)
    names = [told] if isinstance(told, str) else told if isinstance(told, list) else []
    return frozenset(one for one in NAMES if one in names)


def tune(search: Search, metadata: Mapping[str, Any]) -> Search:
    """The search options, with those that the metadata says otherwise."""
    told = _read(_inner(metadata, "chat", "search"), _SearchRules())
    changed = {name: value for name in told.__struct_fields__ if (value := getattr(told, name)) is not None}
    return replace(search, **changed)


def _inner(metadata: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    found: Any = metadata
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _read(given: Any, default: T) -> T:
    if not isinstance(given, Mapping):
        return default
    try:
        return msgspec.convert(dict(given), type(default), strict=False)
    except msgspec.ValidationError:
        return default
