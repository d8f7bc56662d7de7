"""Counting and pricing: exact integers, every disjoint count once, one line per request."""

from __future__ import annotations

import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.server.access.caller import Caller
from portico.server.catalog.entry import Model, Price
from portico.server.errors import JournalFull
from portico.server.gateway.ledger import Ledger
from portico.server.gateway.metering import PICO_PER_USD, Meter, cost_picousd
from portico.server.ids import OrganizationId, ProjectId, TokenId
from portico.server.providers.base import Tokens, Turn
from portico.server.storage.journal import Journal
from portico.server.storage.segment import Segment
from portico.server.storage.usage import UsageLine

CALLER = Caller(OrganizationId("o"), "Org", TokenId("t"), "project", ProjectId("p"), "Project")
PRICE = Price(150_000, 75_000, 600_000, 150_000, 150_000)
counts = st.integers(0, 10**9)
prices = st.integers(0, 10**9)


def model(price: Price = PRICE) -> Model:
    return Model("id", "openai", "gpt-4o-mini", "Chat", {}, price=price)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal")
    yield journal
    journal.close()


def lines(journal: Journal) -> list[UsageLine]:
    segment = Segment.open(journal.current)
    try:
        payloads, _ = segment.read(segment.flushed, 100)
        return [msgspec.msgpack.decode(payload, type=UsageLine) for payload in payloads]
    finally:
        segment.close()


def meter(journal: Journal, tokens: Tokens | None = None, price: Price = PRICE, **members: Any) -> Meter:
    made = Meter(Ledger(journal), CALLER, "r", "chat", stream=False)
    made.model, made.turn = model(price), Turn(keep_usage=True)
    made.turn.tokens, made.turn.usage_members = tokens, members or None
    return made


# prices --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tokens", "prompt", "completion"),
    [
        (Tokens(), 0, 0),
        (Tokens(input_uncached=10, output_visible=432), 1_500_000, 259_200_000),
        (Tokens(input_uncached=6, cache_read=4, output_visible=3, reasoning=2), 1_200_000, 3_000_000),
        (Tokens(cache_write_5m=2, cache_write_1h=3), 750_000, 0),
        (Tokens(reasoning=1), 0, 600_000),
    ],
)
def test_hc24_each_count_is_priced_once(tokens: Tokens, prompt: int, completion: int) -> None:
    assert cost_picousd(tokens, PRICE) == (prompt, completion)


def test_an_unknown_price_is_nothing() -> None:
    assert cost_picousd(Tokens(input_uncached=10**9, output_visible=10**9), Price()) == (0, 0)


@given(counts, counts, counts, counts, prices, prices, prices)
def test_hc24_costs_are_exact_and_add_up(
    uncached: int, cached: int, visible: int, reasoning: int, input_: int, cached_input: int, output: int
) -> None:
    """In any unit a float would round: the sum over many requests is the sum of the parts."""
    tokens = Tokens(input_uncached=uncached, cache_read=cached, output_visible=visible, reasoning=reasoning)
    prompt, completion = cost_picousd(tokens, Price(input_, cached_input, output))
    usd = Fraction(uncached * input_ + cached * cached_input + (visible + reasoning) * output, 10**12)
    assert Fraction(prompt + completion, PICO_PER_USD) == usd
    assert isinstance(prompt, int) and isinstance(completion, int)


# the usage member ----------------------------------------------------------------------------------------------


def test_hc24_prompt_tokens_include_what_was_cached(journal: Journal) -> None:
    usage = meter(journal, Tokens(input_uncached=6, cache_read=4, output_visible=3, reasoning=2)).usage()
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (10, 5, 15)
    assert usage["prompt_cost"] == 1.2e-06 and usage["completion_cost"] == 3e-06
    assert usage["total_cost"] == 4.2e-06 and usage["currency"] == "USD"


def test_the_providers_own_members_stay_and_its_sums_are_ours(journal: Journal) -> None:
    usage = meter(
        journal, Tokens(input_uncached=1), prompt_tokens=99, prompt_tokens_details={"cached_tokens": 0}
    ).usage()
    assert usage["prompt_tokens"] == 1 and usage["prompt_tokens_details"] == {"cached_tokens": 0}


# estimates -----------------------------------------------------------------------------------------------------


def test_hc09_what_the_provider_did_not_count_is_estimated_and_marked(journal: Journal) -> None:
    made = meter(journal)
    assert made.turn is not None
    made.turn.seen_tokens = 7
    made.estimate(400)
    assert made.turn.tokens == Tokens(input_uncached=100, output_visible=7, estimated=True)
    made.estimate(4000)
    assert made.turn.tokens.input_uncached == 100, "once"


def test_what_the_provider_counted_is_not_estimated(journal: Journal) -> None:
    made = meter(journal, Tokens(input_uncached=3))
    made.estimate(400)
    assert made.turn is not None and made.turn.tokens == Tokens(input_uncached=3)


# the line ------------------------------------------------------------------------------------------------------


def test_a_line_says_who_what_and_how_much(journal: Journal) -> None:
    began = time.monotonic()
    made = meter(journal, Tokens(input_uncached=10, output_visible=5))
    made.attempts = 2
    made.mark_first_byte()
    made.close("completed", 200)
    took_ms = (time.monotonic() - began) * 1000
    [line] = lines(journal)
    assert (line.request_id, line.organization_id, line.project_id, line.token_id) == ("r", "o", "p", "t")
    assert (line.provider, line.model, line.status, line.http_status) == ("openai", "gpt-4o-mini", "completed", 200)
    assert (line.attempts, line.cost_picousd) == (2, 10 * 150_000 + 5 * 600_000)
    assert 0 <= line.first_byte_ms <= line.total_ms <= took_ms + 1


def test_the_line_costs_what_the_answer_said(journal: Journal) -> None:
    made = meter(journal, Tokens(input_uncached=11, cache_read=3, output_visible=5))
    said = made.usage()["total_cost"]
    made.close("completed", 200)
    assert lines(journal)[0].cost_picousd == round(said * PICO_PER_USD)


def test_a_refused_request_has_a_line_without_model_and_costs(journal: Journal) -> None:
    made = Meter(Ledger(journal), CALLER, "r", "chat", stream=True)
    made.close("failed", 404)
    [line] = lines(journal)
    assert (line.provider, line.model, line.target, line.cost_picousd, line.http_status) == ("", "", "", 0, 404)
    assert line.first_byte_ms == line.total_ms


def test_an_organization_token_without_project_has_a_line_too(journal: Journal) -> None:
    caller = Caller(OrganizationId("o"), "Org", TokenId("t"), "organization")
    Meter(Ledger(journal), caller, "r", "embedding", stream=False).close("cancelled", 499)
    assert lines(journal)[0].project_id == ""


def test_the_first_byte_is_marked_once(journal: Journal) -> None:
    made = meter(journal, Tokens())
    made.mark_first_byte()
    time.sleep(0.01)
    made.mark_first_byte()
    made.close("completed", 200)
    [line] = lines(journal)
    assert line.total_ms - line.first_byte_ms >= 9


def test_nothing_is_served_that_could_not_be_metered(journal: Journal) -> None:
    meter = Meter(Ledger(journal), CALLER, "r1", "chat")
    meter.admit()
    journal.full = True
    with pytest.raises(JournalFull) as refused:
        meter.admit()
    assert (refused.value.status, refused.value.id) == (503, 9003)


def test_an_answer_already_given_stands_when_its_line_cannot_be_kept(
    journal: Journal, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_line: UsageLine) -> None:
        raise JournalFull

    monkeypatch.setattr(journal, "append", full)
    Meter(Ledger(journal), CALLER, "r2", "chat").close("completed", 200)
    assert "r2 is lost" in caplog.text
