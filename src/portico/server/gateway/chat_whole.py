"""A chat completion in one piece: the request as each model takes it, and the answer as the caller gets it."""

from __future__ import annotations

import msgspec

from portico.server.gateway.answers import Answer, tell_answered
from portico.server.gateway.chat_cache import Keeping
from portico.server.gateway.metering import Meter
from portico.server.gateway.parameters import fit_request
from portico.server.gateway.routing import Answered, Attempt, Choice, Executor
from portico.server.providers.base import Members, Outgoing, Turn
from portico.server.providers.http1 import Reply
from portico.wire.requests import ChatRequest

_encode = msgspec.json.Encoder().encode


class WholeChat(Attempt[Members]):
    """One request, tried until a target answers."""

    __slots__ = ("_fitted", "_meter", "_request", "_strict")

    def __init__(self, request: ChatRequest, meter: Meter, strict: bool = False) -> None:
        self._request = self._fitted = request
        self._meter = meter
        self._strict = strict

    def write(self, choice: Choice) -> Outgoing:
        """What goes to one target; each try begins with a clean turn."""
        turn = self._meter.turn = Turn(keep_usage=True)
        fitted = self._fitted = fit_request(self._request, choice.model, turn, strict=self._strict)
        return choice.target.adapter.write_chat(fitted, choice.target, turn)

    def read(self, choice: Choice, body: bytes, reply: Reply) -> Members:
        assert self._meter.turn is not None
        return choice.target.adapter.read_chat(body, self._fitted, self._meter.turn)

    def leave(self, choice: Choice) -> None:
        self._meter.leave(choice, self._request.body_bytes)

    def finish(self, answered: Answered[Members], executor: Executor, keeping: Keeping | None) -> Answer:
        """The answer as JSON, with usage and request id; kept for the next one who asks, if it may be."""
        executor.end(answered)
        meter, members = self._meter, answered.value
        headers = tell_answered(meter, answered)
        turn = meter.turn
        assert turn is not None
        if turn.tokens is None:
            turn.content_frames = len(members.get("choices", b"")) // 4
            meter.estimate(self._request.body_bytes)
        members["usage"] = meter.usage()
        if keeping is not None and meter.model is keeping.model:
            keeping.take_whole(members, turn.tokens)
        members["requestId"] = meter.request_id
        return Answer(_encode(members), headers, meter.cache)
