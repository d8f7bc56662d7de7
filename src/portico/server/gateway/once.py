"""One request of a verb whose answer comes in one piece: routed, reserved, sent, read, metered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from portico.server.access.caller import Caller
from portico.server.catalog.entry import ModelType
from portico.server.errors import InvalidType
from portico.server.gateway.answers import Answer, tell_answered
from portico.server.gateway.metering import Meter
from portico.server.gateway.routing import Attempt, Choice, Route
from portico.server.gateway.switchboard import Switchboard
from portico.server.providers.base import Members, Outgoing, Target, Turn
from portico.server.providers.http1 import Reply
from portico.server.storage.usage import Operation
from portico.wire.model_ref import BareModel, DirectModel, ModelRef
from portico.wire.requests import NO_LABELS, Labels

T = TypeVar("T")
_encode = msgspec.json.Encoder().encode
_BEGUN_IS_MADE = frozenset({"rerank", "image", "speech", "video"})
"""What the request says the price of, also when nobody waits for the answer."""


class Verb(msgspec.Struct, Generic[T]):
    """What is asked, of models of which type, and what it may cost at most: prompt bytes, answers, other units.

    `write` and `read` are the adapter's; `show` makes the documented body out of what was read. What is not
    `repeatable` goes on over there although nobody waits for it: it is not tried again once it may have begun. `fits`
    says which targets can answer, where not all can.
    """

    operation: Operation
    wanted: ModelType
    write: Callable[[Target, Turn], Outgoing]
    read: Callable[[Target, bytes, Reply, Turn], T]
    show: Callable[[T, Meter], Answer]
    request_bytes: int = 0
    answers: int = 1
    units: int = 0
    most: int | None = 0
    repeatable: bool = True
    fits: Callable[[Target], bool] | None = None


class Once(Attempt[T]):
    __slots__ = ("_meter", "_verb", "repeatable")

    def __init__(self, verb: Verb[T], meter: Meter) -> None:
        self._verb = verb
        self._meter = meter
        self.repeatable = verb.repeatable

    def write(self, choice: Choice) -> Outgoing:
        turn = self._meter.turn = Turn(keep_usage=True)
        return self._verb.write(choice.target, turn)

    def read(self, choice: Choice, body: bytes, reply: Reply) -> T:
        assert self._meter.turn is not None
        return self._verb.read(choice.target, body, reply, self._meter.turn)

    def leave(self, choice: Choice) -> None:
        verb, turn = self._verb, self._meter.turn
        self._meter.leave(choice, verb.request_bytes)
        if turn is not None and turn.tokens is not None and verb.operation in _BEGUN_IS_MADE:
            turn.tokens.units = verb.units
            turn.tokens.images = verb.answers if verb.operation == "image" else 0


async def answer_once(
    board: Switchboard, caller: Caller, ref: ModelRef, verb: Verb[T], request_id: str, labels: Labels = NO_LABELS
) -> Answer:
    """The whole answer. Raises an error of our tree; then nothing was delivered, and it is metered so."""
    meter = Meter(board.ledger, caller, request_id, verb.operation, labels=labels)
    meter.turn = Turn(keep_usage=True)
    meter.admit()
    try:
        route = find_route(board, caller, ref, verb.wanted)
        if verb.fits is not None:
            route = route.where(verb.fits)
        meter.aim_at(route)
        await board.reserve(meter, caller, route, verb.request_bytes, verb.most, verb.answers, verb.units)
        answered = await board.executor.send(route, Once(verb, meter))
        board.executor.end(answered)
        headers = tell_answered(meter, answered)
        meter.mark_first_byte()
        answer = verb.show(answered.value, meter)
        answer.headers = [*answer.headers, *headers]
    except BaseException as error:
        meter.fail(error)
        raise
    meter.close("completed", answer.status)
    return answer


def find_route(board: Switchboard, caller: Caller, ref: ModelRef, wanted: ModelType) -> Route:
    """Raises InvalidType when the reference names an assistant, and what `Targets.find` raises."""
    if not isinstance(ref, DirectModel | BareModel):
        raise InvalidType(f"Invalid Type: send provider/model of a model of type {wanted}", param="model")
    return board.targets.find(ref, wanted, caller)


def as_json(members: Members, meter: Meter, status: int = 200) -> Answer:
    """A JSON answer with its usage and request id."""
    return Answer(_encode({**members, "usage": meter.usage(), "requestId": meter.request_id}), status=status)
