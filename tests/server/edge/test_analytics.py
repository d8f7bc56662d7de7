"""The documented figures, each computed from usage lines whose sums can be done in the head."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from portico.server.gateway.requests.analytics import FIGURES, LAB
from tests.server.access.house import House
from tests.server.edge.test_requests import make_project
from tests.server.edge.watched import Watched
from tests.server.storage.test_journal import make_line

pytestmark = pytest.mark.anyio
MAY = {"startDate": "2026-05-01", "endDate": "2026-05-10"}


async def seed(watched: Watched) -> str:
    """Six requests of May in two projects, two outside of it, one of somebody else; gives the second project."""
    house = watched.house
    other = await make_project(house, "Other")
    await watched.store(
        line(house, 1, "2026-05-01T00:00:00", saia_user_id="ana", assistant="A", cost_picousd=10**12, total_ms=100.0),
        line(house, 2, "2026-05-01T23:59:59", saia_user_id="ana", assistant="A", cost_picousd=10**12, total_ms=300.0),
        line(house, 3, "2026-05-02T12:00:00", end_user="bob", assistant="B", status="failed", total_ms=200.0),
        line(house, 4, "2026-05-02T12:00:00", end_user="bob", assistant="A", cost_picousd=4 * 10**12, total_ms=200.0),
        line(house, 5, "2026-05-10T23:59:59.9", project_id=other, total_ms=100.0, reasoning=5, cache_read=7),
        line(house, 6, "2026-05-10T12:00:00", status="cancelled", total_ms=100.0),
        line(house, 7, "2026-04-30T23:59:59", cost_picousd=10**15),
        line(house, 8, "2026-05-11T00:00:00", cost_picousd=10**15),
        line(house, 9, "2026-05-02T12:00:00", organization_id="11111111-2222-4333-8444-555555555555"),
    )
    return other


def line(house: House, number: int, at: str, **members: Any) -> Any:
    caller = house.member
    own = {
        "organization_id": caller.organization_id,
        "project_id": caller.project_id,
        "token_id": caller.token_id,
        "at": datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp(),
        "input_uncached": 10,
        "output_visible": 2,
        "model": "m",
    }
    return make_line(number, **{**own, **members})


async def ask(watched: Watched, figure: str, token: str = "", **query: Any) -> Any:
    reply = await watched.ask(
        f"/v1/analytics/requests/{figure}", token=token or watched.house.first.organization_token, **{**MAY, **query}
    )
    assert reply.status == 200, reply.body
    answer = reply.json()
    assert {answer.pop("startDate"), answer.pop("endDate")} == {(MAY | query)["startDate"], (MAY | query)["endDate"]}
    return answer


EXPECTED: list[tuple[str, dict[str, Any]]] = [
    ("total-requests", {"totalRequests": 6}),
    ("total-requests-with-error", {"totalRequestsWithError": 1}),
    ("overall-error-rate", {"overallErrorRate": 1 / 6}),
    ("total-cost", {"totalCost": 6.0}),
    ("average-cost-per-request", {"averageCostPerRequest": 1.0}),
    ("average-cost-per-user", {"averageCost": 2.0}),
    ("total-request-time", {"time": 1000.0}),
    ("average-request-time", {"averageRequestTime": 1000.0 / 6}),
    ("average-requests-per-day", {"averageRequests": 0.6}),
    ("average-requests-per-user", {"averageRequests": 2.0}),
    ("total-tokens", {"input": 67, "output": 17, "total": 84}),
    ("number-of-tokens", {"input": 67, "output": 17, "total": 84}),
    ("average-tokens-per-request", {"input": 67 / 6, "output": 17 / 6, "total": 14.0}),
    ("total-active-users", {"totalActiveUsers": 3}),
    ("total-active-agents", {"totalActiveAgents": 2}),
    ("total-active-projects", {"totalActiveProjects": 2}),
    ("average-users-per-agent", {"averageUsers": 1.5}),
    ("average-users-per-project", {"averageUsers": 2.0}),
    (
        "total-requests-per-day",
        {
            "totalRequestsPerDay": [
                {"date": "2026-05-01", "totalRequests": 2, "totalRequestsWithError": 0},
                {"date": "2026-05-02", "totalRequests": 2, "totalRequestsWithError": 1},
                {"date": "2026-05-10", "totalRequests": 2, "totalRequestsWithError": 0},
            ]
        },
    ),
    (
        "total-cost-per-day",
        {
            "totalCostPerDay": [
                {"date": "2026-05-01", "totalCost": 2.0},
                {"date": "2026-05-02", "totalCost": 4.0},
                {"date": "2026-05-10", "totalCost": 0.0},
            ]
        },
    ),
    (
        "number-of-tokens-per-day",
        {
            "numberOfTokens": [
                {"date": "2026-05-01", "input": 20, "output": 4, "total": 24},
                {"date": "2026-05-02", "input": 20, "output": 4, "total": 24},
                {"date": "2026-05-10", "input": 27, "output": 9, "total": 36},
            ]
        },
    ),
    (
        "number-of-tokens-per-agent",
        {
            "numberOfTokens": [
                {"agent": "A", "model": "m", "input": 30, "output": 6, "total": 36},
                {"agent": "B", "model": "m", "input": 10, "output": 2, "total": 12},
            ]
        },
    ),
    (
        "top-10-agents-by-requests",
        {"top10Agents": [{"agent": "A", "totalRequests": 3}, {"agent": "B", "totalRequests": 1}]},
    ),
    (
        "top-10-agents-by-tokens",
        {"top10Agents": [{"agent": "A", "totalTokens": 36}, {"agent": "B", "totalTokens": 12}]},
    ),
    (
        "agent-usage-per-user",
        {
            "agentUsage": [
                {"user": "ana", "userName": "ana", "totalCost": 2.0, "totalRequests": 2, "totalTokens": 24},
                {"user": "bob", "userName": "bob", "totalCost": 4.0, "totalRequests": 2, "totalTokens": 24},
            ]
        },
    ),
]


async def test_the_figures_of_the_organization(watched: Watched) -> None:
    await seed(watched)
    for figure, expected in EXPECTED:
        answer = await ask(watched, figure)
        for name, value in expected.items():
            assert answer[name] == (pytest.approx(value) if isinstance(value, float) else value), (figure, name)
        assert answer.keys() == expected.keys(), figure


async def test_users_without_a_name_are_their_token(watched: Watched) -> None:
    await seed(watched)
    token = watched.house.member.token_id
    by_requests = (await ask(watched, "top-10-users-by-requests"))["top10Users"]
    assert {row["user"]: (row["userName"], row["totalRequests"]) for row in by_requests} == {
        "ana": ("ana", 2), "bob": ("bob", 2), token: ("Default", 2),
    }  # fmt: skip
    by_cost = (await ask(watched, "top-10-users-by-cost"))["top10Users"]
    assert [(row["user"], row["totalCost"]) for row in by_cost] == [("bob", 4.0), ("ana", 2.0), (token, 0.0)]


async def test_users_per_day(watched: Watched) -> None:
    await seed(watched)
    token = watched.house.member.token_id
    costs = (await ask(watched, "average-cost-per-user-per-date"))["averageCostPerUser"]
    assert [(row["date"], row["user"], row["averageCost"]) for row in costs] == [
        ("2026-05-01", "ana", 2.0), ("2026-05-02", "bob", 4.0), ("2026-05-10", token, 0.0),
    ]  # fmt: skip
    requests = (await ask(watched, "average-requests-per-user-per-date"))["averageRequestsPerUser"]
    assert [row["averageRequests"] for row in requests] == [2, 2, 2]


async def test_a_project_token_counts_its_project_only(watched: Watched) -> None:
    other = await seed(watched)
    assert await ask(watched, "total-requests", token=str(watched.house.first.project_token)) == {"totalRequests": 5}
    reply = await watched.ask(
        "/v1/analytics/requests/total-requests",
        token=str(watched.house.first.organization_token),
        headers={"ProjectId": other, "OrganizationId": watched.house.owner.organization_id},
        **MAY,
    )
    assert reply.json()["totalRequests"] == 1


async def test_one_agent_is_counted_by_its_name(watched: Watched) -> None:
    await seed(watched)
    days = (await ask(watched, "total-requests-per-day", agentName="B"))["totalRequestsPerDay"]
    assert days == [{"date": "2026-05-02", "totalRequests": 1, "totalRequestsWithError": 1}]
    assert await ask(watched, "total-requests-per-day", agentName="B\0") == {"totalRequestsPerDay": []}


@pytest.mark.parametrize(
    ("first", "last"),
    [("2026-05-10", "2026-05-01"), ("9999-12-31", "9999-12-31"), ("0001-01-01", "0001-01-01")],
)
async def test_a_period_without_anything_is_empty(watched: Watched, first: str, last: str) -> None:
    for figure in sorted(FIGURES):
        answer = await ask(watched, figure, startDate=first, endDate=last)
        assert all(value in (0, []) for value in answer.values()), figure


async def test_a_bad_date_is_as_good_as_none(watched: Watched) -> None:
    for bad in ("", "2024/01/01", "invalid-date", "2024-13-01", "2024-W01-1", "20240101", "２０２４-01-01"):
        for name in ("startDate", "endDate"):
            reply = await watched.ask("/v1/analytics/requests/total-cost", **{**MAY, name: bad})
            assert reply.status == 400, (name, bad)
            assert reply.json()["errors"] == [{"id": 9, "description": f"Field {name} is required"}], bad


async def test_dates_are_required(watched: Watched) -> None:
    reply = await watched.ask("/v1/analytics/requests/total-cost")
    assert "startDate is required" in reply.json()["errors"][0]["description"]


async def test_what_is_not_kept_is_said_to_be_missing(watched: Watched) -> None:
    for figure in LAB:
        reply = await watched.ask(f"/v1/analytics/lab/{figure}", **MAY)
        assert (reply.status, reply.json()["errors"][0]["id"]) == (501, 2010), figure


async def test_an_unknown_figure_is_no_endpoint(watched: Watched) -> None:
    for path in ("requests/total-nonsense", "lab/total-cost", "total-cost"):
        reply = await watched.ask(f"/v1/analytics/{path}", **MAY)
        assert (reply.status, reply.json()["errors"][0]["id"]) == (404, 404), path


async def test_nobody_gets_a_figure(watched: Watched) -> None:
    assert (await watched.ask("/v1/analytics/requests/total-cost", token=None, **MAY)).status == 401
