"""Responses in their own words, for models whose provider speaks the Responses API: relayed, metered, priced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from portico.server.access.caller import Caller
from portico.server.catalog.entry import Model
from portico.server.errors import PatternMismatch, ProviderUnknown
from portico.server.gateway.answers import Answer, Stream, tell_answered
from portico.server.gateway.metering import Meter
from portico.server.gateway.parameters import SAMPLING, fit_request
from portico.server.gateway.provider_stream import ProviderStream
from portico.server.gateway.requests.log import RequestLog
from portico.server.gateway.requests.response_texts import read_said, read_told
from portico.server.gateway.response_events import write_events
from portico.server.gateway.routing import Answered, Attempt, Choice, Executor, Route
from portico.server.gateway.switchboard import Switchboard
from portico.server.kit.ascii_json import ascii_encode
from portico.server.providers.base import Frame, Members, Outgoing, ResponsesEvent, Target, Turn
from portico.server.providers.http1 import Reply
from portico.wire.model_ref import BareModel, DirectModel, ModelRef
from portico.wire.requests import NULL, ChatRequest, ResponsesRequest

_encode = msgspec.json.Encoder().encode
_BEFORE_OUTPUT = frozenset({"response.created", "response.in_progress", "response.queued"})
Keep = Callable[[str], None]
_NO_MESSAGES = msgspec.Raw(b"[]")
_ONE = (msgspec.Raw(b"1"), msgspec.Raw(b"1.0"))


class ResponsesGateway:
    """The verb `responses` of the switchboard. One per process."""

    def __init__(self, board: Switchboard, request_log: RequestLog | None = None) -> None:
        self._board = board
        self._request_log = request_log

    def relays(self, caller: Caller, ref: ModelRef) -> bool:
        """Whether all targets of the reference speak the Responses API. Raises what `Targets.find` raises.

        Not for projects with guardrails: those look at chat requests and chat answers.
        """
        if not isinstance(ref, DirectModel | BareModel) or self._board.guardrails.of(caller) is not None:
            return False
        route = self._board.targets.find(ref, "Chat", caller)
        return all(choice.target.adapter.relays_responses(choice.target) for choice in route.choices)

    async def answer(self, caller: Caller, request: ResponsesRequest, request_id: str) -> Answer | Stream:
        """The whole response, or a stream of its events that has begun. Raises an error of our tree before that."""
        board = self._board
        meter = Meter(board.ledger, caller, request_id, "responses", request.stream, labels=request.labels)
        meter.metadata, meter.end_user = request.metadata, request.user
        meter.admit()
        try:
            assert isinstance(request.ref, DirectModel | BareModel)  # `relays` has said so
            route = board.targets.find(request.ref, "Chat", caller)
            meter.aim_at(route)
            await board.reserve(meter, caller, route, request.body_bytes, _most(request))
            return await self._ask(request, route, meter, self._keeper(caller, request, request_id))
        except BaseException as error:
            meter.fail(error)
            raise

    def _keeper(self, caller: Caller, request: ResponsesRequest, request_id: str) -> Keep | None:
        """Takes the text of the answer to the request log; None when nothing is kept."""
        log = self._request_log
        if log is None or not log.enabled:
            return None
        prompt, question = read_said(request.members)
        return lambda told: log.append(request_id, caller, prompt, question, told)

    async def _ask(self, request: ResponsesRequest, route: Route, meter: Meter, keep: Keep | None) -> Answer | Stream:
        executor, strict = self._board.executor, self._board.strict
        if not request.stream:
            whole = _Whole(request, meter, strict)
            answered = await executor.send(route, whole)
            answer = whole.finish(answered, executor)
            if keep is not None:
                keep(read_told(answered.value))
            meter.close("completed", 200)
            return answer
        stream = ResponsesStream(executor, request, meter, strict, keep)
        return stream.go_on(await executor.send(route, stream))


def fit_response(request: ResponsesRequest, model: Model, turn: Turn, *, strict: bool) -> ResponsesRequest:
    """The request as `model` takes it: sampling and effort by the same rules as for chat."""
    members = dict(request.members)
    reasoning = _object(members, "reasoning")
    asked = {name: members[name] for name in SAMPLING if members.get(name, NULL) != NULL}
    effort = reasoning.get("effort", NULL)
    chat = ChatRequest(request.ref, {**asked, "messages": _NO_MESSAGES}, has_tools="tools" in members)
    if effort != NULL:
        chat.members["reasoning_effort"] = effort
    fitted = fit_request(chat, model, turn, strict=strict)
    for name in asked:
        if name not in fitted.members or (model.reasoning.on_demand and asked[name] in _ONE):
            del members[name]  # 1 says nothing, and some models that think refuse even that
    if effort != NULL:
        reasoning["effort"] = msgspec.Raw(_encode(fitted.effort))
        if not fitted.effort:
            del reasoning["effort"]
        members["reasoning"] = msgspec.Raw(_encode(reasoning))
        if not reasoning:
            del members["reasoning"]
    return msgspec.structs.replace(request, members=members)


class _Whole(Attempt[Members]):
    __slots__ = ("_meter", "_request", "_strict")

    def __init__(self, request: ResponsesRequest, meter: Meter, strict: bool) -> None:
        self._request = request
        self._meter = meter
        self._strict = strict

    def write(self, choice: Choice) -> Outgoing:
        turn = self._meter.turn = Turn(keep_usage=True)
        fitted = fit_response(self._request, choice.model, turn, strict=self._strict)
        return choice.target.adapter.write_responses(fitted, choice.target, turn)

    def read(self, choice: Choice, body: bytes, reply: Reply) -> Members:
        assert self._meter.turn is not None
        return choice.target.adapter.read_responses(body, self._meter.turn)

    def leave(self, choice: Choice) -> None:
        self._meter.leave(choice, self._request.body_bytes)

    def finish(self, answered: Answered[Members], executor: Executor) -> Answer:
        executor.end(answered)
        meter, members = self._meter, answered.value
        headers = tell_answered(meter, answered)
        meter.mark_first_byte()
        meter.estimate(self._request.body_bytes)
        return Answer(ascii_encode(_completed(members, meter)), headers)


class ResponsesStream(ProviderStream):
    """The provider's events, as they come; the last one with usage, costs and request id in it."""

    framed = True

    def __init__(
        self, executor: Executor, request: ResponsesRequest, meter: Meter, strict: bool, keep: Keep | None = None
    ) -> None:
        super().__init__(executor, meter, request.body_bytes)
        self._told_to = keep
        self._told = ""  # of a stream that was left, nothing is kept
        self._request = request
        self._strict = strict
        self._turn = Turn(keep_usage=True)
        self._output = False

    @property
    def _begun(self) -> bool:
        return self._output

    def write(self, choice: Choice) -> Outgoing:
        turn = self._turn = self._meter.turn = Turn(keep_usage=True)
        self._ready, self._output, self._ended = [], False, False
        self._decoder = choice.target.adapter.decoder()
        self._meter.model = choice.model  # prices the last event, which may come within `begin`
        fitted = fit_response(self._request, choice.model, turn, strict=self._strict)
        return choice.target.adapter.write_responses(fitted, choice.target, turn)

    async def begin(self, choice: Choice, reply: Reply) -> None:
        if reply.headers.get(b"content-type", b"").startswith(b"application/json"):
            self._take_whole(choice.target, await reply.read_all())
        else:
            await super().begin(choice, reply)

    def go_on(self, answered: Answered[None]) -> ResponsesStream:
        """The stream itself, now that a target has begun to answer."""
        self._go_on(answered)
        return self

    def close(self, error: BaseException | None = None) -> None:
        if self._told_to is not None and not self._closed:
            self._told_to(self._told)
        super().close(error)

    def _take_frames(self, target: Target, frames: Sequence[Frame], *, last: bool) -> None:
        for frame in frames:
            if frame.done or self._ended:
                break
            event = target.adapter.read_responses_event(frame.data, self._turn)
            self._output = self._output or event.type not in _BEFORE_OUTPUT
            self._ready.append(self._frame(event))
        if last and not self._ended:
            raise ProviderUnknown("the provider's stream ended before the response did")

    def _take_whole(self, target: Target, body: bytes) -> None:
        """A provider that answers a streamed request in one piece (HC-11). One that cannot be read was made all the
        same, and will be billed: it is not asked for twice."""
        try:
            events = list(write_events(target.adapter.read_responses(body, self._turn)))
        except ProviderUnknown as error:
            error.retryable = error.elsewhere = False
            raise
        self._turn.seen_tokens += 1
        self._ready = [self._frame(event) for event in events]
        self._output = True

    def _frame(self, event: ResponsesEvent) -> bytes:
        data = event.data
        if event.response is not None:
            self._ended = True
            self._told = read_told(event.response) if self._told_to is not None else ""
            self._meter.estimate(self._request.body_bytes)
            data = ascii_encode({**event.members, "response": _completed(event.response, self._meter)})
        return b"event: %b\ndata: %b\n\n" % (event.type.encode(), data)


def _completed(members: Members, meter: Meter) -> Members:
    return {**members, "usage": meter.usage(), "requestId": meter.request_id}


def _most(request: ResponsesRequest) -> int | None:
    value = msgspec.json.decode(request.members.get("max_output_tokens", NULL))
    return None if value is None else int(value)


def _object(members: Members, name: str) -> dict[str, Any]:
    raw = members.get(name, NULL)
    try:
        return dict(msgspec.json.decode(raw, type=dict[str, msgspec.Raw] | None) or {})
    except msgspec.ValidationError:
        raise PatternMismatch(name, "send an object") from None
