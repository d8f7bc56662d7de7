"""What a request asks of a model's thinking, to what the model accepts: the table of the catalogue, applied here only.

In: `reasoning_effort` and `thinking` as the caller wrote them. Out: an effort, a budget, and notes on what changed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from portico.server.catalog.entry import Model, Reasoning
from portico.server.errors import OutOfRange
from portico.wire.requests import Members

LEVELS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
SHARES = {"minimal": 0.0, "low": 0.05, "medium": 0.25, "high": 0.5, "xhigh": 0.75, "max": 1.0}
"""How much of a model's range of budgets an effort stands for."""
UP_TO = (("low", 4_096), ("medium", 16_384))
"""The effort that a budget stands for, where a model takes efforts only; above these tokens it is high."""
DYNAMIC = -1
_THINKING_WINS = frozenset({"anthropic", "vertex_ai", "gemini", "awsbedrock"})
_RANK = {name: rank for rank, name in enumerate(LEVELS)}


class Asked(NamedTuple):
    """Of one request. `effort` is "" when not asked; `budget` None when not asked, 0: off, -1: as the model likes."""

    effort: str = ""
    budget: int | None = None

    @property
    def thinks(self) -> bool:
        """Whether thinking was asked for."""
        return self.effort not in ("", "none") or self.budget not in (None, 0)


def take_asked(members: Members, model: Model, notes: list[str]) -> Asked:
    """Takes both members out and says what goes to `model`; see `fit_asked`.

    Of two that contradict each other `thinking` counts for Claude and Gemini, `reasoning_effort` for all others.
    Raises OutOfRange for a word or a budget that no model or not this one knows.
    Source: Chat API reference, "Reasoning" (9.1).
    """
    effort = _read_effort(members.pop("reasoning_effort", None))
    budget = _read_thinking(members.pop("thinking", None))
    if effort and _contradict(effort, budget):
        if _thinking_wins(model):
            effort = ""
            notes.append("reasoning_effort dropped")
        else:
            budget = None
            notes.append("thinking dropped")
    return fit_asked(Asked(effort, budget), model, _room(members), notes)


def fit_asked(asked: Asked, model: Model, room: int | None, notes: list[str]) -> Asked:
    """What `model` accepts of it. Efforts go to the nearest accepted one; "none" never makes a model think more than it
    must, and an effort never becomes "none". `room` are the tokens the answer may have, thinking included.

    For models that take budgets the result has one, for all others an effort; off is ("none", 0) for both.
    """
    rules = model.reasoning
    if asked == Asked():
        return asked
    if not rules.on_demand:
        if not model.parameters and rules.can_disable:
            return asked  # a model nobody described
        notes.append(_note(asked, "dropped"))
        return Asked()
    if asked.effort == "none" or asked.budget == 0:
        return _off(asked, rules, notes)
    if rules.thinking_mode == "budget":
        return _by_budget(asked, rules, room, notes)
    return _by_effort(asked, rules, notes)


def _off(asked: Asked, rules: Reasoning, notes: list[str]) -> Asked:
    if rules.can_disable:
        return Asked("none", 0)
    if rules.thinking_mode == "budget":
        notes.append(_note(asked, f"{rules.budget_min} tokens"))
        return Asked(_lowest(rules), rules.budget_min)
    if not rules.effort_values:
        notes.append(_note(asked, "dropped"))
        return Asked()
    notes.append(_note(asked, _lowest(rules)))
    return Asked(_lowest(rules))


def _by_budget(asked: Asked, rules: Reasoning, room: int | None, notes: list[str]) -> Asked:
    if asked.budget is not None and asked.budget != DYNAMIC:
        if not rules.budget_min <= asked.budget <= rules.budget_max:
            raise OutOfRange("thinking.budget_tokens", f"{rules.budget_min} to {rules.budget_max}")
        return asked
    if not asked.effort and rules.dynamic_budget:
        return asked
    effort = _nearest(asked.effort or "medium", rules)
    if asked.effort and effort != asked.effort:
        notes.append(_note(asked, effort))
    least = max(rules.budget_min, 1)
    budget = max(least, rules.budget_min + int(SHARES[effort] * (rules.budget_max - rules.budget_min)))
    if room is None or budget < room:
        return Asked(effort, budget)
    if least >= room and rules.can_disable:  # no room to think and answer
        notes.append(_note(asked, "none"))
        return Asked("none", 0)
    return Asked(effort, max(least, room // 2))


def _by_effort(asked: Asked, rules: Reasoning, notes: list[str]) -> Asked:
    if not rules.effort_values:  # a switch
        if asked.effort:
            notes.append(_note(asked, "on"))
        return Asked("", DYNAMIC)
    if asked.effort:
        effort = _nearest(asked.effort, rules)
        if effort != asked.effort:
            notes.append(_note(asked, effort))
        return Asked(effort)
    if asked.budget == DYNAMIC:
        if rules.thinking_mode in ("adaptive", "adaptive_always"):
            return asked
        default = rules.effort_default
        return Asked(_nearest("medium" if default in ("", "none") else default, rules))
    effort = _nearest(_level_of(asked.budget or 0), rules)
    notes.append(_note(asked, effort))
    return Asked(effort)


def _nearest(effort: str, rules: Reasoning) -> str:
    """Thinking that was asked for stays thinking; between two that are equally near the higher one, as DeepSeek and
    Moonshot document it for themselves. Anything goes where no values are written."""
    values = [value for value in rules.effort_values if value != "none"] or LEVELS[1:]
    return min(values, key=lambda value: (abs(_RANK[value] - _RANK[effort]), -_RANK[value]))


def _lowest(rules: Reasoning) -> str:
    return min(rules.effort_values, key=_RANK.__getitem__, default="")


def _level_of(budget: int) -> str:
    return next((name for name, most in UP_TO if budget <= most), "high")


def _contradict(effort: str, budget: int | None) -> bool:
    """An effort and "enabled" or "adaptive" go together, and so do "none" and "disabled"."""
    return budget is not None and (budget > 0 or (effort == "none") != (budget == 0))


def _thinking_wins(model: Model) -> bool:
    return model.provider.lower() in _THINKING_WINS


def _note(asked: Asked, sent: str) -> str:
    name, value = ("reasoning_effort", asked.effort) if asked.effort else ("thinking", _budget_word(asked.budget))
    return f"{name} dropped" if sent == "dropped" else f"{name} {value}->{sent}"


def _budget_word(budget: int | None) -> str:
    return "disabled" if budget == 0 else "enabled" if budget == DYNAMIC else str(budget)


def _read_effort(raw: msgspec.Raw | None) -> str:
    value = None if raw is None else msgspec.json.decode(raw)
    if value is None:
        return ""
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in _RANK:
        raise OutOfRange("reasoning_effort", f"write one of {', '.join(LEVELS)}")
    return word


def _read_thinking(raw: msgspec.Raw | None) -> int | None:
    """`{"type": "enabled", "budget_tokens": N}` is N; without a number, or adaptive: as the model likes; disabled: 0"""
    value: Any = None if raw is None else msgspec.json.decode(raw)
    if value is None:
        return None
    kind = value.get("type", "enabled") if isinstance(value, dict) else None
    if kind not in ("enabled", "adaptive", "disabled"):
        raise OutOfRange("thinking.type", "write enabled, disabled or adaptive")
    if kind == "disabled":
        return 0
    budget = value.get("budget_tokens") if kind == "enabled" else None
    if budget is None:
        return DYNAMIC
    if not isinstance(budget, int) or isinstance(budget, bool) or budget < DYNAMIC:
        raise OutOfRange("thinking.budget_tokens", "write a number of tokens")
    return budget


def _room(members: Members) -> int | None:
    """Tokens that the answer may have; the door has checked that they are numbers."""
    for name in ("max_completion_tokens", "max_tokens"):
        raw = members.get(name)
        value = None if raw is None else msgspec.json.decode(raw)
        if isinstance(value, int | float):
            return int(value)
    return None
