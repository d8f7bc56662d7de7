"""A reranking model looks at the best passages again. Which one, the profile says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from portico.server.access.caller import Caller
from portico.server.errors import InvalidModelName, InvalidType, PatternMismatch, ProviderError
from portico.server.gateway.rerank import RerankGateway
from portico.server.kit.drive import run
from portico.server.kit.request_ids import new_request_id
from portico.server.retrieval.refusals import name_model
from portico.wire.model_ref import ModelRefError, read_model_ref
from portico.wire.requests import NO_LABELS, RerankRequest

if TYPE_CHECKING:
    from portico.server.retrieval.profile import Reranking

ON_BOARD = "local/minilm-cosine"


class _Result(msgspec.Struct):
    index: int
    relevance_score: float


class _Results(msgspec.Struct):
    results: list[_Result]


_decode = msgspec.json.Decoder(_Results).decode


async def rerank(
    gateway: RerankGateway, caller: Caller, reranking: Reranking, question: str, texts: Sequence[str]
) -> list[tuple[int, float]]:
    """(place in `texts`, score), best first. Raises what the gateway raises."""
    if not texts:
        return []
    try:
        request = RerankRequest(read_model_ref(reranking.model), question, list(texts))
        answer = await run(gateway.answer(caller, request, new_request_id(), NO_LABELS))
    except (ModelRefError, InvalidModelName, InvalidType):  # a word alone that is no alias, or an assistant
        raise PatternMismatch("searchOptions.rerank.modelName", "name a model as provider/name") from None
    except ProviderError as error:
        name_model(error, "reranking", reranking.model)
        raise
    return [(result.index, result.relevance_score) for result in _decode(answer.body).results]
