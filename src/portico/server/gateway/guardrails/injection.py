"""A text to what speaks against it: for each documented category how sure the rules are, 0 to 1. Offline, no model."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from portico.server.gateway.guardrails.normal import views
from portico.server.gateway.guardrails.rules import CATEGORIES, Category, injection_rules

LONGEST_TEXT = 200_000
"""Characters that are read of one message, from its beginning and from its end: an attack stands first or last."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One category and how sure we are of it."""

    category: str
    score: float


def score_text(text: str, categories: Collection[Category] = CATEGORIES) -> dict[Category, float]:
    """Confidence per category that has any. Signs add up as independent ones: 1 - (1-a)(1-b)."""
    if len(text) > LONGEST_TEXT:
        text = f"{text[: LONGEST_TEXT // 2]}\n{text[-LONGEST_TEXT // 2 :]}"
    scores: dict[Category, float] = {}
    matched: set[int] = set()
    for view in views(text):
        for number, rule in enumerate(injection_rules()):
            if number in matched or rule.category not in categories:
                continue
            if any(word in view for word in rule.words) and rule.pattern.search(view):
                matched.add(number)  # a rule counts once, however many readings of the text show it
                scores[rule.category] = 1 - (1 - scores.get(rule.category, 0.0)) * (1 - rule.weight)
    return scores


def maybe_finding(text: str, threshold: float, categories: Collection[Category] = CATEGORIES) -> Finding | None:
    """The surest category that reaches the threshold."""
    scores = score_text(text, categories)
    worst = max(scores, key=scores.__getitem__, default=None)
    if worst is None or scores[worst] < threshold:
        return None
    return Finding(worst, round(scores[worst], 3))
