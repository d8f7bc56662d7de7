"""Efforts and thinking budgets in each other's words, for models that know only one of the two.

The gateway has done this for models that the catalogue describes; here are the same figures for all others.
"""

from __future__ import annotations

from portico.server.providers.base import Traits

LEAST_BUDGET = 1024
_SHARES = {"minimal": 0.0, "low": 0.05, "medium": 0.25, "high": 0.5, "xhigh": 0.75, "max": 1.0}
_USUAL_MOST = 32_000
_LOW, _MEDIUM = 4096, 16_384


def budget_of(effort: str, traits: Traits, least: int = LEAST_BUDGET) -> int:
    """Thinking tokens for an effort: a share of the range that the model takes."""
    least = max(traits.budget_min, least)
    most = max(traits.budget_max or _USUAL_MOST, least)
    return least + int(_SHARES.get(effort, _SHARES["medium"]) * (most - least))


def effort_of(budget: int, traits: Traits) -> str:
    """The effort nearest to a budget; "" leaves it to the model, as a budget of -1 does."""
    if budget <= 0:
        return ""
    wished = "low" if budget <= _LOW else "medium" if budget <= _MEDIUM else "high"
    return wished if not traits.effort_values or wished in traits.effort_values else ""
