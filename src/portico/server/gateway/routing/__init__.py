"""Where a model is answered, and how it is tried: a model and a caller become a Route, the executor walks it."""

from __future__ import annotations

from portico.server.gateway.routing.executor import Answered, Attempt, Executor, hide_secrets
from portico.server.gateway.routing.health import Health, HealthRules
from portico.server.gateway.routing.targets import Choice, Route, Targets

__all__ = ["Answered", "Attempt", "Choice", "Executor", "Health", "HealthRules", "Route", "Targets", "hide_secrets"]
