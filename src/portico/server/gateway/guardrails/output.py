"""Text of an answer in, text that may go out: deny words block, personal data is masked or blocks, in streams too.

What is decided about a text does not depend on how it was cut into pieces (HC-31).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from portico.server.errors import GuardrailBlocked
from portico.server.gateway.guardrails.pii import KINDS, search
from portico.server.gateway.guardrails.words import DenyWords
from portico.wire.guardrails import PiiRule

_Search = Callable[[str, int], tuple[int, int] | None]
_STEP = 32
"""Characters by which a window moves at least, so that a token of four does not cost a whole search."""


class TextRules:
    """Deny words and kinds of personal data of one side. `reach`: what decides about a place lies so near.

    `detectors` stand in the order of their say, where two begin at the same place; a rule None is the deny words.
    """

    def __init__(self, words: DenyWords, pii: Sequence[PiiRule]) -> None:
        order = list(KINDS)
        self.detectors: list[tuple[_Search, PiiRule | None]] = [(words.search, None)] if words else []
        for rule in sorted(pii, key=lambda rule: order.index(rule.kind)):
            self.detectors.append((partial(search, rule.kind), rule))
        self.reach = max([words.reach if words else 0, *(KINDS[rule.kind].reach for rule in pii)]) + 1

    def __bool__(self) -> bool:
        return bool(self.detectors)


class OutputGuard:
    """One text being streamed: one choice's content, or its reasoning. `feed` each piece, then `finish`.

    `window` is how many characters are held back at least; None holds back everything. `note` is told of a block.
    """

    __slots__ = ("_context", "_held", "_note", "_pending", "_rules", "_window")

    def __init__(self, rules: TextRules, window: int | None, note: Callable[[GuardrailBlocked], object]) -> None:
        self._rules = rules
        self._note = note
        self._window = None if window is None else max(window, rules.reach)
        self._held: list[str] = []  # not looked at yet
        self._pending = ""
        self._context = 0  # characters of `_pending` that have gone out, kept for what looks back at them

    def feed(self, text: str) -> str:
        """The text that may go out now, perhaps none. Raises GuardrailBlocked."""
        self._held.append(text)
        if self._window is None:
            return ""
        self._take()
        ready = len(self._pending) - self._context - self._window
        return self._release(len(self._pending) - self._window) if ready >= _STEP else ""

    def finish(self) -> str:
        """The rest. Raises GuardrailBlocked."""
        self._take()
        return self._release(len(self._pending))

    def _take(self) -> None:
        self._pending += "".join(self._held)
        self._held.clear()

    def _release(self, until: int) -> str:
        """Everything that begins before `until`; a match that begins there goes out whole, or not at all."""
        text, place, parts = self._pending, self._context, []
        detectors = self._rules.detectors
        spans = [find(text, place) for find, _ in detectors] if place < until else []
        while place < until:
            start, number = min([(span[0], i) for i, span in enumerate(spans) if span is not None], default=(until, 0))
            if start >= until:
                break
            parts += [text[place:start], self._mask(detectors[number][1])]
            place = (spans[number] or (0, 0))[1]
            for i, span in enumerate(spans):  # only these can have changed: a long text is searched once by each
                if span is not None and span[0] < place:
                    spans[i] = detectors[i][0](text, place)
        if place < until:
            parts.append(text[place:until])
            place = until
        keep = max(0, place - self._rules.reach)
        self._pending, self._context = text[keep:], place - keep
        return "".join(parts)

    def _mask(self, rule: PiiRule | None) -> str:
        """What stands for a match. Raises GuardrailBlocked where nothing may."""
        if rule is not None and rule.action == "mask" and rule.kind != "private_key":
            return KINDS[rule.kind].mask
        refused = GuardrailBlocked("Deny Words" if rule is None else f"PII {rule.kind}", 1.0)
        self._note(refused)
        raise refused
