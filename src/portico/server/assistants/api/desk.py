"""The desk of API assistants: the model calls operations of a service until it has its answer.

Each call of the model is a request of its own to the gateway, metered as any: the first by the id of the caller's
request, the others by ids of their own that name it as their parent.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from portico.server.access.caller import Caller
from portico.server.assistants.api.calls import WrongArguments, tell_answer, tell_failure, write_call
from portico.server.assistants.api.openapi import Api, read_text
from portico.server.assistants.api.rounds import Call, Json, Round, add_usage
from portico.server.assistants.definitions import Definition, Revision
from portico.server.assistants.prompt import PromptDesk
from portico.server.assistants.refusals import ModelWithoutTools, TooManyRounds
from portico.server.errors import ContentUnreadable, OutOfRange, PatternMismatch
from portico.server.gateway.answers import Answer, Stream
from portico.server.gateway.chat import ChatGateway
from portico.server.ids import OrganizationId, ProjectId
from portico.server.kit.request_ids import new_request_id
from portico.server.providers.fetcher import Fetcher
from portico.server.settings import Secret
from portico.wire.requests import NULL, ChatRequest

ROUNDS = 10
"""Completions for one answer; in the last one the model may call nothing any more."""
CALLS_AT_ONCE = 8
LIMIT_BYTES = 256 * 1024
"""Of an answer of the service that are read."""
_OWN_MEMBERS = ("tools", "functions")
OpenSecret = Callable[[OrganizationId, ProjectId, str], Awaitable[Secret]]
_encode = msgspec.json.Encoder().encode


class _Service(msgspec.Struct):
    """The service as one answer calls it. `secrets` are texts that no model sees."""

    api: Api
    authorization: str = ""
    secrets: tuple[str, ...] = ()


class ApiDesk:
    """One per process."""

    def __init__(self, chat: ChatGateway, prompt: PromptDesk, fetcher: Fetcher, open_secret: OpenSecret) -> None:
        self._chat = chat
        self._prompt = prompt
        self._fetcher = fetcher
        self._open_secret = open_secret

    async def answer(
        self, caller: Caller, definition: Definition, request: ChatRequest, request_id: str
    ) -> Answer | Stream:
        """The model's last answer, with the usage of all rounds; a stream comes in one piece.

        Raises PatternMismatch, OutOfRange, ModelWithoutTools, SecretNotUsable, TooManyRounds, and what prompt and
        gateway raise. Failures of the service are told to the model.
        """
        _check(request)
        revision = await self._prompt.prepare(caller, definition, request)
        if not self._chat.takes_tools(caller, request.ref):
            raise ModelWithoutTools(param="model")
        service = await asyncio.ensure_future(self._open(definition, revision))
        last, usage = await self._converse(caller, request, service, request_id)
        if request.stream:
            return last.in_one_piece(request_id, usage if request.include_usage else None)
        return last.whole(request_id, usage)

    async def _converse(
        self, caller: Caller, request: ChatRequest, service: _Service, request_id: str
    ) -> tuple[Round, Json]:
        messages = msgspec.json.decode(request.members["messages"], type=list[msgspec.Raw])
        usage: Json = {}
        for number in range(1, ROUNDS + 1):
            asked = _write_round(request, service.api, messages, is_last=number == ROUNDS)
            if number > 1:
                asked.labels = msgspec.structs.replace(request.labels, parent_req_id=request_id)
            answer = await self._chat.answer(caller, asked, request_id if number == 1 else new_request_id())
            assert isinstance(answer, Answer)  # no round asks for a stream
            found = Round(answer)
            usage = add_usage(usage, found.body.get("usage") or {})
            if not found.calls:
                return found, usage
            messages.append(found.message_sent_back())
            messages += await asyncio.ensure_future(self._perform(service, found.calls))
        raise TooManyRounds(ROUNDS)

    async def _open(self, definition: Definition, revision: Revision) -> _Service:
        """The document, and the secret that its service wants. Raises SecretNotUsable."""
        api, said = read_text(revision.settings.open_api), revision.settings.authentication
        if said is None or said.type == "none":
            return _Service(api)
        secret = str(await self._open_secret(definition.organization_id, definition.project_id, said.api_key_secret))
        value = secret.strip()
        if said.auth_type == "Basic" and ":" in value:  # user and password; Base64 has no colon
            value = b64encode(value.encode()).decode()
        if not value or not value.isascii() or not value.isprintable():
            raise PatternMismatch("authentication.apiKeySecret", "the secret cannot stand in a header")
        return _Service(api, f"{said.auth_type} {value}", (value, secret.strip()))

    async def _perform(self, service: _Service, calls: Sequence[Call]) -> list[msgspec.Raw]:
        """The calls of one round, at the same time; the messages that answer them."""
        told = await asyncio.gather(*(self._call(service, one) for one in calls[:CALLS_AT_ONCE]))
        told += [tell_failure(f"only {CALLS_AT_ONCE} calls at once") for _ in calls[CALLS_AT_ONCE:]]
        return [
            msgspec.Raw(_encode({"role": "tool", "tool_call_id": call.id, "content": text}))
            for call, text in zip(calls, told, strict=True)
        ]

    async def _call(self, service: _Service, call: Call) -> str:
        operation = service.api.operations.get(call.function)
        if operation is None:
            return tell_failure(f"there is no function {call.function[:100]}")
        if call.arguments is None:
            return tell_failure("the arguments are no JSON object")
        try:
            sent = write_call(operation, call.arguments, service.authorization)
            answered = await self._fetcher.call(sent, LIMIT_BYTES)
        except WrongArguments as error:
            return tell_failure(str(error))
        except ContentUnreadable as error:
            return tell_failure(error.message)
        return tell_answer(answered, service.secrets)


def _check(request: ChatRequest) -> None:
    for name in _OWN_MEMBERS:
        if request.members.get(name, NULL) != NULL:
            raise PatternMismatch(name, "leave it out: an API assistant has the functions of its service")
    if bytes(request.members.get("n", NULL)) not in (b"null", b"1"):
        raise OutOfRange("n", "an API assistant gives one answer")


def _write_round(request: ChatRequest, api: Api, messages: Sequence[msgspec.Raw], *, is_last: bool) -> ChatRequest:
    text = _encode(messages)
    members = {**request.members, "messages": msgspec.Raw(text), "tools": api.tools}
    if is_last:
        members["tool_choice"] = msgspec.Raw(b'"none"')
    return msgspec.structs.replace(
        request,
        members=members,
        stream=False,
        has_tools=True,
        body_bytes=len(text) + len(bytes(api.tools)),
    )
