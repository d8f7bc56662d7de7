"""Figures about requests: one shape per figure, as the vendor's SDK reads them. Costs are USD, times milliseconds.

Every answer also tells the period, both days included. Source: analytics clients of the vendor's SDK 0.8.
"""

from __future__ import annotations

from msgspec import field

from portico.wire.tolerant import Shape


class Figure(Shape, rename="camel"):
    """What all answers have: the days they are about, as YYYY-MM-DD."""

    start_date: str = ""
    end_date: str = ""


class Tokens(Figure):
    """Tokens of the period, in total or of the average request."""

    input: float = 0
    output: float = 0
    total: float = 0


class TotalRequests(Figure):
    total_requests: int = 0


class TotalRequestsWithError(Figure):
    total_requests_with_error: int = 0


class ErrorRate(Figure):
    """A part of 1."""

    overall_error_rate: float = 0.0


class TotalCost(Figure):
    total_cost: float = 0.0


class AverageCostPerRequest(Figure):
    average_cost_per_request: float = 0.0


class AverageCost(Figure):
    """Cost of the average user."""

    average_cost: float = 0.0


class AverageRequestTime(Figure):
    average_request_time: float = 0.0


class TotalRequestTime(Figure):
    time: float = 0.0


class AverageRequests(Figure):
    """Requests of the average day, or of the average user."""

    average_requests: float = 0.0


class AverageUsers(Figure):
    """Users of the average agent, or of the average project."""

    average_users: float = 0.0


class ActiveAgents(Figure):
    total_active_agents: int = 0


class ActiveProjects(Figure):
    total_active_projects: int = 0


class ActiveUsers(Figure):
    total_active_users: int = 0


class DayRequests(Shape, rename="camel"):
    date: str = ""
    total_requests: int = 0
    total_requests_with_error: int = 0


class RequestsPerDay(Figure):
    total_requests_per_day: list[DayRequests] = field(default_factory=list)


class DayCost(Shape, rename="camel"):
    date: str = ""
    total_cost: float = 0.0


class CostPerDay(Figure):
    total_cost_per_day: list[DayCost] = field(default_factory=list)


class DayTokens(Shape):
    date: str = ""
    input: int = 0
    output: int = 0
    total: int = 0


class TokensPerDay(Figure):
    number_of_tokens: list[DayTokens] = field(default_factory=list)


class AgentTokens(Shape):
    agent: str = ""
    model: str = ""
    input: int = 0
    output: int = 0
    total: int = 0


class TokensPerAgent(Figure):
    number_of_tokens: list[AgentTokens] = field(default_factory=list)


class User(Shape, rename="camel"):
    """A user as the request names it, else its token: `user` is the id of the token then, `user_name` its name."""

    user: str = ""
    user_name: str = ""


class UserUsage(User):
    total_cost: float = 0.0
    total_requests: int = 0
    total_tokens: int = 0


class UsagePerUser(Figure):
    agent_usage: list[UserUsage] = field(default_factory=list)


class UserDayCost(User):
    """What a user cost on one day."""

    date: str = ""
    average_cost: float = 0.0


class CostPerUserAndDay(Figure):
    average_cost_per_user: list[UserDayCost] = field(default_factory=list)


class UserDayRequests(User):
    """How many requests a user made on one day."""

    date: str = ""
    average_requests: float = 0.0


class RequestsPerUserAndDay(Figure):
    average_requests_per_user: list[UserDayRequests] = field(default_factory=list)


class UserCost(User):
    total_cost: float = 0.0


class TopUsersByCost(Figure):
    top_users: list[UserCost] = field(default_factory=list, name="top10Users")


class UserRequests(User):
    total_requests: int = 0


class TopUsersByRequests(Figure):
    top_users: list[UserRequests] = field(default_factory=list, name="top10Users")


class AgentRequests(Shape, rename="camel"):
    agent: str = ""
    total_requests: int = 0


class TopAgentsByRequests(Figure):
    top_agents: list[AgentRequests] = field(default_factory=list, name="top10Agents")


class AgentTotalTokens(Shape, rename="camel"):
    agent: str = ""
    total_tokens: int = 0


class TopAgentsByTokens(Figure):
    top_agents: list[AgentTotalTokens] = field(default_factory=list, name="top10Agents")
