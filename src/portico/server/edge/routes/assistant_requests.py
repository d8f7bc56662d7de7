"""POST /v1/assistant/chat, /text and their asynchronous twins: bodies of the Assistant API to a ChatRequest and back.

Source: Assistant API reference, "Execution".
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from portico.server.access.caller import Caller
from portico.server.access.policy import require
from portico.server.assistants.answers import tell_answer
from portico.server.edge.bodies import MODEL_LIMIT, read_member, read_members
from portico.server.edge.dialects import assistant
from portico.server.edge.exchange import Exchange
from portico.server.edge.labels import read_labels
from portico.server.edge.routes.chat import read_chat_members
from portico.server.edge.stream import Handler
from portico.server.errors import FieldRequired, NotImplementedYet, PatternMismatch
from portico.server.gateway.answers import Answer, Stream
from portico.server.services import Services
from portico.wire.requests import ChatRequest, Members
from portico.wire.requests_log import RequestStatus

_OPTIONS = ("variables", "revision", "revisionName")
_PREFIX = "saia:assistant:"
_encode = msgspec.json.Encoder().encode


async def chat(services: Services, caller: Caller, exchange: Exchange) -> Answer | Stream:
    return await _answer(services, caller, exchange, "messages")


async def begin_chat(services: Services, caller: Caller, exchange: Exchange) -> Answer | Stream:
    return await _begin(services, caller, exchange, "messages")


async def text(services: Services, caller: Caller, exchange: Exchange) -> Answer | Stream:
    return await _answer(services, caller, exchange, "prompt")


async def begin_text(services: Services, caller: Caller, exchange: Exchange) -> Answer | Stream:
    return await _begin(services, caller, exchange, "prompt")


async def picture(services: Services, caller: Caller, exchange: Exchange) -> Answer | Stream:
    """Of 2023 and gone from the reference since; pictures are made by /images/generations."""
    require(caller, "execution")
    raise NotImplementedYet("Not Implemented: pictures are made by POST /v1/images/generations")


async def _answer(services: Services, caller: Caller, exchange: Exchange, member: str) -> Answer:
    request = _read(caller, exchange, member)
    answer = await services.desk.answer(caller, request, exchange.request_id)
    assert isinstance(answer, Answer)  # a stream was not asked for
    return _told(tell_answer(request, exchange.request_id, answer), answer)


async def _begin(services: Services, caller: Caller, exchange: Exchange, member: str) -> Answer:
    request = _read(caller, exchange, member)
    return _told(await services.assistant_requests.begin(caller, request, exchange.request_id))


HANDLERS: Mapping[str, Handler] = {
    assistant.CHAT: chat,
    assistant.CHAT_BEGIN: begin_chat,
    assistant.TEXT: text,
    assistant.TEXT_BEGIN: begin_text,
    assistant.PICTURE: picture,
}


def _told(status: RequestStatus, answer: Answer | None = None) -> Answer:
    return Answer(
        _encode(status), [] if answer is None else answer.headers, "BYPASS" if answer is None else answer.cache
    )


def _read(caller: Caller, exchange: Exchange, member: str) -> ChatRequest:
    """`messages`, or a `prompt` that is the only one. Streams are not offered here, so `stream` is passed over."""
    require(caller, "execution")
    given = read_members(exchange.body)
    made: Members = {"model": msgspec.Raw(_encode(_PREFIX + _text_of(given, "assistant", MODEL_LIMIT - len(_PREFIX))))}
    if member == "prompt":
        prompt = {"role": "user", "content": _text_of(given, "prompt")}
        made["messages"] = msgspec.Raw(_encode([prompt]))
    elif "messages" in given:
        made["messages"] = given["messages"]
    made.update((name, given[name]) for name in _OPTIONS if name in given)
    request = read_chat_members(made, len(exchange.body))
    request.labels, request.cache = read_labels(exchange.headers)
    return request


def _text_of(members: Members, name: str, longest: int | None = None) -> str:
    """A member that has to be there. Raises FieldRequired, PatternMismatch."""
    value = read_member(members, name)
    if value is None or value == "":
        raise FieldRequired(name)
    if not isinstance(value, str):
        raise PatternMismatch(name, "send a string")
    if longest is not None and (not value.strip() or len(value) > longest):
        raise PatternMismatch(name, f"send 1 to {longest} characters")
    return value
