"""What a robots.txt allows us. In: its text; out: rules that are asked for each page.

Source: RFC 9309, read 2026-11-21; Crawl-delay as it is commonly used, in seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from portico.server.retrieval.crawling.addresses import escape
from portico.server.retrieval.parsing.wishes import AGENT

LIMIT_BYTES = 500 * 1024
DELAY_MOST_S = 5.0
"""Longer pauses than these are not kept: a crawl has to end."""
_TOKEN = re.compile(r"[A-Za-z_-]+|\*")


@dataclass(frozen=True, slots=True)
class _Rule:
    """`parts` are what stands between the asterisks of the pattern."""

    allows: bool
    parts: tuple[str, ...]
    is_whole: bool
    weight: int

    def fits(self, target: str) -> bool:
        """Each part behind the one before, as early as it goes: that finds a fit if there is one, in one pass."""
        first, *rest = self.parts
        if not target.startswith(first):
            return False
        at = len(first)
        for part in rest[:-1] if self.is_whole else rest:
            at = target.find(part, at)
            if at < 0:
                return False
            at += len(part)
        if not self.is_whole:
            return True
        return len(target) - len(rest[-1]) >= at and target.endswith(rest[-1]) if rest else at == len(target)


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules for us, and how long to wait between two pages."""

    rules: tuple[_Rule, ...] = ()
    delay_s: float = 0.0

    def allows(self, target: str) -> bool:
        """`target` is path and query. The longest rule that fits decides; of two, the one that allows."""
        fitting = [(rule.weight, rule.allows) for rule in self.rules if rule.fits(target)]
        return max(fitting)[1] if fitting else True


def read_robots(text: str) -> Robots:
    """The groups that name us; where there are none, those for everybody."""
    groups: dict[str, tuple[list[_Rule], list[float]]] = {}
    agents: list[str] = []
    is_open = True
    for name, value in _lines(text):
        if name == "user-agent":
            agents = agents if is_open else []
            is_open = True
            found = _TOKEN.match(value)
            agents.append(found[0].lower() if found else "")
            groups.setdefault(agents[-1], ([], []))
            continue
        is_open = False
        for rules, delays in (groups[agent] for agent in set(agents)):
            if name == "crawl-delay" and re.fullmatch(r"\d{1,6}(\.\d{0,6})?", value):
                delays.append(float(value))
            elif name in ("allow", "disallow") and value:
                rules.append(_read_rule(value, allows=name == "allow"))
    rules, delays = groups.get(AGENT) or groups.get("*") or ([], [])
    return Robots(tuple(rules), min(max(delays, default=0.0), DELAY_MOST_S))


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """The lines that say something about who may go where."""
    for line in text.removeprefix("\ufeff").splitlines():
        name, colon, value = line.partition("#")[0].partition(":")
        name = name.strip().lower()
        if colon and name in ("user-agent", "allow", "disallow", "crawl-delay"):
            yield name, value.strip()


def _read_rule(value: str, *, allows: bool) -> _Rule:
    is_whole = value.endswith("$")
    pattern = value.removesuffix("$")
    parts = tuple(escape(part, "?") for part in pattern.split("*"))
    return _Rule(allows, parts, is_whole, len(value.encode()))
