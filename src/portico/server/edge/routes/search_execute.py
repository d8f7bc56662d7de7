"""POST /v1/search/execute: a question to a RAG assistant in the search API's own words, deprecated and kept.

Source: RAG reference, "Asking". The chat API answers the same question with `saia:search:<name>`.
"""

from __future__ import annotations

import msgspec

from portico.server.access.caller import Caller
from portico.server.access.policy import require
from portico.server.edge.assistant_options import read_thread, take_search_options
from portico.server.edge.bodies import MODEL_LIMIT, read_member, read_members
from portico.server.edge.exchange import Exchange
from portico.server.edge.labels import read_labels
from portico.server.errors import EmptyQuery, FieldRequired, PatternMismatch
from portico.server.gateway.answers import Answer, Stream
from portico.server.services import Services
from portico.wire.model_ref import SaiaRef
from portico.wire.requests import ChatRequest, Members

PATHS = ("/v1/search/execute",)
_MEMBERS = ("requestId", "text", "documents", "result", "usage")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


async def execute(services: Services, caller: Caller, exchange: Exchange) -> Answer | Stream:
    require(caller, "execution")
    request = _read(exchange)
    answer = await services.desk.answer(caller, request, exchange.request_id)
    assert isinstance(answer, Answer)  # a stream was not asked for
    members = _decode(answer.body)
    told = {"id": members["threadId"], **{name: members[name] for name in _MEMBERS if name in members}}
    return msgspec.structs.replace(answer, body=_encode(told))


def _read(exchange: Exchange) -> ChatRequest:
    """Raises FieldRequired, PatternMismatch, EmptyQuery, and what options raise."""
    given = read_members(exchange.body)
    profile, question = read_member(given, "profile"), read_member(given, "question")
    if profile is None or profile == "":
        raise FieldRequired("profile")
    if not isinstance(profile, str) or len(profile) > MODEL_LIMIT or not profile.strip():
        raise PatternMismatch("profile", "send the name of a RAG assistant")
    if not isinstance(question, str | None):
        raise PatternMismatch("question", "send a string")
    if question is None or not question.strip():
        raise EmptyQuery(param="question")
    messages: Members = {"messages": msgspec.Raw(_encode([{"role": "user", "content": question}]))}
    request = ChatRequest(SaiaRef("search", profile), messages, body_bytes=len(exchange.body))
    request.conversation_id = read_thread(read_member(given, "id"), "id")
    request.options = take_search_options({name: given[name] for name in ("variables", "filters") if name in given})
    request.labels, request.cache = read_labels(exchange.headers)
    return request
