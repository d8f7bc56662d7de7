"""`portico analytics`: what was used in a time, by whom, and what it cost."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from .groups import Command, Group
from .output import emit
from .shared_options import project_option

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.analytics import Period

REPORT = {
    "requests": ("total_requests", "totalRequests"),
    "failed": ("total_requests_with_error", "totalRequestsWithError"),
    "error rate": ("overall_error_rate", "overallErrorRate"),
    "average time (ms)": ("average_request_time", "averageRequestTime"),
    "cost (USD)": ("total_cost", "totalCost"),
    "average cost (USD)": ("average_cost_per_request", "averageCostPerRequest"),
    "input tokens": ("total_tokens", "input"),
    "output tokens": ("total_tokens", "output"),
    "active users": ("total_active_users", "totalActiveUsers"),
    "active agents": ("total_active_agents", "totalActiveAgents"),
    "active projects": ("total_active_projects", "totalActiveProjects"),
}
FIGURES = [
    "agent-usage-per-user",
    "average-cost-per-request",
    "average-cost-per-user",
    "average-cost-per-user-per-date",
    "average-request-time",
    "average-requests-per-day",
    "average-requests-per-user",
    "average-requests-per-user-per-date",
    "average-tokens-per-request",
    "average-users-per-agent",
    "average-users-per-project",
    "number-of-tokens",
    "number-of-tokens-per-agent",
    "number-of-tokens-per-day",
    "overall-error-rate",
    "top-10-agents-by-requests",
    "top-10-agents-by-tokens",
    "top-10-users-by-cost",
    "top-10-users-by-requests",
    "total-active-agents",
    "total-active-projects",
    "total-active-users",
    "total-cost",
    "total-cost-per-day",
    "total-request-time",
    "total-requests",
    "total-requests-per-day",
    "total-requests-with-error",
    "total-tokens",
]


def period(command: Any) -> Any:
    """The options that choose a time and a project."""
    options = [
        click.option("--from", "start_date", metavar="DAY", help="First day, as 2026-05-01."),
        click.option("--to", "end_date", metavar="DAY", help="Last day; without both, the previous calendar month."),
        click.option("--days", type=click.IntRange(1), metavar="N", help="The last N days instead, today included."),
        project_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.group(
    cls=Group,
    examples=[
        "portico analytics report --days 7",
        "portico analytics show total-cost-per-day --from 2026-05-01 --to 2026-05-31",
        "portico analytics show top-10-users-by-cost -o json",
    ],
)
def analytics() -> None:
    """Show what was used, by whom, and what it cost.

    Days are those of UTC. A project's token counts its project, the organization's token all projects.
    """


@analytics.command(cls=Command, examples=["portico analytics report", "portico analytics report --days 30 -o json"])
@period
def report(**chosen: Any) -> None:
    """Show the most important figures of a time."""
    answers = _ask([method for method, _ in REPORT.values()], _read_period(**chosen))
    any_answer = next(iter(answers.values()))
    days = {"from": any_answer.get("startDate"), "to": any_answer.get("endDate")}
    emit({**days, **{title: answers[method].get(member) for title, (method, member) in REPORT.items()}})


@analytics.command(
    cls=Command,
    examples=["portico analytics show total-cost --days 1", "portico analytics show number-of-tokens-per-agent"],
)
@click.argument("figure", type=click.Choice(FIGURES), metavar="FIGURE")
@click.option("--agent", "agent_name", metavar="NAME", help="With total-requests-per-day: of this agent only.")
@period
def show(figure: str, agent_name: str | None, **chosen: Any) -> None:
    """Show one figure; a wrong FIGURE lists them all."""
    if agent_name is not None and figure != "total-requests-per-day":
        raise click.UsageError("--agent goes with total-requests-per-day only")
    method = figure.replace("-", "_")
    answer = _ask([method], _read_period(**chosen), agent_name)[method]
    rows = next((value for value in answer.values() if isinstance(value, list)), None)
    emit(answer, rows=rows)


def _read_period(start_date: str | None, end_date: str | None, days: int | None, project_id: str | None) -> Period:
    if days is not None:
        if start_date or end_date:
            raise click.UsageError("--days goes without --from and --to")
        today = datetime.now(UTC).date()
        return {"start_date": today - timedelta(days=days - 1), "end_date": today, "project_id": project_id}
    if bool(start_date) != bool(end_date):
        raise click.UsageError("--from and --to go together")
    for option, day in (("--from", start_date), ("--to", end_date)):
        if day is not None and not _is_day(day):
            raise click.UsageError(f"{option} {day}: write a day as 2026-05-01")
    return {"start_date": start_date, "end_date": end_date, "project_id": project_id}


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _ask(methods: list[str], chosen: Period, agent_name: str | None = None) -> dict[str, JsonObject]:
    """The answers of these figures, by method."""
    from .remote import opened

    more = {} if agent_name is None else {"agent_name": agent_name}
    with opened() as remote:
        return {
            method: remote.run(getattr(remote.analytics, f"get_{method}")(**chosen, **more))
            for method in dict.fromkeys(methods)
        }
