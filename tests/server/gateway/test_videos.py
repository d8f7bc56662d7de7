"""Films that are asked after."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, cast

import pytest

from portico.server.errors import ProviderRefused, RequestNotFound
from portico.server.gateway.routing import Choice, Health, HealthRules
from portico.server.gateway.videos import VideoGateway
from portico.server.providers.base import Credential, Outgoing, Target
from portico.server.providers.openai import OpenAI
from portico.server.providers.vertex_ai import VertexAI
from portico.wire.requests import NO_LABELS, VideoStatusRequest
from tests.server.gateway.gateway_house import CALLER, REF, House, choice_of, model_of, whole
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


def google(upstream: Upstream, project: str, *, model: str = "veo", location: str = "us-central1") -> Choice:
    """A key of a project. The token is one that is given."""
    options = (("project", project), ("location", location), ("access_token", f"token of {project}"))
    credential = Credential(upstream.root, "", options, id=project)
    adapter = VertexAI(cast(Any, None))
    target = Target("vertex_ai", model, model, adapter, adapter.endpoint(credential), credential)
    return Choice(model_of(model, kind="Video"), target, Health(HealthRules()), 1, 0, b"vertex_ai")


def operation_of(project: str, model: str = "veo", location: str = "us-central1") -> str:
    return f"projects/{project}/locations/{location}/publishers/google/models/{model}/operations/1"


async def asked_with(house: House, upstream: Upstream, operation: str) -> set[str]:
    """Paths at which a film is asked after, tried often enough that chance shows."""
    upstream.replies(json_reply({"name": operation, "done": False}))
    for _ in range(80):
        await whole(VideoGateway(house.board).status(CALLER, VideoStatusRequest(REF, operation), "r", NO_LABELS))
    paths = {asked.path for asked in upstream.asked}
    upstream.reset()
    return paths


async def test_a_film_is_asked_after_where_it_was_begun(upstream: Upstream) -> None:
    """Keys of different projects share the load, but each project knows its own operations only."""
    one, two, fast = google(upstream, "one"), google(upstream, "two"), google(upstream, "one", model="veo-fast")
    away = google(upstream, "one", location="europe-west4")

    def path(choice: Choice) -> str:
        location = choice.target.credential.option("location")
        place = f"projects/{choice.target.credential.id}/locations/{location}/publishers/google/models"
        return f"/v1/{place}/{choice.target.upstream_model}:fetchPredictOperation"

    async with House(one, two, fast, away) as house:
        assert await asked_with(house, upstream, operation_of("two")) == {path(two)}
        assert await asked_with(house, upstream, operation_of("one", "veo-fast")) == {path(fast)}
        assert await asked_with(house, upstream, operation_of("one", location="europe-west4")) == {path(away)}
        assert await asked_with(house, upstream, operation_of("1234567")) == {path(one), path(two)}, (
            "a project's number"
        )
        assert len(await asked_with(house, upstream, operation_of("gone"))) == 4, "none fits: the provider says it"
        assert len(await asked_with(house, upstream, "operations/1")) == 4


@pytest.mark.parametrize(("status", "ours"), [(404, RequestNotFound), (400, ProviderRefused)])
async def test_a_film_that_the_provider_does_not_know_is_not_found(upstream: Upstream, status: int, ours: Any) -> None:
    upstream.replies(json_reply({"error": {"message": "no such operation"}}, status))
    choice = choice_of("m", upstream.url, kind="Video")
    choice.target = dataclasses.replace(choice.target, adapter=Films())
    async with House(choice) as house:
        with pytest.raises(ours):
            await whole(VideoGateway(house.board).status(CALLER, VideoStatusRequest(REF, "x"), "r", NO_LABELS))
        assert (house.line.status, house.line.http_status) == ("failed", status)
