"""What a transcription takes out of a budget before anything is known of its answer."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from portico.server.catalog.entry import Price
from portico.server.gateway.audio import AudioGateway
from portico.wire.requests import NO_LABELS, File, TranscriptionRequest
from tests.server.gateway.gateway_house import CALLER, REF, House, choice_of, drive
from tests.upstream import Upstream, whole

pytestmark = pytest.mark.anyio
MEGABYTE = File(bytes(960_000), "audio/wav", "a.wav")
"""Half a minute of samples."""


class Policy:
    """Gives what is asked, and remembers it."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, int]] = []

    def try_take(self, cost: int, tokens: int) -> Any:
        self.taken.append((cost, tokens))
        return SimpleNamespace(settle=lambda *_: None, release=lambda: None, headers=list)


@pytest.fixture
def provider() -> Iterator[Upstream]:
    with Upstream() as upstream:
        upstream.replies(whole({"text": "Hello", "duration": 30.0}))
        yield upstream


async def reserved(provider: Upstream, price: Price, seconds: float) -> tuple[int, int]:
    policy = Policy()
    async with House(choice_of("stt", provider.url, price, kind="Audio")) as house:
        cast(Any, house.board).limits.of = lambda _: policy
        request = TranscriptionRequest(REF, MEGABYTE, "json", {}, seconds)
        await drive(AudioGateway(house.board).transcribe(CALLER, request, "r", NO_LABELS))
    [taken] = policy.taken
    return taken


async def test_a_recording_of_known_length_reserves_what_it_can_cost(provider: Upstream) -> None:
    by_second = Price(unit=1_000, unit_of="second")
    cost, _ = await reserved(provider, by_second, 30.0)
    assert cost == 30 * 1_000 * 10**6 // 1000
    unknown, _ = await reserved(provider, by_second, 0.0)
    assert unknown == 960 * 1_000 * 10**6 // 1000, "as if it were packed as tightly as recordings can be"


async def test_a_model_that_is_paid_by_tokens_reserves_no_less_than_it_hears(provider: Upstream) -> None:
    by_token = Price(1_000, 1_000, 1_000, audio_input=1_000)
    _, known = await reserved(provider, by_token, 30.0)
    _, unknown = await reserved(provider, by_token, 0.0)
    assert 30 * 10 <= known < unknown
