"""The documented figures, by the last segment of their path: a scope in, a shape of `wire/analytics.py` out."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.errors import FieldRequired
from portico.server.storage import analytics as stored
from portico.server.storage.analytics import Scope, Sums, UserSums
from portico.wire import analytics as wire

TOP = 10
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
Compute = Callable[[AsyncConnection, Scope, str | None], Awaitable[wire.Figure]]


def read_date(name: str, given: str | None) -> date:
    """A day as YYYY-MM-DD; anything else is as good as absent, as on the reference server.

    Raises FieldRequired (400, id 9).
    """
    if given is None or not _DATE.fullmatch(given):
        raise FieldRequired(name)
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise FieldRequired(name) from None


def _of_sums(write: Callable[[Sums], wire.Figure]) -> Compute:
    async def compute(connection: AsyncConnection, scope: Scope, _: str | None) -> wire.Figure:
        return write(await stored.sum_all(connection, scope))

    return compute


def _of_counts(write: Callable[[stored.Distinct, Sums], wire.Figure]) -> Compute:
    async def compute(connection: AsyncConnection, scope: Scope, _: str | None) -> wire.Figure:
        return write(await stored.count_distinct(connection, scope), await stored.sum_all(connection, scope))

    return compute


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _name(row: UserSums) -> str:
    return row.name or row.user


async def _requests_per_day(connection: AsyncConnection, scope: Scope, agent: str | None) -> wire.Figure:
    days = await stored.sum_by_day(connection, scope, agent)
    return wire.RequestsPerDay(
        total_requests_per_day=[
            wire.DayRequests(date=str(day), total_requests=sums.requests, total_requests_with_error=sums.errors)
            for day, sums in days
        ]
    )


async def _cost_per_day(connection: AsyncConnection, scope: Scope, _: str | None) -> wire.Figure:
    days = await stored.sum_by_day(connection, scope)
    return wire.CostPerDay(total_cost_per_day=[wire.DayCost(date=str(day), total_cost=s.cost_usd) for day, s in days])


async def _tokens_per_day(connection: AsyncConnection, scope: Scope, _: str | None) -> wire.Figure:
    days = await stored.sum_by_day(connection, scope)
    return wire.TokensPerDay(
        number_of_tokens=[
            wire.DayTokens(date=str(day), input=s.input, output=s.output, total=s.tokens) for day, s in days
        ]
    )


async def _average_requests_per_day(connection: AsyncConnection, scope: Scope, _: str | None) -> wire.Figure:
    """Of all days of the period, also of those without a request."""
    sums = await stored.sum_all(connection, scope)
    return wire.AverageRequests(average_requests=_ratio(sums.requests, scope.days))


async def _tokens_per_agent(connection: AsyncConnection, scope: Scope, _: str | None) -> wire.Figure:
    rows = await stored.sum_by_agent_and_model(connection, scope)
    return wire.TokensPerAgent(
        number_of_tokens=[
            wire.AgentTokens(
                agent=row.agent, model=row.model, input=row.sums.input, output=row.sums.output, total=row.sums.tokens
            )
            for row in rows
        ]
    )


async def _usage_per_user(connection: AsyncConnection, scope: Scope, _: str | None) -> wire.Figure:
    rows = await stored.sum_by_user(connection, scope, agents_only=True)
    return wire.UsagePerUser(
        agent_usage=[
            wire.UserUsage(
                user=row.user,
                user_name=_name(row),
                total_cost=row.sums.cost_usd,
                total_requests=row.sums.requests,
                total_tokens=row.sums.tokens,
            )
            for row in rows
        ]
    )


async def _cost_per_user_and_day(connection: AsyncConnection, scope: Scope, _: str | None) -> wire.Figure:
    rows = await stored.sum_by_user_and_day(connection, scope)
    return wire.CostPerUserAndDay(
        average_cost_per_user=[
            wire.UserDayCost(user=r.user, user_name=_name(r), date=str(r.day), average_cost=r.sums.cost_usd)
            for r in rows
        ]
    )


async def _requests_per_user_and_day(connection: AsyncConnection, scope: Scope, _: str | None) -> wire.Figure:
    rows = await stored.sum_by_user_and_day(connection, scope)
    return wire.RequestsPerUserAndDay(
        average_requests_per_user=[
            wire.UserDayRequests(user=r.user, user_name=_name(r), date=str(r.day), average_requests=r.sums.requests)
            for r in rows
        ]
    )


async def _top_users_by_cost(connection: AsyncConnection, scope: Scope, _: str | None) -> wire.Figure:
    rows = await stored.sum_by_user(connection, scope, order="cost_usd", limit=TOP)
    users = [wire.UserCost(user=r.user, user_name=_name(r), total_cost=r.sums.cost_usd) for r in rows]
    return wire.TopUsersByCost(top_users=users)


async def _top_users_by_requests(connection: AsyncConnection, scope: Scope, _: str | None) -> wire.Figure:
    rows = await stored.sum_by_user(connection, scope, order="requests", limit=TOP)
    users = [wire.UserRequests(user=r.user, user_name=_name(r), total_requests=r.sums.requests) for r in rows]
    return wire.TopUsersByRequests(top_users=users)


async def _top_agents_by_requests(connection: AsyncConnection, scope: Scope, _: str | None) -> wire.Figure:
    rows = await stored.sum_by_agent(connection, scope, order="requests", limit=TOP)
    agents = [wire.AgentRequests(agent=r.agent, total_requests=r.sums.requests) for r in rows]
    return wire.TopAgentsByRequests(top_agents=agents)


async def _top_agents_by_tokens(connection: AsyncConnection, scope: Scope, _: str | None) -> wire.Figure:
    rows = await stored.sum_by_agent(connection, scope, order="tokens", limit=TOP)
    agents = [wire.AgentTotalTokens(agent=r.agent, total_tokens=r.sums.tokens) for r in rows]
    return wire.TopAgentsByTokens(top_agents=agents)


async def _users_per_agent(connection: AsyncConnection, scope: Scope, _: str | None) -> wire.Figure:
    return wire.AverageUsers(average_users=await stored.average_users(connection, scope, "assistant"))


async def _users_per_project(connection: AsyncConnection, scope: Scope, _: str | None) -> wire.Figure:
    return wire.AverageUsers(average_users=await stored.average_users(connection, scope, "project_id"))


def _average_tokens(sums: Sums) -> wire.Figure:
    per = [_ratio(part, sums.requests) for part in (sums.input, sums.output, sums.tokens)]
    return wire.Tokens(input=per[0], output=per[1], total=per[2])


_all_tokens = _of_sums(lambda s: wire.Tokens(input=s.input, output=s.output, total=s.tokens))

FIGURES: Mapping[str, Compute] = {
    "agent-usage-per-user": _usage_per_user,
    "average-cost-per-request": _of_sums(
        lambda s: wire.AverageCostPerRequest(average_cost_per_request=_ratio(s.cost_usd, s.requests))
    ),
    "average-cost-per-user": _of_counts(lambda n, s: wire.AverageCost(average_cost=_ratio(s.cost_usd, n.users))),
    "average-cost-per-user-per-date": _cost_per_user_and_day,
    "average-request-time": _of_sums(
        lambda s: wire.AverageRequestTime(average_request_time=_ratio(s.total_ms, s.requests))
    ),
    "average-requests-per-day": _average_requests_per_day,
    "average-requests-per-user": _of_counts(
        lambda n, s: wire.AverageRequests(average_requests=_ratio(s.requests, n.users))
    ),
    "average-requests-per-user-per-date": _requests_per_user_and_day,
    "average-tokens-per-request": _of_sums(_average_tokens),
    "average-users-per-agent": _users_per_agent,
    "average-users-per-project": _users_per_project,
    "number-of-tokens": _all_tokens,
    "number-of-tokens-per-agent": _tokens_per_agent,
    "number-of-tokens-per-day": _tokens_per_day,
    "overall-error-rate": _of_sums(lambda s: wire.ErrorRate(overall_error_rate=_ratio(s.errors, s.requests))),
    "top-10-agents-by-requests": _top_agents_by_requests,
    "top-10-agents-by-tokens": _top_agents_by_tokens,
    "top-10-users-by-cost": _top_users_by_cost,
    "top-10-users-by-requests": _top_users_by_requests,
    "total-active-agents": _of_counts(lambda n, _: wire.ActiveAgents(total_active_agents=n.agents)),
    "total-active-projects": _of_counts(lambda n, _: wire.ActiveProjects(total_active_projects=n.projects)),
    "total-active-users": _of_counts(lambda n, _: wire.ActiveUsers(total_active_users=n.users)),
    "total-cost": _of_sums(lambda s: wire.TotalCost(total_cost=s.cost_usd)),
    "total-cost-per-day": _cost_per_day,
    "total-request-time": _of_sums(lambda s: wire.TotalRequestTime(time=s.total_ms)),
    "total-requests": _of_sums(lambda s: wire.TotalRequests(total_requests=s.requests)),
    "total-requests-per-day": _requests_per_day,
    "total-requests-with-error": _of_sums(lambda s: wire.TotalRequestsWithError(total_requests_with_error=s.errors)),
    "total-tokens": _all_tokens,
}
"""Below `/v1/analytics/requests/`."""
LAB = (
    "agents-created-and-modified",
    "agents-created-and-modified-per-day",
    "flows-created-and-modified",
    "flows-created-and-modified-per-day",
    "processes-created-and-modified",
)
"""Below `/v1/analytics/lab/`: nothing can be counted before agents, flows and processes are kept."""


async def compute(connection: AsyncConnection, figure: str, scope: Scope, agent: str | None = None) -> wire.Figure:
    """One of FIGURES. A period that ends before it begins holds nothing."""
    answer = await FIGURES[figure](connection, scope, agent)
    answer.start_date, answer.end_date = str(scope.start), str(scope.end)
    return answer
