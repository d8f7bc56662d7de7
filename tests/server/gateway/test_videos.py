"""Films that are asked after."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from portico.server.errors import ProviderRefused, RequestNotFound
from portico.server.gateway.videos import VideoGateway
from portico.server.providers.base import Outgoing, Target
from portico.server.providers.openai import OpenAI
from portico.wire.requests import NO_LABELS, VideoStatusRequest
from tests.server.gateway.core_house import CALLER, REF, House, choice_of, whole
from tests.upstream import Upstream
from tests.upstream import whole as json_reply

pytestmark = pytest.mark.anyio


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as provider:
        yield provider


class Films(OpenAI):
    """Of one that makes films, how it is asked after one."""

    def write_video_status(self, request: VideoStatusRequest, target: Target) -> Outgoing:
        return Outgoing("/films", b"{}")


@pytest.mark.parametrize(("status", "ours"), [(404, RequestNotFound), (400, ProviderRefused)])
async def test_a_film_that_the_provider_does_not_know_is_not_found(upstream: Upstream, status: int, ours: Any) -> None:
    upstream.replies(json_reply({"error": {"message": "no such operation"}}, status))
    choice = choice_of("m", upstream.url, kind="Video")
    choice.target = dataclasses.replace(choice.target, adapter=Films())
    async with House(choice) as house:
        with pytest.raises(ours):
            await whole(VideoGateway(house.board).status(CALLER, VideoStatusRequest(REF, "x"), "r", NO_LABELS))
        assert (house.line.status, house.line.http_status) == ("failed", status)
