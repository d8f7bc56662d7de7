"""A reranking model looks at the best passages again. Which one, the profile says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from portico.server.access.caller import Caller
from portico.server.errors import PatternMismatch
from portico.server.gateway.rerank import RerankGateway
from portico.server.kit.drive import run
from portico.server.kit.request_ids import new_request_id
from portico.wire.model_ref import ModelRefError, read_model_ref
from portico.wire.requests import NO_LABELS, RerankRequest

if TYPE_CHECKING:
    from portico.server.retrieval.profile import SearchProfile

ON_BOARD = "local/minilm-cosine"
CANDIDATES = 30


class _Result(msgspec.Struct):
    index: int
    relevance_score: float


class _Results(msgspec.Struct):
    results: list[_Result]


_decode = msgspec.json.Decoder(_Results).decode


@dataclass(frozen=True, slots=True)
class Reranking:
    """`model` is provider/name; `candidates` is how many passages it is shown."""

    model: str
    candidates: int = CANDIDATES


def maybe_reranking(profile: SearchProfile) -> Reranking | None:
    """What `chat.search.rerank` of the profile's metadata asks for: "provider/name", or an object with `provider`,
    `modelName` and `fetchK`. None when it asks for nothing."""
    chat = profile.metadata.get("chat")
    search = chat.get("search") if isinstance(chat, Mapping) else None
    asked: Any = search.get("rerank") if isinstance(search, Mapping) else None
    if isinstance(asked, str) and asked.strip():
        return Reranking(asked.strip())
    if not isinstance(asked, Mapping):
        return None
    provider, name = asked.get("provider"), asked.get("modelName") or asked.get("model")
    if not isinstance(name, str) or not name:
        return None
    count = asked.get("fetchK")
    model = f"{provider}/{name}" if isinstance(provider, str) and provider else name
    return Reranking(model, min(max(count, 1), 1000) if isinstance(count, int) else CANDIDATES)


async def rerank(
    gateway: RerankGateway, caller: Caller, reranking: Reranking, question: str, texts: Sequence[str]
) -> list[tuple[int, float]]:
    """(place in `texts`, score), best first. Raises what the gateway raises."""
    if not texts:
        return []
    try:
        ref = read_model_ref(reranking.model)
    except ModelRefError:
        raise PatternMismatch("rerank.modelName", "name a model as provider/name") from None
    request = RerankRequest(ref, question, list(texts))
    answer = await run(gateway.answer(caller, request, new_request_id(), NO_LABELS))
    return [(result.index, result.relevance_score) for result in _decode(answer.body).results]
