"""Counts what passes, prices it once, and writes one usage line per request, however the request ended."""

from __future__ import annotations

import logging
import time

import msgspec

from portico.server.access.caller import Caller
from portico.server.catalog.entry import Model, Price
from portico.server.errors import JournalFull, PorticoError
from portico.server.providers.base import Members, Target, Tokens, Turn
from portico.server.storage.journal import Journal
from portico.server.storage.usage import Operation, Status, UsageLine

_log = logging.getLogger("portico.metering")
_encode = msgspec.json.Encoder().encode
CLIENT_CLOSED_REQUEST = 499
PICO_PER_USD = 10**12
BYTES_PER_TOKEN = 4
"""Estimate for answers that were cut short or come without usage; such lines are marked as estimated."""


def cost_picousd(tokens: Tokens, price: Price) -> tuple[int, int]:
    """Prompt and completion cost in 1e-12 USD: each disjoint count times its price, once (HC-24)."""
    cached_price = price.cached_input or price.input
    written = tokens.cache_write_5m + tokens.cache_write_1h
    prompt = (tokens.input_uncached + written) * price.input + tokens.cache_read * cached_price
    return prompt, (tokens.output_visible + tokens.reasoning) * price.output


class Meter(msgspec.Struct):
    """One request being counted. `request_id` is what the caller reads in `requestId` and `X-Request-Id`."""

    _journal: Journal
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
    _at: float = msgspec.field(default_factory=time.time)
    _started: float = msgspec.field(default_factory=time.perf_counter)

    def mark_first_byte(self) -> None:
        if not self._first_byte:
            self._first_byte = time.perf_counter()

    def estimate(self, request_bytes: int) -> None:
        """Fills in the tokens of an answer whose provider reported none."""
        turn = self.turn
        if turn is None or turn.tokens is not None:
            return
        turn.tokens = Tokens(
            input_uncached=max(1, request_bytes // BYTES_PER_TOKEN),
            output_visible=turn.content_frames,
            estimated=True,
        )

    def usage(self) -> Members:
        """The `usage` member of an answer: the provider's own, with our counts and the costs in USD."""
        turn, model = self.turn, self.model
        assert turn is not None and turn.tokens is not None and model is not None
        tokens = turn.tokens
        prompt = tokens.input_uncached + tokens.cache_read + tokens.cache_write_5m + tokens.cache_write_1h
        completion = tokens.output_visible + tokens.reasoning
        prompt_cost, completion_cost = cost_picousd(tokens, model.price)
        self._cost = prompt_cost + completion_cost
        return {
            **(turn.usage_members or {}),
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_cost": prompt_cost / PICO_PER_USD,
            "completion_cost": completion_cost / PICO_PER_USD,
            "total_cost": (prompt_cost + completion_cost) / PICO_PER_USD,
            "currency": "USD",
        }

    def close(self, status: Status, http_status: int) -> None:
        """Writes the line. Called once, when the last byte has left or the request has failed."""
        now = time.perf_counter()
        turn, model, target, caller = self.turn, self.model, self.target, self._caller
        tokens = turn.tokens if turn is not None and turn.tokens is not None else _NOTHING
        cost = self._cost
        if cost is None:
            cost = sum(cost_picousd(tokens, model.price)) if model is not None else 0
        line = UsageLine(
            self.request_id, caller.organization_id, caller.project_id or "", caller.token_id, self._at,
            self._operation, model.provider if model else "", model.name if model else "",
            target.upstream_model if target else "", self.stream, status, http_status, self.attempts,
            ((self._first_byte or now) - self._started) * 1000, (now - self._started) * 1000,
            turn.finish_reason if turn else "",
            tokens.input_uncached, tokens.cache_read, tokens.cache_write_5m, tokens.cache_write_1h,
            tokens.output_visible, tokens.reasoning, tokens.audio, tokens.images, tokens.estimated, cost,
        )  # fmt: skip
        try:
            self._journal.append(line)
        except (JournalFull, OSError) as error:  # the answer is given already; the next request is refused by `admit`
            _log.error(
                "usage line of request %s is lost but for this: %s (%s)", self.request_id, _encode(line).decode(), error
            )

    def fail(self, error: BaseException) -> None:
        """Writes the line of what ended in an error: refused, failed, left by its caller, or a mistake of ours."""
        if isinstance(error, PorticoError):
            self.attempts = max(self.attempts, getattr(error, "attempts", 0))
            self.close("failed", error.status)
        elif isinstance(error, Exception):
            self.close("failed", 500)
        else:
            self.close("cancelled", CLIENT_CLOSED_REQUEST)

    def admit(self) -> None:
        """Raises JournalFull before anything is spent that could not be metered."""
        if self._journal.full:
            raise JournalFull


_NOTHING = Tokens()
