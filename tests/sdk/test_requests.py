"""Requests and analytics, both levels: what is sent, and typed objects out of the answers."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

from portico import AsyncPortico, Portico
from portico.sdk.managers import analytics, requests
from portico.wire import analytics as wire
from tests.sdk.odd_server import OddServer, Reply, Seen, reply_json


def test_the_export_asks_for_page_after_page(server: OddServer, client: Portico) -> None:
    everything = [{"requestId": str(number), "tokens": {"total": number}} for number in range(requests.PAGE + 7)]

    def answer(seen: Seen) -> Reply:
        skip = int(seen.query["skip"])
        return reply_json({"items": everything[skip : skip + int(seen.query["count"])]})

    server.answer = answer
    found = list(client.requests.export(assistant_name="A", status="failed", project_id="p"))
    assert [item.request_id for item in found] == [item["requestId"] for item in everything]
    assert found[3].tokens.total == 3
    assert [seen.query["skip"] for seen in server.seen] == ["0", str(requests.PAGE)]
    assert server.seen[0].query["assistantName"] == "A" and server.seen[0].headers["projectid"] == "p"


def test_status_and_cancel(server: OddServer, client: Portico) -> None:
    failed = {"requestId": "r", "status": "failed", "error": {"code": 151, "message": "Provider Rate Limit"}}
    server.answer = lambda seen: reply_json(failed)
    status = client.requests.status("r")
    assert (status.status, status.success) == ("failed", False)
    assert status.error and status.error.code == 151
    assert client.requests.cancel("r").status == "failed"
    assert [(seen.method, seen.path) for seen in server.seen] == [
        ("GET", "/v1/assistant/request/r/status"),
        ("POST", "/v1/assistant/request/r/cancel"),
    ]


def test_a_figure_is_typed(server: OddServer, client: Portico) -> None:
    rows = [{"user": "ana", "userName": None, "totalCost": "1.5"}]
    server.answer = lambda seen: reply_json({"top10Users": rows, "startDate": "2026-05-01", "new": 1})
    top = client.analytics.top_users_by_cost(start_date=date(2026, 5, 1), end_date="2026-05-31", project_id="p")
    assert top.top_users == [wire.UserCost(user="ana", total_cost=1.5)]
    assert (top.start_date, top.extra) == ("2026-05-01", {"new": 1})
    (seen,) = server.seen
    assert seen.path == "/v1/analytics/requests/top-10-users-by-cost"
    assert seen.query == {"startDate": "2026-05-01", "endDate": "2026-05-31"} and seen.headers["projectid"] == "p"


def figures(kind: type) -> list[str]:
    return [name for name in vars(kind) if not name.startswith("_")]


def test_every_figure_asks_for_its_own_path(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({})
    for name in figures(analytics.Analytics):
        answer: Any = getattr(client.analytics, name)()
        assert isinstance(answer, wire.Figure)
    paths = [seen.path for seen in server.seen]
    assert len(set(paths)) == 29 and all(path.startswith("/v1/analytics/requests/") for path in paths)
    for path, name in zip(paths, figures(analytics.Analytics), strict=True):
        assert path.rpartition("/")[2].replace("-", "_").replace("top_10", "top") == name


def test_the_asynchronous_ones_do_the_same(server: OddServer) -> None:
    async def run() -> list[str]:
        async with AsyncPortico("token", server.url) as client:
            for name in figures(analytics.AsyncAnalytics):
                assert isinstance(await getattr(client.analytics, name)(), wire.Figure)
            server.answer = lambda seen: reply_json({"items": [{"requestId": "r"}], "status": "running"})
            assert (await client.requests.status("r")).status == "running"
            assert (await client.requests.cancel("r")).status == "running"
            return [item.request_id async for item in client.requests.export()]

    server.answer = lambda seen: reply_json({})
    assert asyncio.run(run()) == ["r"]
    assert len({seen.path for seen in server.seen}) == 29 + 3
