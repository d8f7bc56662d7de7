"""The worst case of a request: never less than what it can cost."""

from __future__ import annotations

import pytest

from portico.server.catalog.entry import Model, Price
from portico.server.gateway.limits import worst_case

PRICE = Price(input=2, cached_input=1, output=10, cache_write_5m=3, cache_write_1h=4)


def model(price: Price = PRICE, context_window: int = 1000, max_output: int = 100) -> Model:
    return Model("id", "acme", "m", "Chat", {}, context_window=context_window, max_output=max_output, price=price)


@pytest.mark.parametrize(
    ("request_bytes", "asked", "n", "tokens"),
    [
        (30, 20, 1, (10, 20)),
        (31, 20, 1, (11, 20)),
        (30, None, 1, (10, 100)),
        (30, 5000, 1, (10, 100)),
        (30, 20, 3, (10, 60)),
        (30, 20, 0, (10, 20)),
        (30_000, 0, 1, (1000, 0)),
    ],
)
def test_prompt_and_answers_at_their_longest(
    request_bytes: int, asked: int | None, n: int, tokens: tuple[int, int]
) -> None:
    prompt, output = tokens
    assert worst_case(model(), request_bytes, asked, n) == (prompt * 4 + output * 10, prompt + output)


def test_a_model_without_known_limits() -> None:
    unknown = model(context_window=0, max_output=0)
    assert worst_case(unknown, 3, None) == (4 + 4096 * 10, 1 + 4096)
    assert worst_case(unknown, 3, 7) == (4 + 70, 8)
    assert worst_case(model(max_output=0), 3, None) == (4 + 10_000, 1001)


def test_the_dearer_price_of_long_prompts_is_taken() -> None:
    tiered = Price(input=2, output=10, above_tokens=50, above=Price(input=4, output=15))
    assert worst_case(model(tiered), 150, 10)[0] == 50 * 2 + 100
    assert worst_case(model(tiered), 300, 10)[0] == 100 * 4 + 150


def test_pictures_and_units_are_priced() -> None:
    assert worst_case(model(Price(image=40_000)), 0, 0, n=2)[0] == 2 * 40_000 * 10**6
    assert worst_case(model(Price(unit=2_000, unit_of="search")), 0, 0, units=3)[0] == 3 * 2 * 10**6
