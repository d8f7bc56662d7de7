"""POST rerank: the documented paths, and the body to a RerankRequest."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from portico.server.access.caller import Caller
from portico.server.access.policy import require
from portico.server.edge.bodies import read_members, read_model
from portico.server.edge.exchange import Exchange
from portico.server.edge.labels import read_labels
from portico.server.edge.routes.fields import take, take_text, take_whole
from portico.server.errors import FieldRequired, OutOfRange, PatternMismatch
from portico.server.gateway.answers import Answer
from portico.server.services import Services
from portico.wire.requests import RerankRequest

PATHS = ("/rerank", "/v1/rerank", "/v2/rerank")
DOCUMENTS_LIMIT = 10_000


def rerank(services: Services, caller: Caller, exchange: Exchange) -> Awaitable[Answer]:
    require(caller, "models")
    labels, _ = read_labels(exchange.headers)
    return services.rerank.answer(caller, read_rerank_request(exchange.body), exchange.request_id, labels)


def read_rerank_request(body: bytes | bytearray) -> RerankRequest:
    """Raises BadRequest errors that name the field."""
    members = read_members(body)
    ref = read_model(members)
    query = take_text(members, "query", required=True)
    documents = _documents(take(members, "documents"))
    top_n = take_whole(members, "top_n", 1, 2**31)
    return RerankRequest(ref, query, documents, None if top_n is None else min(top_n, len(documents)))


def _documents(value: Any) -> list[str]:
    """A single text counts as one document; Cohere's `{"text": ...}` as its text."""
    if value is None or value == []:
        raise FieldRequired("documents")
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list):
        raise PatternMismatch("documents", "send an array of strings")
    if len(given) > DOCUMENTS_LIMIT:
        raise OutOfRange("documents", f"at most {DOCUMENTS_LIMIT}")
    return [_text(item, index) for index, item in enumerate(given)]


def _text(item: Any, index: int) -> str:
    text = item.get("text") if isinstance(item, dict) else item
    if not isinstance(text, str):
        raise PatternMismatch(f"documents[{index}]", 'send a string or {"text": "..."}')
    return text
