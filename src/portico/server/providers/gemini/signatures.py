"""Thought signatures by tool call, for clients that send their calls back without them (HC-06).

In: what a stream or an answer brought. Out: the signature for the same call on the same route, if it is still known.
"""

from __future__ import annotations

from collections import OrderedDict

SKIP = "skip_thought_signature_validator"
"""Taken in place of a signature that cannot be had: https://ai.google.dev/gemini-api/docs/thought-signatures."""
MOST_BYTES = 16 * 1024 * 1024
_OVERHEAD = 400


class Signatures:
    """Bounded by bytes, the oldest leave first. A route is a provider and its model: signatures hold on one only."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._size = 0
        self._known: OrderedDict[tuple[str, str], tuple[str, str]] = OrderedDict()

    def keep(self, call_id: str, name: str, route: str, signature: str) -> None:
        old = self._known.pop((call_id, name), None)
        if old is not None:
            self._size -= _OVERHEAD + len(old[1])
        self._known[call_id, name] = (route, signature)
        self._size += _OVERHEAD + len(signature)
        while self._size > self._most:
            _, (_, gone) = self._known.popitem(last=False)
            self._size -= _OVERHEAD + len(gone)

    def find(self, call_id: str, name: str, route: str, given: str) -> str:
        """The signature to send with a call: the caller's own, else the kept one; "" for none and for one that was
        made on another route."""
        known = self._known.get((call_id, name))
        if known is None:
            return given
        made_on, signature = known
        return (given or signature) if made_on == route else ""
