"""Counts what passes, prices it once, and writes one usage line per request, however the request ended."""

from __future__ import annotations

import time

import msgspec

from portico.server.access.caller import Caller
from portico.server.catalog.entry import Model, Price
from portico.server.errors import JournalFull, PorticoError, RequestCancelled
from portico.server.gateway.ledger import Ledger
from portico.server.gateway.limits import Ticket
from portico.server.gateway.routing import Choice, Route
from portico.server.providers.base import Members, Target, Tokens, Turn
from portico.server.storage.usage import Cache, Operation, Status, UsageLine
from portico.wire.requests import NO_LABELS, Labels

CLIENT_CLOSED_REQUEST = 499
PICO_PER_USD = 10**12
PICO_PER_MICRO = 10**6
BEYOND_TOKENS = 2**40
GREATEST_COST = 2**62
_FULL = 5
"""Members of OpenAI's usage: one with fewer may lack the details."""
BYTES_PER_TOKEN = 4
"""Estimate for answers that were cut short or come without usage; such lines are marked as estimated."""


def cost_picousd(tokens: Tokens, price: Price) -> tuple[int, int]:
    """Prompt and completion cost in 1e-12 USD: each disjoint count times its price, once (HC-24)."""
    if price.above is not None:
        price = price.at(tokens.prompt)
    prompt = tokens.input_uncached * price.input + tokens.cache_read * price.cached_input
    if tokens.cache_write_5m or tokens.cache_write_1h or tokens.audio_in:
        prompt += tokens.cache_write_5m * price.cache_write_5m + tokens.cache_write_1h * price.cache_write_1h
        prompt += tokens.audio_in * price.audio_input
    completion = (tokens.output_visible + tokens.reasoning) * price.output
    if tokens.audio or tokens.images or tokens.units:
        completion += tokens.audio * price.audio_output + tokens.images * price.image * PICO_PER_MICRO
        completion += tokens.units * price.unit * PICO_PER_MICRO // 1000
    return prompt, completion


class Meter(msgspec.Struct):
    """One request being counted. `request_id` is what the caller reads in `requestId` and `X-Request-Id`."""

    _ledger: Ledger
    _caller: Caller
    request_id: str
    _operation: Operation
    stream: bool = False
    attempts: int = 0
    model: Model | None = None
    target: Target | None = None
    turn: Turn | None = None
    _first_byte: float = 0.0
    _cost: int | None = None
    labels: Labels = NO_LABELS
    key_id: str = ""
    provider_request_id: str = ""
    cache: Cache = "BYPASS"
    ticket: Ticket | None = None
    end_user: str = ""
    conversation_id: str = ""
    metadata: str = ""
    assistant: str = ""
    revision: int = 0
    _at: float = msgspec.field(default_factory=time.time)
    _started: float = msgspec.field(default_factory=time.perf_counter)

    def aim_at(self, route: Route) -> None:
        """Where the request is meant to go: what its line says when nobody answers."""
        first = route.choices[0]
        self.model, self.target = route.model, first.target

    def answered_by(self, choice: Choice, attempts: int, provider_request_id: bytes = b"") -> Turn:
        """Who answered; the answer is priced as that model's. Gives back what was learnt while it passed."""
        self.attempts, self.model, self.target = attempts, choice.model, choice.target
        self.key_id = choice.target.credential.id
        self.provider_request_id = provider_request_id.decode("ascii", "replace")
        assert self.turn is not None
        return self.turn

    @property
    def age_s(self) -> float:
        """How long the request has been here."""
        return time.perf_counter() - self._started

    def mark_first_byte(self) -> None:
        if not self._first_byte:
            self._first_byte = time.perf_counter()

    def estimate(self, request_bytes: int) -> None:
        """Fills in the tokens of an answer whose provider reported none."""
        turn = self.turn
        if turn is None or turn.tokens is not None:
            return
        prompt = max(1, request_bytes // BYTES_PER_TOKEN)
        if self.model is not None and self.model.context_window:
            prompt = min(prompt, self.model.context_window)  # pictures have more bytes than tokens
        turn.tokens = Tokens(
            input_uncached=prompt,
            output_visible=turn.seen_tokens,
            estimated=True,
        )

    def leave(self, choice: Choice, request_bytes: int) -> None:
        """Nobody waits any longer for the answer of a target that was at work: its prompt is billed (HC-16)."""
        self.attempts = max(self.attempts, 1)
        self.model, self.target, self.key_id = choice.model, choice.target, choice.target.credential.id
        self.estimate(request_bytes)

    def usage(self) -> Members:
        """The `usage` member of an answer: the provider's own, with our counts and the costs in USD."""
        turn, model = self.turn, self.model
        assert turn is not None and turn.tokens is not None and model is not None
        tokens = turn.tokens = plausible(turn.tokens)
        prompt, completion = tokens.prompt, tokens.completion
        prompt_cost, completion_cost = cost_picousd(tokens, model.price)
        self._cost = prompt_cost + completion_cost
        details: Members = {}
        if self._operation == "chat" and (turn.usage_members is None or len(turn.usage_members) < _FULL):
            details["prompt_tokens_details"] = {"cached_tokens": tokens.cache_read}
            details["completion_tokens_details"] = {"reasoning_tokens": tokens.reasoning}
        return {
            **details,
            **(turn.usage_members or {}),
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_cost": prompt_cost / PICO_PER_USD,
            "completion_cost": completion_cost / PICO_PER_USD,
            "total_cost": (prompt_cost + completion_cost) / PICO_PER_USD,
            "currency": "USD",
        }

    def close(self, status: Status, http_status: int, error: str = "") -> None:
        """Writes the line, and settles what was reserved. Called once, when the last byte has left or the request has
        failed."""
        turn = self.turn
        tokens = turn.tokens if turn is not None and turn.tokens is not None else _NOTHING
        cost = self._cost
        if cost is None:
            tokens = plausible(tokens)
            cost = sum(cost_picousd(tokens, self.model.price)) if self.model is not None else 0
        cost = min(cost, GREATEST_COST)
        ticket, self.ticket = self.ticket, None
        if ticket is not None:
            if status == "failed" and not cost:
                ticket.release()
            else:
                ticket.settle(cost, tokens.prompt + tokens.completion)
        self._ledger.append(self._line(status, http_status, error, tokens, cost))

    def _line(self, status: Status, http_status: int, error: str, tokens: Tokens, cost: int) -> UsageLine:
        now = time.perf_counter()
        turn, model, target, caller, labels = self.turn, self.model, self.target, self._caller, self.labels
        return UsageLine(
            self.request_id, caller.organization_id, caller.project_id or "", caller.token_id, self._at,
            self._operation, model.provider if model else "", model.name if model else "",
            target.upstream_model if target else "", self.stream, status, http_status, self.attempts,
            ((self._first_byte or now) - self._started) * 1000, (now - self._started) * 1000,
            turn.finish_reason if turn else "",
            tokens.input_uncached, tokens.cache_read, tokens.cache_write_5m, tokens.cache_write_1h,
            tokens.output_visible, tokens.reasoning, tokens.audio, tokens.images, tokens.estimated, cost,
            self.cache, self.key_id, self.provider_request_id, "; ".join(turn.adjusted) if turn else "",
            tokens.audio_in, tokens.units, error,
            labels.req_id, labels.parent_req_id, labels.trace_id, labels.user_id, labels.source,
            self.end_user, self.conversation_id, self.metadata, self.assistant, labels.traceparent, self.revision,
        )  # fmt: skip

    def fail(self, error: BaseException) -> None:
        """Writes the line of what ended in an error: refused, failed, left by its caller, or a mistake of ours."""
        if isinstance(error, RequestCancelled):
            self.close("cancelled", error.status, str(error.id))
        elif isinstance(error, PorticoError):
            self.attempts = max(self.attempts, getattr(error, "attempts", 0))
            self.close("failed", error.status, str(error.id))
        elif isinstance(error, Exception):
            self.close("failed", 500, "500")
        else:
            self.close("cancelled", CLIENT_CLOSED_REQUEST)

    def admit(self) -> None:
        """Raises JournalFull before anything is spent that could not be metered."""
        if self._ledger.full:
            raise JournalFull


def plausible(tokens: Tokens) -> Tokens:
    """Counts are what a provider says, and anybody may be one: a negative count would be a credit, and one beyond all
    measure would fit no column of the usage table."""
    t = tokens
    bits = (
        t.input_uncached | t.cache_read | t.cache_write_5m | t.cache_write_1h | t.output_visible
        | t.reasoning | t.audio | t.images | t.audio_in | t.units
    )  # fmt: skip
    if 0 <= bits < BEYOND_TOKENS:  # holds for all of them at once
        return tokens
    names = (name for name in t.__struct_fields__ if name != "estimated")
    kept = {name: max(0, min(getattr(t, name), BEYOND_TOKENS - 1)) for name in names}
    return Tokens(**kept, estimated=True)


_NOTHING = Tokens()
