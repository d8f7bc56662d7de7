"""The most that a request may cost, before anything is known of its answer."""

from __future__ import annotations

from portico.server.catalog.entry import Model, Price

BYTES_PER_TOKEN = 3
"""Fewer than in any usual text, so that a prompt has at most so many tokens."""
UNKNOWN_OUTPUT = 4_096
"""Tokens of an answer when neither the request nor the catalog bounds it."""
_PICO_PER_MICRO = 10**6


def worst_case(
    model: Model, request_bytes: int, max_output_tokens: int | None, n: int = 1, units: int = 0
) -> tuple[int, int]:
    """Cost in 1e-12 USD and tokens: all bytes of the request as its prompt, and `n` answers as long as they may be.

    `max_output_tokens` is what the request names; the limits of the model bound it, and stand in when it names none.
    0 for verbs without output tokens. `units` counts what the model's `unit_of` names: searches, characters, seconds.
    """
    answers = n if n > 1 else 1
    prompt = -(-request_bytes // BYTES_PER_TOKEN)
    if model.context_window and prompt > model.context_window:
        prompt = model.context_window
    longest = model.max_output or model.context_window or max_output_tokens or UNKNOWN_OUTPUT
    output = (longest if max_output_tokens is None or max_output_tokens > longest else max_output_tokens) * answers
    price = model.price
    dearest = _cost(price, prompt, output, answers, units)
    if price.above is not None:  # that of a shorter prompt counts, too: the real one is not longer than the estimate
        dearest = max(dearest, _cost(price.at(prompt), prompt, output, answers, units))
    return dearest, prompt + output


def _cost(price: Price, prompt: int, output: int, answers: int, units: int) -> int:
    prompt_price, output_price = price.dearest
    cost = prompt * prompt_price + output * output_price
    if price.image or units:
        cost += answers * price.image * _PICO_PER_MICRO + units * price.unit * _PICO_PER_MICRO // 1000
    return cost
