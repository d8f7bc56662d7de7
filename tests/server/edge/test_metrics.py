"""/metrics through the door: off, open, and for a token."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server.access.house import House
from tests.server.edge.watched import Watched
from tests.server.gateway.requests.test_running import Work, caller
from tests.server.storage.test_journal import make_line

pytestmark = pytest.mark.anyio


async def test_off_there_is_no_such_endpoint(watched: Watched) -> None:
    reply = await watched.ask("/metrics")
    assert (reply.status, reply.json()["errors"]) == (404, [{"id": 404, "description": "Bad Endpoint"}])
    assert (await watched.ask("/metrics", token=None)).status == 401


async def test_open_needs_no_token(house: House, tmp_path: Path) -> None:
    async with Watched(house, tmp_path, metrics="open") as watched:
        watched.metrics.observe(make_line(1))
        watched.running.add("r1", caller(), Work(stream=True))
        reply = await watched.ask("/metrics", token=None)
        assert reply.status == 200
        assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert b"portico_open_streams 1.0" in reply.body and b"portico_requests_total{" in reply.body
        reply = await watched.ask("/metrics", token=None, headers={"accept": "application/openmetrics-text"})
        assert reply.headers["content-type"].startswith("application/openmetrics-text")
        assert reply.body.endswith(b"# EOF\n")
        assert (await watched.ask("/v1/models", token=None)).status == 401


async def test_with_a_token_it_must_be_the_organizations(house: House, tmp_path: Path) -> None:
    async with Watched(house, tmp_path, metrics="token") as watched:
        assert (await watched.ask("/metrics", token=None)).status == 401
        assert (await watched.ask("/metrics")).json()["errors"][0]["id"] == 7
        reply = await watched.ask("/metrics", token=str(house.first.organization_token))
        assert reply.status == 200 and b"portico_build_info" in reply.body
