"""POST messages: the API of Anthropic's SDKs, and of the tools built on them, for every chat model and assistant.

A request becomes a chat request and takes its way; the answer comes back in the words of this API.
"""

from __future__ import annotations

import msgspec

from portico.server.access.caller import Caller
from portico.server.access.policy import require
from portico.server.edge.bodies import read_members
from portico.server.edge.dialects.messages.count import count_tokens
from portico.server.edge.dialects.messages.read import read_messages_request, read_stop_sequences
from portico.server.edge.dialects.messages.write import MessageWriter
from portico.server.edge.dialects.translated import translate
from portico.server.edge.exchange import Exchange
from portico.server.edge.labels import read_labels
from portico.server.edge.routes.chat import read_chat_members, read_conversation
from portico.server.gateway.answers import Answer, Stream
from portico.server.services import Services
from portico.wire.model_ref import BareModel, DirectModel
from portico.wire.requests import ChatRequest


async def create_message(services: Services, caller: Caller, exchange: Exchange) -> Answer | Stream:
    require(caller, "execution")
    request = _read(exchange)
    read_conversation(request, exchange)
    exchange.stream = request.stream
    request.labels, request.cache = read_labels(exchange.headers)
    answer = await services.desk.answer(caller, request, exchange.request_id)
    told = translate(answer, MessageWriter(exchange.request_id))
    told.headers = [*(told.headers or ()), (b"request-id", exchange.request_id.encode())]
    return told


async def count_message_tokens(services: Services, caller: Caller, exchange: Exchange) -> Answer | Stream:
    """An estimate: no model is asked."""
    require(caller, "execution")
    members = read_members(exchange.body)
    members["max_tokens"] = msgspec.Raw(b"1")
    request = read_chat_members(read_messages_request(members), len(exchange.body))
    if isinstance(request.ref, DirectModel | BareModel):
        services.targets.find(request.ref, "Chat", caller)
    counted = {"input_tokens": count_tokens(request.members), "estimated": True}
    return Answer(msgspec.json.encode(counted), [(b"request-id", exchange.request_id.encode())])


def _read(exchange: Exchange) -> ChatRequest:
    members = read_members(exchange.body)
    betas = [value.decode("latin-1") for name, value in exchange.headers if name == b"anthropic-beta"]
    request = read_chat_members(read_messages_request(members, betas), len(exchange.body))
    stops = read_stop_sequences(members)
    if stops:
        request.members["stop"] = msgspec.Raw(msgspec.json.encode(stops))
    request.dialect = "messages"
    request.include_usage = True
    return request
