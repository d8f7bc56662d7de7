"""The rules against injection and abuse, read from `injection.toml`: what in a text speaks for which category."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

Category = Literal[
    "Prompt Injection",
    "Self-Disclosure Attempts",
    "Instruction Overrides",
    "Code Execution Requests",
    "Privacy Violations",
    "Disallowed Content",
    "Politeness Violations",
    "Consistency Violations",
]
"""The documented categories (errors reference, "Guardrails")."""
CATEGORIES: tuple[Category, ...] = get_args(Category)
CONTENT: frozenset[Category] = frozenset(("Disallowed Content", "Politeness Violations"))
"""What moderation without an endpoint looks at; the others are about the model and not about the content."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`weight` is how sure one match makes us, 0 to 1. Tried only when one of `words` is in the text."""

    category: Category
    weight: float
    words: tuple[str, ...]
    pattern: re.Pattern[str]


@cache
def injection_rules() -> tuple[Rule, ...]:
    """All rules; read and compiled at the first use, since most projects never ask for them."""
    text = (Path(__file__).parent / "injection.toml").read_text(encoding="utf-8")
    told = tomllib.loads(text)
    parts: dict[str, str] = {name: _join(pattern) for name, pattern in told["parts"].items()}
    return tuple(_read(rule, parts) for rule in told["rules"])


def _read(rule: dict[str, Any], parts: dict[str, str]) -> Rule:
    pattern = re.sub(r"<(\w+)>", lambda found: parts.get(found[1], found[0]), _join(rule["pattern"]))
    return Rule(rule["category"], rule["weight"], tuple(rule["words"]), re.compile(pattern))


def _join(pattern: str) -> str:
    """Lines are for the reader of the file."""
    return pattern.replace("\n", "")
