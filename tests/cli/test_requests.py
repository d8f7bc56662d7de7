"""`portico requests` and `portico analytics`: which calls they make, and what they show."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from portico.cli.analytics import FIGURES, REPORT
from portico.sdk.clients.analytics import AnalyticsClient, previous_month

from .conftest import Run
from .fake_server import FakeServer

EXPORT = "/v1/organization/request/export"
ITEM = {
    "requestId": "r-1", "timestamp": "2026-05-13T11:11:44", "status": "failed", "outcome": "cancelled",
    "provider": "openai", "model": "gpt-4o", "tokens": {"total": 29}, "cost": 0.0025, "elapsedTimeMs": 1500,
    "assistant": "",
}  # fmt: skip


def test_the_export_is_a_table_of_what_matters(run: Run, server: FakeServer) -> None:
    server.answer("GET", EXPORT, {"items": [ITEM]})

    assert run("requests", "export", "-o", "table").out == (
        "Request  Time                 Status     Model          Tokens  USD     ms    Assistant\n"
        "r-1      2026-05-13T11:11:44  cancelled  openai/gpt-4o  29      0.0025  1500  -\n"
    )
    assert server.last(EXPORT).query == {"skip": "0", "count": "100"}


def test_the_export_passes_its_filters_on(run: Run, server: FakeServer) -> None:
    server.answer("GET", EXPORT, {"items": []})

    line = ["--assistant", "Translator", "--status", "failed", "--skip", "5", "--all", "--project", "p"]
    assert json.loads(run("requests", "export", *line).out) == {"items": []}
    asked = server.last(EXPORT)
    assert asked.query == {"assistantName": "Translator", "status": "failed", "skip": "5", "count": "0"}
    assert asked.headers["projectid"] == "p"


@pytest.mark.parametrize(("command", "method"), [("status", "GET"), ("cancel", "POST")])
def test_one_request(run: Run, server: FakeServer, command: str, method: str) -> None:
    path = f"/v1/assistant/request/r-1/{command}"
    server.answer(method, path, {"requestId": "r-1", "status": "cancelled"})

    assert json.loads(run("requests", command, "r-1").out)["status"] == "cancelled"
    assert server.last(path).method == method


def answer_all(server: FakeServer) -> None:
    for figure in FIGURES:
        server.answer("GET", f"/v1/analytics/requests/{figure}", {"startDate": "a", "endDate": "b", "totalCost": 1.5})


def test_the_report_is_of_the_month_before(run: Run, server: FakeServer) -> None:
    answer_all(server)
    before = datetime.now(UTC).date()

    shown = json.loads(run("analytics", "report").out)
    assert list(shown) == ["from", "to", *REPORT] and shown["cost (USD)"] == 1.5
    months = [previous_month(day) for day in (before, datetime.now(UTC).date())]  # a month may end meanwhile
    asked = server.last("/v1/analytics/requests/total-cost")
    assert asked.query in [{"startDate": str(first), "endDate": str(last)} for first, last in months]
    assert len(server.asked) == len({method for method, _ in REPORT.values()})


def test_the_last_days_end_today(run: Run, server: FakeServer) -> None:
    answer_all(server)
    before = datetime.now(UTC).date()

    run("analytics", "show", "total-cost", "--days", "7", "--project", "p")
    asked = server.last("/v1/analytics/requests/total-cost")
    week = timedelta(days=6)
    days = (before, datetime.now(UTC).date())  # a day may end meanwhile
    assert asked.query in [{"startDate": str(day - week), "endDate": str(day)} for day in days]
    assert asked.headers["projectid"] == "p"


def test_a_figure_with_rows_is_a_table(run: Run, server: FakeServer) -> None:
    rows = [{"date": "2026-05-01", "totalRequests": 3, "totalRequestsWithError": 1}]
    path = "/v1/analytics/requests/total-requests-per-day"
    server.answer("GET", path, {"startDate": "", "endDate": "", "totalRequestsPerDay": rows})

    line = ["analytics", "show", "total-requests-per-day", "--from", "2026-05-01", "--to", "2026-05-02"]
    assert run(*line, "--agent", "A", "-o", "table").out == (
        "date        totalRequests  totalRequestsWithError\n2026-05-01  3              1\n"
    )
    assert server.last(path).query == {"startDate": "2026-05-01", "endDate": "2026-05-02", "agentName": "A"}


@pytest.mark.parametrize(
    "line",
    [
        ["show", "total-cost", "--agent", "A"],
        ["show", "total-cost", "--from", "2026-05-01"],
        ["report", "--days", "7", "--from", "2026-05-01", "--to", "2026-05-02"],
        ["show", "nonsense"],
        ["report", "--from", "2026-13-01", "--to", "2026-12-01"],
        ["report", "--from", "2026-05-01", "--to", "20260531"],
    ],
)
def test_wrong_use_is_said_before_anything_is_asked(run: Run, server: FakeServer, line: list[str]) -> None:
    assert run("analytics", *line).code == 2
    assert server.asked == []


def test_command_line_sdk_and_server_know_the_same_figures() -> None:
    from portico.server.gateway.requests import analytics

    assert set(FIGURES) == set(analytics.FIGURES)
    methods = {name.removeprefix("get_").replace("_", "-") for name in vars(AnalyticsClient) if name.startswith("get_")}
    assert methods == set(analytics.FIGURES) | set(analytics.LAB)
    assert len(methods) == 34


@pytest.mark.parametrize(
    ("today", "first", "last"),
    [("2024-01-15", "2023-12-01", "2023-12-31"), ("2024-03-31", "2024-02-01", "2024-02-29")],
)
def test_the_month_before(today: str, first: str, last: str) -> None:
    found = previous_month(datetime.fromisoformat(today).date())
    assert tuple(map(str, found)) == (first, last)
