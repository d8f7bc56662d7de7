"""How long a step is tried: what heals by itself for a while, what nobody foresaw a few times, the rest not at all."""

from __future__ import annotations

import pytest

from portico.server.errors import (
    ContentUnreadable,
    DatabaseAway,
    ProviderAuth,
    ProviderOvercapacity,
    ProviderQuota,
    ProviderRateLimit,
    QuotaExceeded,
)
from portico.server.jobs.patience import TRIES, Patience


@pytest.mark.parametrize("error", [QuotaExceeded(), ProviderQuota(), ProviderAuth("no"), ContentUnreadable()])
def test_what_time_does_not_heal_is_not_tried_again(error: Exception) -> None:
    assert Patience().maybe_pause_s(error) is None


def test_a_provider_says_itself_when_to_come_back() -> None:
    assert (Patience().maybe_pause_s(ProviderRateLimit(retry_after_s=17)) or 0) >= 17


def test_a_wait_that_would_end_after_our_patience_is_not_begun() -> None:
    assert Patience(10).maybe_pause_s(ProviderOvercapacity(retry_after_s=60)) is None


def test_the_pauses_grow_and_begin_anew_after_a_success() -> None:
    patience = Patience(1e6)
    pauses = [patience.maybe_pause_s(ProviderOvercapacity()) or 0 for _ in range(6)]
    assert pauses[5] > 4 * pauses[0] > 0
    patience.succeed()
    assert (patience.maybe_pause_s(ProviderOvercapacity()) or 0) < 1


def test_an_error_that_nobody_foresaw_is_tried_a_few_times() -> None:
    patience = Patience()
    pauses = [patience.maybe_pause_s(KeyError("x")) for _ in range(TRIES)]
    assert None not in pauses[:-1]
    assert pauses[-1] is None


def test_the_database_is_waited_for_however_long_it_takes() -> None:
    patience = Patience(0.0)
    assert all(patience.maybe_pause_s(DatabaseAway(retry_after_s=1)) is not None for _ in range(100))
