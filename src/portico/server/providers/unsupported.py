"""Members of an OpenAI request that another dialect lacks: left out, and said so (HC-22)."""

from __future__ import annotations

from collections.abc import Collection

from portico.server.providers.base import Turn
from portico.wire.requests import NULL, ChatRequest

SAMPLING_EXTRAS = ("frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "top_logprobs", "n", "seed")
_OLD = ("functions", "function_call")
"""What `tools` and `tool_choice` were before; no other dialect has them."""
_NOTHING_ASKED = {
    "n": (b"1",), "logprobs": (b"false",), "logit_bias": (b"{}",), "functions": (b"[]",),
    "function_call": (b'"auto"', b'"none"'),
}  # fmt: skip
_ZERO = (b"0", b"0.0")


def note_dropped(request: ChatRequest, names: Collection[str], turn: Turn) -> None:
    """Adds "seed dropped" to `turn.adjusted` for each of `names` that is there and asks for something.

    The older words for tools are among them always.
    """
    members = request.members
    for name in (*names, *_OLD):
        raw = members.get(name, NULL)
        if raw == NULL or bytes(raw) in _NOTHING_ASKED.get(name, _ZERO if name.endswith("_penalty") else ()):
            continue
        turn.adjusted.append(f"{name} dropped")


def note_once(text: str, turn: Turn) -> None:
    """Adds `text` to `turn.adjusted`, however often it happens in a request."""
    if text not in turn.adjusted:
        turn.adjusted.append(text)
