"""Members of an OpenAI request that another dialect lacks: left out, and said so (HC-22)."""

from __future__ import annotations

from collections.abc import Collection

from portico.server.providers.base import Turn
from portico.wire.requests import NULL, ChatRequest

SAMPLING_EXTRAS = ("frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "top_logprobs", "n", "seed")
_NOTHING_ASKED = {"n": (b"1",), "logprobs": (b"false",), "logit_bias": (b"{}",)}
_ZERO = (b"0", b"0.0")


def note_dropped(request: ChatRequest, names: Collection[str], turn: Turn) -> None:
    """Adds "seed dropped" to `turn.adjusted` for each of `names` that is there and asks for something."""
    members = request.members
    if members.keys().isdisjoint(names):
        return
    for name in names:
        raw = members.get(name, NULL)
        if raw == NULL or bytes(raw) in _NOTHING_ASKED.get(name, _ZERO if name.endswith("_penalty") else ()):
            continue
        turn.adjusted.append(f"{name} dropped")


def note_once(text: str, turn: Turn) -> None:
    """Adds `text` to `turn.adjusted`, however often it happens in a request."""
    if text not in turn.adjusted:
        turn.adjusted.append(text)
