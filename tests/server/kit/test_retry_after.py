"""How long a provider asks us to wait (HC-18)."""

from __future__ import annotations

import math
import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.server.kit.retry_after import read_rate_reset, read_retry_after


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({b"retry-after": b"17"}, 17.0),
        ({b"retry-after": b" 1.5 "}, 1.5),
        ({b"retry-after": b"0"}, 0.0),
        ({b"retry-after": b"-3"}, 0.0),
        ({b"retry-after-ms": b"250"}, 0.25),
        ({b"retry-after-ms": b"250", b"retry-after": b"9"}, 0.25),
        ({b"retry-after-ms": b"soon", b"retry-after": b"9"}, 9.0),
        ({b"retry-after": b""}, None),
        ({b"retry-after": b"soon"}, None),
        ({b"retry-after": b"inf"}, None),
        ({b"retry-after": b"1e999"}, None),
        ({b"retry-after": b"nan"}, None),
        ({b"retry-after": b"\xff\xfe"}, None),
        ({b"retry-after": b"Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
    ],
)
def test_hc18_seconds_milliseconds_and_nonsense(headers: dict[bytes, bytes], seconds: float | None) -> None:
    assert read_retry_after(headers) == seconds


def test_hc18_a_date_is_seconds_from_now() -> None:
    date = int(time.time()) + 600
    seconds = read_retry_after({b"retry-after": formatdate(date, usegmt=True).encode()})
    assert seconds is not None and date - time.time() <= seconds <= 600


@given(st.sampled_from([b"retry-after", b"retry-after-ms"]), st.one_of(st.binary(), st.text().map(str.encode)))
def test_hc18_whatever_a_provider_writes_is_a_number_or_nothing(name: bytes, value: bytes) -> None:
    seconds = read_retry_after({name: value})
    assert seconds is None or (seconds >= 0 and math.isfinite(seconds))


@given(st.integers(-(10**12), 10**12), st.integers(1, 28), st.integers(-999999, 999999))
def test_hc18_odd_dates_do_not_raise(year: int, day: int, zone: int) -> None:
    text = f"Mon, {day:02} Jan {year} 00:00:00 {zone:+05}"
    seconds = read_retry_after({b"retry-after": text.encode()})
    assert seconds is None or math.isfinite(seconds)


def rates(**values: str) -> dict[bytes, bytes]:
    return {f"x-ratelimit-{name.replace('_', '-')}".encode(): value.encode() for name, value in values.items()}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        (rates(reset_requests="6m0s"), 360.0),
        (rates(reset_tokens=" 1m12.5s "), 72.5),
        (rates(reset_tokens="120ms"), 0.12),
        (rates(reset_tokens="33011.4"), 33011.4),
        (rates(reset_requests="1h2m", reset_tokens="7s"), 7.0),
        (rates(reset_requests="20s", remaining_requests="0", reset_tokens="7s", remaining_tokens="9"), 20.0),
        (rates(reset_requests="20s", remaining_requests="0", reset_tokens="30s", remaining_tokens="0"), 30.0),
        (rates(reset_requests="soon", reset_tokens="2s"), 2.0),
        (rates(reset_requests="2026-11-20T10:00:00Z"), None),
        (rates(reset_requests="-3"), None),
        (rates(reset_requests=""), None),
        (rates(remaining_requests="0"), None),
    ],
)
def test_hc18_the_time_until_a_rate_is_full_again(headers: dict[bytes, bytes], seconds: float | None) -> None:
    assert read_rate_reset(headers) == pytest.approx(seconds)


@given(st.binary())
def test_hc18_whatever_a_rate_says_is_a_number_or_nothing(value: bytes) -> None:
    seconds = read_rate_reset({b"x-ratelimit-reset-requests": value})
    assert seconds is None or (seconds >= 0 and math.isfinite(seconds))
