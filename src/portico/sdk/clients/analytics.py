"""Figures about requests, low level: one method per figure, JSON out.

Dates are days, as `date` or YYYY-MM-DD, both included; without them the previous calendar month. An organization token
counts all projects, or the one that `project_id` names. Source: analytics clients of the vendor's SDK 0.8.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TypedDict, Unpack

from portico.sdk.call import Call, JsonObject, get
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient

ROOT = "/v1/analytics"


class Period(TypedDict, total=False):
    """Which requests are counted."""

    start_date: date | str | None
    end_date: date | str | None
    project_id: str | None


def previous_month(today: date) -> tuple[date, date]:
    """First and last day of the calendar month before."""
    last = today.replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


def figure_call(path: str, period: Period, agent_name: str | None = None) -> Call:
    """A figure by its path below `/v1/analytics`."""
    first, last = previous_month(datetime.now(UTC).date())
    query = {
        "startDate": str(period.get("start_date") or first),
        "endDate": str(period.get("end_date") or last),
        "agentName": agent_name,
    }
    return get(f"{ROOT}/{path}", query, {"ProjectId": period.get("project_id")})


class AnalyticsClient(LowLevelClient):
    def get_agents_created_and_modified(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/lab/agents-created-and-modified."""
        return self._json(figure_call("lab/agents-created-and-modified", period))

    def get_agents_created_and_modified_per_day(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/lab/agents-created-and-modified-per-day."""
        return self._json(figure_call("lab/agents-created-and-modified-per-day", period))

    def get_flows_created_and_modified(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/lab/flows-created-and-modified."""
        return self._json(figure_call("lab/flows-created-and-modified", period))

    def get_flows_created_and_modified_per_day(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/lab/flows-created-and-modified-per-day."""
        return self._json(figure_call("lab/flows-created-and-modified-per-day", period))

    def get_processes_created_and_modified(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/lab/processes-created-and-modified."""
        return self._json(figure_call("lab/processes-created-and-modified", period))

    def get_agent_usage_per_user(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/agent-usage-per-user."""
        return self._json(figure_call("requests/agent-usage-per-user", period))

    def get_average_cost_per_request(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/average-cost-per-request."""
        return self._json(figure_call("requests/average-cost-per-request", period))

    def get_average_cost_per_user(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/average-cost-per-user."""
        return self._json(figure_call("requests/average-cost-per-user", period))

    def get_average_cost_per_user_per_date(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/average-cost-per-user-per-date."""
        return self._json(figure_call("requests/average-cost-per-user-per-date", period))

    def get_average_request_time(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/average-request-time."""
        return self._json(figure_call("requests/average-request-time", period))

    def get_average_requests_per_day(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/average-requests-per-day."""
        return self._json(figure_call("requests/average-requests-per-day", period))

    def get_average_requests_per_user(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/average-requests-per-user."""
        return self._json(figure_call("requests/average-requests-per-user", period))

    def get_average_requests_per_user_per_date(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/average-requests-per-user-per-date."""
        return self._json(figure_call("requests/average-requests-per-user-per-date", period))

    def get_average_tokens_per_request(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/average-tokens-per-request."""
        return self._json(figure_call("requests/average-tokens-per-request", period))

    def get_average_users_per_agent(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/average-users-per-agent."""
        return self._json(figure_call("requests/average-users-per-agent", period))

    def get_average_users_per_project(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/average-users-per-project."""
        return self._json(figure_call("requests/average-users-per-project", period))

    def get_number_of_tokens(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/number-of-tokens."""
        return self._json(figure_call("requests/number-of-tokens", period))

    def get_number_of_tokens_per_agent(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/number-of-tokens-per-agent."""
        return self._json(figure_call("requests/number-of-tokens-per-agent", period))

    def get_number_of_tokens_per_day(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/number-of-tokens-per-day."""
        return self._json(figure_call("requests/number-of-tokens-per-day", period))

    def get_overall_error_rate(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/overall-error-rate."""
        return self._json(figure_call("requests/overall-error-rate", period))

    def get_top_10_agents_by_requests(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/top-10-agents-by-requests."""
        return self._json(figure_call("requests/top-10-agents-by-requests", period))

    def get_top_10_agents_by_tokens(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/top-10-agents-by-tokens."""
        return self._json(figure_call("requests/top-10-agents-by-tokens", period))

    def get_top_10_users_by_cost(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/top-10-users-by-cost."""
        return self._json(figure_call("requests/top-10-users-by-cost", period))

    def get_top_10_users_by_requests(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/top-10-users-by-requests."""
        return self._json(figure_call("requests/top-10-users-by-requests", period))

    def get_total_active_agents(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/total-active-agents."""
        return self._json(figure_call("requests/total-active-agents", period))

    def get_total_active_projects(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/total-active-projects."""
        return self._json(figure_call("requests/total-active-projects", period))

    def get_total_active_users(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/total-active-users."""
        return self._json(figure_call("requests/total-active-users", period))

    def get_total_cost(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/total-cost."""
        return self._json(figure_call("requests/total-cost", period))

    def get_total_cost_per_day(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/total-cost-per-day."""
        return self._json(figure_call("requests/total-cost-per-day", period))

    def get_total_request_time(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/total-request-time."""
        return self._json(figure_call("requests/total-request-time", period))

    def get_total_requests(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/total-requests."""
        return self._json(figure_call("requests/total-requests", period))

    def get_total_requests_per_day(self, *, agent_name: str | None = None, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/total-requests-per-day; `agent_name` counts one agent only."""
        return self._json(figure_call("requests/total-requests-per-day", period, agent_name))

    def get_total_requests_with_error(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/total-requests-with-error."""
        return self._json(figure_call("requests/total-requests-with-error", period))

    def get_total_tokens(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/total-tokens."""
        return self._json(figure_call("requests/total-tokens", period))


class AsyncAnalyticsClient(AsyncLowLevelClient):
    async def get_agents_created_and_modified(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/lab/agents-created-and-modified."""
        return await self._json(figure_call("lab/agents-created-and-modified", period))

    async def get_agents_created_and_modified_per_day(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/lab/agents-created-and-modified-per-day."""
        return await self._json(figure_call("lab/agents-created-and-modified-per-day", period))

    async def get_flows_created_and_modified(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/lab/flows-created-and-modified."""
        return await self._json(figure_call("lab/flows-created-and-modified", period))

    async def get_flows_created_and_modified_per_day(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/lab/flows-created-and-modified-per-day."""
        return await self._json(figure_call("lab/flows-created-and-modified-per-day", period))

    async def get_processes_created_and_modified(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/lab/processes-created-and-modified."""
        return await self._json(figure_call("lab/processes-created-and-modified", period))

    async def get_agent_usage_per_user(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/agent-usage-per-user."""
        return await self._json(figure_call("requests/agent-usage-per-user", period))

    async def get_average_cost_per_request(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/average-cost-per-request."""
        return await self._json(figure_call("requests/average-cost-per-request", period))

    async def get_average_cost_per_user(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/average-cost-per-user."""
        return await self._json(figure_call("requests/average-cost-per-user", period))

    async def get_average_cost_per_user_per_date(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/average-cost-per-user-per-date."""
        return await self._json(figure_call("requests/average-cost-per-user-per-date", period))

    async def get_average_request_time(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/average-request-time."""
        return await self._json(figure_call("requests/average-request-time", period))

    async def get_average_requests_per_day(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/average-requests-per-day."""
        return await self._json(figure_call("requests/average-requests-per-day", period))

    async def get_average_requests_per_user(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/average-requests-per-user."""
        return await self._json(figure_call("requests/average-requests-per-user", period))

    async def get_average_requests_per_user_per_date(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/average-requests-per-user-per-date."""
        return await self._json(figure_call("requests/average-requests-per-user-per-date", period))

    async def get_average_tokens_per_request(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/average-tokens-per-request."""
        return await self._json(figure_call("requests/average-tokens-per-request", period))

    async def get_average_users_per_agent(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/average-users-per-agent."""
        return await self._json(figure_call("requests/average-users-per-agent", period))

    async def get_average_users_per_project(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/average-users-per-project."""
        return await self._json(figure_call("requests/average-users-per-project", period))

    async def get_number_of_tokens(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/number-of-tokens."""
        return await self._json(figure_call("requests/number-of-tokens", period))

    async def get_number_of_tokens_per_agent(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/number-of-tokens-per-agent."""
        return await self._json(figure_call("requests/number-of-tokens-per-agent", period))

    async def get_number_of_tokens_per_day(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/number-of-tokens-per-day."""
        return await self._json(figure_call("requests/number-of-tokens-per-day", period))

    async def get_overall_error_rate(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/overall-error-rate."""
        return await self._json(figure_call("requests/overall-error-rate", period))

    async def get_top_10_agents_by_requests(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/top-10-agents-by-requests."""
        return await self._json(figure_call("requests/top-10-agents-by-requests", period))

    async def get_top_10_agents_by_tokens(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/top-10-agents-by-tokens."""
        return await self._json(figure_call("requests/top-10-agents-by-tokens", period))

    async def get_top_10_users_by_cost(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/top-10-users-by-cost."""
        return await self._json(figure_call("requests/top-10-users-by-cost", period))

    async def get_top_10_users_by_requests(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/top-10-users-by-requests."""
        return await self._json(figure_call("requests/top-10-users-by-requests", period))

    async def get_total_active_agents(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/total-active-agents."""
        return await self._json(figure_call("requests/total-active-agents", period))

    async def get_total_active_projects(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/total-active-projects."""
        return await self._json(figure_call("requests/total-active-projects", period))

    async def get_total_active_users(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/total-active-users."""
        return await self._json(figure_call("requests/total-active-users", period))

    async def get_total_cost(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/total-cost."""
        return await self._json(figure_call("requests/total-cost", period))

    async def get_total_cost_per_day(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/total-cost-per-day."""
        return await self._json(figure_call("requests/total-cost-per-day", period))

    async def get_total_request_time(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/total-request-time."""
        return await self._json(figure_call("requests/total-request-time", period))

    async def get_total_requests(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/total-requests."""
        return await self._json(figure_call("requests/total-requests", period))

    async def get_total_requests_per_day(
        self, *, agent_name: str | None = None, **period: Unpack[Period]
    ) -> JsonObject:
        """GET /v1/analytics/requests/total-requests-per-day; `agent_name` counts one agent only."""
        return await self._json(figure_call("requests/total-requests-per-day", period, agent_name))

    async def get_total_requests_with_error(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/total-requests-with-error."""
        return await self._json(figure_call("requests/total-requests-with-error", period))

    async def get_total_tokens(self, **period: Unpack[Period]) -> JsonObject:
        """GET /v1/analytics/requests/total-tokens."""
        return await self._json(figure_call("requests/total-tokens", period))
