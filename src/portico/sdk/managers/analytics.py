"""Figures about requests, high level: one typed answer per figure.

Dates are days, as `date` or YYYY-MM-DD, both included; without them the previous calendar month. An organization token
counts all projects, or the one that `project_id` names.
"""

from __future__ import annotations

from typing import Unpack

from portico.sdk.clients.analytics import AnalyticsClient, AsyncAnalyticsClient, Period
from portico.sdk.managers.base import read
from portico.wire import analytics as wire


class Analytics:
    """`client.analytics`: what was used, by whom, and what it cost."""

    def __init__(self, client: AnalyticsClient) -> None:
        self._client = client

    def agent_usage_per_user(self, **period: Unpack[Period]) -> wire.UsagePerUser:
        """Requests, tokens and cost of each user of agents."""
        return read(wire.UsagePerUser, self._client.get_agent_usage_per_user(**period))

    def average_cost_per_request(self, **period: Unpack[Period]) -> wire.AverageCostPerRequest:
        """Cost of the average request in USD."""
        return read(wire.AverageCostPerRequest, self._client.get_average_cost_per_request(**period))

    def average_cost_per_user(self, **period: Unpack[Period]) -> wire.AverageCost:
        """Cost of the average user in USD."""
        return read(wire.AverageCost, self._client.get_average_cost_per_user(**period))

    def average_cost_per_user_per_date(self, **period: Unpack[Period]) -> wire.CostPerUserAndDay:
        """Cost of each user on each day in USD."""
        return read(wire.CostPerUserAndDay, self._client.get_average_cost_per_user_per_date(**period))

    def average_request_time(self, **period: Unpack[Period]) -> wire.AverageRequestTime:
        """Milliseconds of the average request."""
        return read(wire.AverageRequestTime, self._client.get_average_request_time(**period))

    def average_requests_per_day(self, **period: Unpack[Period]) -> wire.AverageRequests:
        """Requests of the average day of the period."""
        return read(wire.AverageRequests, self._client.get_average_requests_per_day(**period))

    def average_requests_per_user(self, **period: Unpack[Period]) -> wire.AverageRequests:
        """Requests of the average user."""
        return read(wire.AverageRequests, self._client.get_average_requests_per_user(**period))

    def average_requests_per_user_per_date(self, **period: Unpack[Period]) -> wire.RequestsPerUserAndDay:
        """Requests of each user on each day."""
        return read(wire.RequestsPerUserAndDay, self._client.get_average_requests_per_user_per_date(**period))

    def average_tokens_per_request(self, **period: Unpack[Period]) -> wire.Tokens:
        """Tokens of the average request."""
        return read(wire.Tokens, self._client.get_average_tokens_per_request(**period))

    def average_users_per_agent(self, **period: Unpack[Period]) -> wire.AverageUsers:
        """Users of the average agent."""
        return read(wire.AverageUsers, self._client.get_average_users_per_agent(**period))

    def average_users_per_project(self, **period: Unpack[Period]) -> wire.AverageUsers:
        """Users of the average project."""
        return read(wire.AverageUsers, self._client.get_average_users_per_project(**period))

    def number_of_tokens(self, **period: Unpack[Period]) -> wire.Tokens:
        """Tokens in total."""
        return read(wire.Tokens, self._client.get_number_of_tokens(**period))

    def number_of_tokens_per_agent(self, **period: Unpack[Period]) -> wire.TokensPerAgent:
        """Tokens of each agent and model."""
        return read(wire.TokensPerAgent, self._client.get_number_of_tokens_per_agent(**period))

    def number_of_tokens_per_day(self, **period: Unpack[Period]) -> wire.TokensPerDay:
        """Tokens of each day."""
        return read(wire.TokensPerDay, self._client.get_number_of_tokens_per_day(**period))

    def overall_error_rate(self, **period: Unpack[Period]) -> wire.ErrorRate:
        """The part of the requests that failed, of 1."""
        return read(wire.ErrorRate, self._client.get_overall_error_rate(**period))

    def top_agents_by_requests(self, **period: Unpack[Period]) -> wire.TopAgentsByRequests:
        """The agents with the most requests."""
        return read(wire.TopAgentsByRequests, self._client.get_top_10_agents_by_requests(**period))

    def top_agents_by_tokens(self, **period: Unpack[Period]) -> wire.TopAgentsByTokens:
        """The agents with the most tokens."""
        return read(wire.TopAgentsByTokens, self._client.get_top_10_agents_by_tokens(**period))

    def top_users_by_cost(self, **period: Unpack[Period]) -> wire.TopUsersByCost:
        """The users with the highest cost."""
        return read(wire.TopUsersByCost, self._client.get_top_10_users_by_cost(**period))

    def top_users_by_requests(self, **period: Unpack[Period]) -> wire.TopUsersByRequests:
        """The users with the most requests."""
        return read(wire.TopUsersByRequests, self._client.get_top_10_users_by_requests(**period))

    def total_active_agents(self, **period: Unpack[Period]) -> wire.ActiveAgents:
        """How many agents were used."""
        return read(wire.ActiveAgents, self._client.get_total_active_agents(**period))

    def total_active_projects(self, **period: Unpack[Period]) -> wire.ActiveProjects:
        """How many projects were used."""
        return read(wire.ActiveProjects, self._client.get_total_active_projects(**period))

    def total_active_users(self, **period: Unpack[Period]) -> wire.ActiveUsers:
        """How many users there were."""
        return read(wire.ActiveUsers, self._client.get_total_active_users(**period))

    def total_cost(self, **period: Unpack[Period]) -> wire.TotalCost:
        """Cost in USD."""
        return read(wire.TotalCost, self._client.get_total_cost(**period))

    def total_cost_per_day(self, **period: Unpack[Period]) -> wire.CostPerDay:
        """Cost of each day in USD."""
        return read(wire.CostPerDay, self._client.get_total_cost_per_day(**period))

    def total_request_time(self, **period: Unpack[Period]) -> wire.TotalRequestTime:
        """Milliseconds of all requests together."""
        return read(wire.TotalRequestTime, self._client.get_total_request_time(**period))

    def total_requests(self, **period: Unpack[Period]) -> wire.TotalRequests:
        """How many requests there were."""
        return read(wire.TotalRequests, self._client.get_total_requests(**period))

    def total_requests_per_day(self, *, agent_name: str | None = None, **period: Unpack[Period]) -> wire.RequestsPerDay:
        """Requests of each day, and how many failed. `agent_name` counts one agent only."""
        return read(wire.RequestsPerDay, self._client.get_total_requests_per_day(agent_name=agent_name, **period))

    def total_requests_with_error(self, **period: Unpack[Period]) -> wire.TotalRequestsWithError:
        """How many requests failed."""
        return read(wire.TotalRequestsWithError, self._client.get_total_requests_with_error(**period))

    def total_tokens(self, **period: Unpack[Period]) -> wire.Tokens:
        """Tokens in total."""
        return read(wire.Tokens, self._client.get_total_tokens(**period))


class AsyncAnalytics:
    """The same for asyncio."""

    def __init__(self, client: AsyncAnalyticsClient) -> None:
        self._client = client

    async def agent_usage_per_user(self, **period: Unpack[Period]) -> wire.UsagePerUser:
        """Requests, tokens and cost of each user of agents."""
        return read(wire.UsagePerUser, await self._client.get_agent_usage_per_user(**period))

    async def average_cost_per_request(self, **period: Unpack[Period]) -> wire.AverageCostPerRequest:
        """Cost of the average request in USD."""
        return read(wire.AverageCostPerRequest, await self._client.get_average_cost_per_request(**period))

    async def average_cost_per_user(self, **period: Unpack[Period]) -> wire.AverageCost:
        """Cost of the average user in USD."""
        return read(wire.AverageCost, await self._client.get_average_cost_per_user(**period))

    async def average_cost_per_user_per_date(self, **period: Unpack[Period]) -> wire.CostPerUserAndDay:
        """Cost of each user on each day in USD."""
        return read(wire.CostPerUserAndDay, await self._client.get_average_cost_per_user_per_date(**period))

    async def average_request_time(self, **period: Unpack[Period]) -> wire.AverageRequestTime:
        """Milliseconds of the average request."""
        return read(wire.AverageRequestTime, await self._client.get_average_request_time(**period))

    async def average_requests_per_day(self, **period: Unpack[Period]) -> wire.AverageRequests:
        """Requests of the average day of the period."""
        return read(wire.AverageRequests, await self._client.get_average_requests_per_day(**period))

    async def average_requests_per_user(self, **period: Unpack[Period]) -> wire.AverageRequests:
        """Requests of the average user."""
        return read(wire.AverageRequests, await self._client.get_average_requests_per_user(**period))

    async def average_requests_per_user_per_date(self, **period: Unpack[Period]) -> wire.RequestsPerUserAndDay:
        """Requests of each user on each day."""
        return read(wire.RequestsPerUserAndDay, await self._client.get_average_requests_per_user_per_date(**period))

    async def average_tokens_per_request(self, **period: Unpack[Period]) -> wire.Tokens:
        """Tokens of the average request."""
        return read(wire.Tokens, await self._client.get_average_tokens_per_request(**period))

    async def average_users_per_agent(self, **period: Unpack[Period]) -> wire.AverageUsers:
        """Users of the average agent."""
        return read(wire.AverageUsers, await self._client.get_average_users_per_agent(**period))

    async def average_users_per_project(self, **period: Unpack[Period]) -> wire.AverageUsers:
        """Users of the average project."""
        return read(wire.AverageUsers, await self._client.get_average_users_per_project(**period))

    async def number_of_tokens(self, **period: Unpack[Period]) -> wire.Tokens:
        """Tokens in total."""
        return read(wire.Tokens, await self._client.get_number_of_tokens(**period))

    async def number_of_tokens_per_agent(self, **period: Unpack[Period]) -> wire.TokensPerAgent:
        """Tokens of each agent and model."""
        return read(wire.TokensPerAgent, await self._client.get_number_of_tokens_per_agent(**period))

    async def number_of_tokens_per_day(self, **period: Unpack[Period]) -> wire.TokensPerDay:
        """Tokens of each day."""
        return read(wire.TokensPerDay, await self._client.get_number_of_tokens_per_day(**period))

    async def overall_error_rate(self, **period: Unpack[Period]) -> wire.ErrorRate:
        """The part of the requests that failed, of 1."""
        return read(wire.ErrorRate, await self._client.get_overall_error_rate(**period))

    async def top_agents_by_requests(self, **period: Unpack[Period]) -> wire.TopAgentsByRequests:
        """The agents with the most requests."""
        return read(wire.TopAgentsByRequests, await self._client.get_top_10_agents_by_requests(**period))

    async def top_agents_by_tokens(self, **period: Unpack[Period]) -> wire.TopAgentsByTokens:
        """The agents with the most tokens."""
        return read(wire.TopAgentsByTokens, await self._client.get_top_10_agents_by_tokens(**period))

    async def top_users_by_cost(self, **period: Unpack[Period]) -> wire.TopUsersByCost:
        """The users with the highest cost."""
        return read(wire.TopUsersByCost, await self._client.get_top_10_users_by_cost(**period))

    async def top_users_by_requests(self, **period: Unpack[Period]) -> wire.TopUsersByRequests:
        """The users with the most requests."""
        return read(wire.TopUsersByRequests, await self._client.get_top_10_users_by_requests(**period))

    async def total_active_agents(self, **period: Unpack[Period]) -> wire.ActiveAgents:
        """How many agents were used."""
        return read(wire.ActiveAgents, await self._client.get_total_active_agents(**period))

    async def total_active_projects(self, **period: Unpack[Period]) -> wire.ActiveProjects:
        """How many projects were used."""
        return read(wire.ActiveProjects, await self._client.get_total_active_projects(**period))

    async def total_active_users(self, **period: Unpack[Period]) -> wire.ActiveUsers:
        """How many users there were."""
        return read(wire.ActiveUsers, await self._client.get_total_active_users(**period))

    async def total_cost(self, **period: Unpack[Period]) -> wire.TotalCost:
        """Cost in USD."""
        return read(wire.TotalCost, await self._client.get_total_cost(**period))

    async def total_cost_per_day(self, **period: Unpack[Period]) -> wire.CostPerDay:
        """Cost of each day in USD."""
        return read(wire.CostPerDay, await self._client.get_total_cost_per_day(**period))

    async def total_request_time(self, **period: Unpack[Period]) -> wire.TotalRequestTime:
        """Milliseconds of all requests together."""
        return read(wire.TotalRequestTime, await self._client.get_total_request_time(**period))

    async def total_requests(self, **period: Unpack[Period]) -> wire.TotalRequests:
        """How many requests there were."""
        return read(wire.TotalRequests, await self._client.get_total_requests(**period))

    async def total_requests_per_day(
        self, *, agent_name: str | None = None, **period: Unpack[Period]
    ) -> wire.RequestsPerDay:
        """Requests of each day, and how many failed. `agent_name` counts one agent only."""
        return read(wire.RequestsPerDay, await self._client.get_total_requests_per_day(agent_name=agent_name, **period))

    async def total_requests_with_error(self, **period: Unpack[Period]) -> wire.TotalRequestsWithError:
        """How many requests failed."""
        return read(wire.TotalRequestsWithError, await self._client.get_total_requests_with_error(**period))

    async def total_tokens(self, **period: Unpack[Period]) -> wire.Tokens:
        """Tokens in total."""
        return read(wire.Tokens, await self._client.get_total_tokens(**period))
