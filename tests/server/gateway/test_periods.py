"""Days, weeks and months of a limit begin and end at midnight, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from portico.server.gateway.limits.periods import end_of_period, start_of_period
from portico.server.storage.limits import SubscriptionType


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "moment", "start", "end"),
    [
        ("Daily", "2026-11-20T17:30:00", "2026-11-20", "2026-11-21"),
        ("Daily", "2026-12-31T23:59:59", "2026-12-31", "2027-01-01"),
        ("Daily", "2026-11-20T00:00:00", "2026-11-20", "2026-11-21"),
        ("Weekly", "2026-11-20T17:30:00", "2026-11-16", "2026-11-23"),
        ("Weekly", "2026-11-23T00:00:00", "2026-11-23", "2026-11-30"),
        ("Weekly", "2026-11-22T23:59:59", "2026-11-16", "2026-11-23"),
        ("Monthly", "2025-02-06T15:47:32", "2025-02-01", "2025-03-01"),
        ("Monthly", "2028-02-29T12:00:00", "2028-02-01", "2028-03-01"),
        ("Monthly", "2026-12-31T23:59:59", "2026-12-01", "2027-01-01"),
        ("Monthly", "2026-01-31T00:00:00", "2026-01-01", "2026-02-01"),
    ],
)
def test_periods(kind: SubscriptionType, moment: str, start: str, end: str) -> None:
    assert start_of_period(kind, at(moment)) == at(start)
    assert end_of_period(kind, at(moment)) == at(end)


def test_another_time_zone_changes_nothing() -> None:
    tokyo = datetime(2026, 12, 1, 3, tzinfo=timezone(timedelta(hours=9)))
    assert end_of_period("Monthly", tokyo) == at("2026-12-01")


def test_freemium_has_no_end() -> None:
    assert end_of_period("Freemium", at("2026-11-20")) is None
    assert start_of_period("Freemium", at("2026-11-20")) is None
