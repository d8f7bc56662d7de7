"""What a crawl has left out, in a few sentences for the detail of its document."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from portico.server.retrieval.crawling.visit import Kind, Missed

_EXAMPLES = 3
_SHOWN = 150
_TYPES = 6


@dataclass
class Told:
    """Of one crawl. `empty` are the pages without text, `unfollowed` those whose links were not gone along because they
    say so; `stopped` says at which bound it ended."""

    empty: int = 0
    unfollowed: int = 0
    stopped: str = ""
    types: Counter[str] = field(default_factory=Counter)
    missed: dict[Kind, list[str]] = field(default_factory=dict)

    def miss(self, address: str, missed: Missed) -> None:
        if missed.kind == "type":
            self.types[missed.reason] += 1
        else:
            self.missed.setdefault(missed.kind, []).append(f"{_shown(address)} ({_shown(missed.reason)})")

    def stop(self, sentence: str) -> None:
        self.stopped = self.stopped or sentence

    def why(self) -> str:
        """Of a crawl without any page: what became of the first one."""
        first = next((ones[0] for ones in self.missed.values() if ones), "")
        if not first and self.types:
            return f"what lies at the address is of another type: {', '.join(self.types)}"
        return first or f"the crawl was stopped {self.stopped}"

    def sentences(self, *, by_selectors: bool) -> tuple[str, ...]:
        missed = self.missed
        empty = "nothing that the selectors name" if by_selectors else "no text"
        kinds = ", ".join(name for name, _ in self.types.most_common(_TYPES))
        told = (
            _listed(missed.get("failed", []), "page could not be read", "pages could not be read"),
            _listed(missed.get("closed", []), "page is closed to us", "pages are closed to us"),
            _listed(missed.get("outside", []), "page leads away from the site", "pages lead away from the site"),
            f"{self.empty} page(s) with {empty}." if self.empty else "",
            f"Links of {self.unfollowed} page(s) were not followed: the pages say nofollow." if self.unfollowed else "",
            f"{self.types.total()} address(es) that are no page: {kinds}." if self.types else "",
            f"The crawl was stopped {self.stopped}; more pages were known." if self.stopped else "",
        )
        return tuple(one for one in told if one)


def _listed(ones: list[str], one: str, several: str) -> str:
    if not ones:
        return ""
    more = f" and {len(ones) - _EXAMPLES} more" if len(ones) > _EXAMPLES else ""
    return f"{len(ones)} {one if len(ones) == 1 else several}: {', '.join(ones[:_EXAMPLES])}{more}."


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
