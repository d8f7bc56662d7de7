"""Rerank: which documents fit a query best. The adapter scores, here they are sorted and cut."""

from __future__ import annotations

import uuid

from portico.server.access.caller import Caller
from portico.server.errors import ProviderUnknown
from portico.server.gateway.answers import Answer
from portico.server.gateway.metering import Meter
from portico.server.gateway.once import Verb, answer_once, as_json
from portico.server.gateway.switchboard import Switchboard
from portico.server.providers.base import Target, Turn
from portico.server.providers.http1 import Reply
from portico.wire.requests import Labels, RerankRequest

Scores = list[tuple[int, float]]
DOCUMENTS_PER_UNIT = 100
"""Cohere and AWS bill one search unit per query and up to so many documents."""


class RerankGateway:
    """The rerank verb of the switchboard. One per process."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board

    async def answer(self, caller: Caller, request: RerankRequest, request_id: str, labels: Labels) -> Answer:
        """`results` sorted by score, best first; `index` is the position in the request."""

        def read(target: Target, body: bytes, reply: Reply, turn: Turn) -> Scores:
            scores = target.adapter.read_rerank(body, request, turn)
            if any(not 0 <= index < len(request.documents) for index, _ in scores):
                raise ProviderUnknown("the provider ranked a document that it was not given")
            return scores

        units = -(-len(request.documents) // DOCUMENTS_PER_UNIT)
        verb = Verb[Scores](
            "rerank",
            "Rerank",
            lambda target, _: target.adapter.write_rerank(request, target),
            read,
            lambda scores, meter: _show(scores, request, meter, units),
            request_bytes=sum(map(len, request.documents)) + len(request.query) * len(request.documents),
            units=units,
        )
        return await answer_once(self._board, caller, request.ref, verb, request_id, labels)


def _show(scores: Scores, request: RerankRequest, meter: Meter, units: int) -> Answer:
    assert meter.turn is not None
    meter.estimate(0)
    billed = meter.turn.tokens.units if meter.turn.tokens else 0
    best = sorted(scores, key=lambda pair: (-pair[1], pair[0]))[: request.top_n]
    return as_json(
        {
            "id": str(uuid.uuid4()),
            "results": [{"index": index, "relevance_score": score} for index, score in best],
            "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": billed or units}},
        },
        meter,
    )
