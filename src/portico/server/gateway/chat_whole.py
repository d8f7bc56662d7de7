"""A chat completion in one piece: the request as each model takes it, and the answer as the caller gets it."""

from __future__ import annotations

import msgspec

from portico.server.errors import ProviderError, ProviderRefused
from portico.server.gateway.answers import Answer, tell_answered
from portico.server.gateway.chat_cache import Keeping
from portico.server.gateway.metering import Meter
from portico.server.gateway.parameters import fit_request, refuse_dropped
from portico.server.gateway.routing import Answered, Attempt, Choice, Executor, Route
from portico.server.providers.base import Members, Outgoing, Turn
from portico.server.providers.counts import guess
from portico.server.providers.http1 import Reply
from portico.wire.requests import ChatRequest

_encode = msgspec.json.Encoder().encode


PARTS_MOST = 5
"""Requests for one answer that pauses; then it is told as it is."""


class WholeChat(Attempt[Members]):
    """One request, tried until a target answers. `parts` are the answers so far of one that has paused."""

    __slots__ = ("_body", "_fitted", "_meter", "_request", "_strict", "parts")

    def __init__(self, request: ChatRequest, meter: Meter, strict: bool = False) -> None:
        self._request = self._fitted = request
        self._meter = meter
        self._strict = strict
        self._body = b""
        self.parts: tuple[bytes, ...] = ()

    def write(self, choice: Choice) -> Outgoing:
        """What goes to one target; each try begins with a clean turn."""
        turn = self._meter.turn = Turn(keep_usage=True)
        fitted = self._fitted = fit_request(self._request, choice.model, turn, strict=self._strict)
        outgoing = choice.target.adapter.write_chat(fitted, choice.target, turn)
        if self._strict:
            refuse_dropped(fitted, turn)
        return self._write_rest(choice, outgoing) if self.parts else outgoing

    def _write_rest(self, choice: Choice, outgoing: Outgoing) -> Outgoing:
        rest = choice.target.adapter.write_rest(outgoing, self.parts)
        if rest is None:
            raise ProviderRefused("the answer cannot be gone on with")
        return rest

    def read(self, choice: Choice, body: bytes, reply: Reply) -> Members:
        assert self._meter.turn is not None
        self._body = body
        if self.parts:
            body = choice.target.adapter.join_answers((*self.parts, body))
        return choice.target.adapter.read_chat(body, self._fitted, self._meter.turn)

    def leave(self, choice: Choice) -> None:
        self._meter.leave(choice, self._request.body_bytes)

    async def go_on(self, answered: Answered[Members], executor: Executor) -> Answered[Members]:
        """Lets an answer that has paused go on, where it came from, until it is whole (HC-10).

        When that fails, the answer is what there is of it, and says that it has paused.
        """
        meter, choice, attempts = self._meter, answered.choice, answered.attempts
        while meter.turn is not None and meter.turn.paused and len(self.parts) + 1 < PARTS_MOST:
            before, self.parts = meter.turn, (*self.parts, self._body)
            try:
                further = await executor.send(Route(choice.model, (choice,)), self)
            except ProviderError:
                meter.turn = before
                break
            except BaseException:
                meter.turn = before  # what came before is billed, whoever has left
                executor.end(answered)
                raise
            executor.end(answered)
            answered = further
        answered.attempts = attempts
        return answered

    def finish(self, answered: Answered[Members], executor: Executor, keeping: Keeping | None) -> Answer:
        """The answer as JSON, with usage and request id; kept for the next one who asks, if it may be."""
        executor.end(answered)
        meter, members = self._meter, answered.value
        headers = tell_answered(meter, answered)
        turn = meter.turn
        assert turn is not None
        if turn.tokens is None:
            turn.seen_tokens = guess(bytes(members.get("choices", b"")))
            meter.estimate(self._request.body_bytes)
        members["usage"] = meter.usage()
        if keeping is not None and meter.model is keeping.model and not turn.paused:
            keeping.take_whole(members, turn.tokens)
        members["requestId"] = meter.request_id
        return Answer(_encode(members), headers, meter.cache)
