"""`pygeai` 0.8.0, unchanged, reads what was used: export, figures, status and cancellation."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.clients.pygeai_host import import_pygeai, profiles_of
from tests.live import LiveServer, wait_until
from tests.upstream import Upstream

MODEL = "openai/gpt-4o-mini"
LAB = ("agents", "flows", "processes")


@pytest.fixture(scope="module", autouse=True)
def _vendor(tmp_path_factory: pytest.TempPathFactory) -> None:
    import_pygeai(tmp_path_factory.mktemp("vendor-home"))


@pytest.fixture(autouse=True)
def credentials(server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with profiles_of(server, tmp_path, monkeypatch) as file:
        yield file


@pytest.fixture
def key(server: LiveServer) -> tuple[str, str]:
    return server.token(), server.url


def asked(server: LiveServer) -> str:
    """The id of a request that is over, and in the database."""
    answer = server.chat(MODEL, user="ana@acme.example")
    assert answer.status == 200
    request_id: str = answer.json()["requestId"]
    wait_until(
        lambda: server.get(f"/v1/assistant/request/{request_id}/status").json().get("status") == "completed",
        "the request is over",
    )
    return request_id


def test_the_manager_reads_every_item_of_the_export(
    server: LiveServer, upstream: Upstream, key: tuple[str, str]
) -> None:
    from pygeai.organization.managers import OrganizationManager

    asked(server)
    server.chat("openai/none-such-model")  # one that failed
    items = OrganizationManager(*key).export_request_data().items
    assert items and {item.status for item in items} <= {"succeeded", "failed"}
    assert items[0].api_token == "Default"
    found = OrganizationManager(*key).export_request_data(status="succeeded", count=1).items
    assert [item.status for item in found] == ["succeeded"]
    assert found[0].elapsed_time_ms >= 0 and found[0].module


def test_the_client_passes_its_filters_on(server: LiveServer, upstream: Upstream, key: tuple[str, str]) -> None:
    from pygeai.organization.clients import OrganizationClient

    request_id = asked(server)
    answer = OrganizationClient(*key).export_request_data(status="completed", skip=0, count=5)
    assert request_id in [item["requestId"] for item in answer["items"]]
    assert OrganizationClient(*key).export_request_data(assistant_name="None such", count=5) == {"items": []}


def test_every_figure_is_read_by_the_manager(server: LiveServer, upstream: Upstream, key: tuple[str, str]) -> None:
    from pygeai.analytics.managers import AnalyticsManager

    began = datetime.now(UTC)
    asked(server)
    manager = AnalyticsManager(*key)
    first, last = (f"{day:%Y-%m-%d}" for day in (began, began + timedelta(days=1)))  # a day may end meanwhile
    figures: dict[str, Any] = {}
    for name, method in inspect.getmembers(manager, inspect.ismethod):
        if name.startswith("get_") and not any(word in name for word in LAB if "created" in name):
            figures[name] = method(first, last)
    assert len(figures) == 29
    assert figures["get_total_requests"].totalRequests >= 1
    assert figures["get_total_cost"].totalCost > 0
    assert figures["get_total_tokens"].totalTokens == (
        figures["get_total_tokens"].totalInputTokens + figures["get_total_tokens"].totalOutputTokens
    )
    assert figures["get_total_active_projects"].totalActiveProjects == 1
    assert figures["get_total_active_users"].totalActiveUsers >= 1
    assert figures["get_total_requests_per_day"].requestsPerDay[-1].date in (first, last)
    assert 0 <= figures["get_overall_error_rate"].errorRate <= 1
    users = {row.user for row in figures["get_top_10_users_by_cost"].topUsers}
    assert "ana@acme.example" in users


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [("", "2026-05-01", "startDate is required"), ("2026-05-01", "2024/01/01", "endDate is required")],
)
def test_bad_dates_are_refused_as_the_vendors_tests_expect(
    key: tuple[str, str], upstream: Upstream, start: str, end: str, text: str
) -> None:
    from pygeai.analytics.managers import AnalyticsManager
    from pygeai.core.common.exceptions import APIResponseError

    with pytest.raises(APIResponseError, match=text):
        AnalyticsManager(*key).get_total_cost(start, end)


def test_what_is_not_counted_yet_is_an_error_and_no_zero(key: tuple[str, str], upstream: Upstream) -> None:
    from pygeai.analytics.managers import AnalyticsManager
    from pygeai.core.common.exceptions import APIResponseError

    with pytest.raises(APIResponseError, match="Not Implemented"):
        AnalyticsManager(*key).get_agents_created_and_modified("2026-05-01", "2026-05-31")


def test_status_and_cancellation_are_read(server: LiveServer, upstream: Upstream, key: tuple[str, str]) -> None:
    from pygeai.assistant.managers import AssistantManager

    request_id = asked(server)
    status = AssistantManager(*key).get_request_status(request_id)
    assert (status.request_id, status.status, status.success, status.progress) == (request_id, "completed", True, 100)
    assert AssistantManager(*key).cancel_request(request_id).status == "completed"
