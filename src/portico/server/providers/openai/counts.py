"""OpenAI's token counts, in which each detail is a part of its total, to counts that have nothing in common (HC-24)."""

from __future__ import annotations

from portico.server.providers.base import Tokens


def disjoint(
    prompt: int,
    completion: int,
    *,
    cached: int = 0,
    written: int = 0,
    heard: int = 0,
    reasoning: int = 0,
    spoken: int = 0,
) -> Tokens:
    """`written` went into the cache, `heard` and `spoken` are sound. A detail beyond its total counts up to it."""
    if not (cached or written or heard or reasoning or spoken):
        return Tokens(prompt, 0, 0, 0, completion)
    cached = min(cached, prompt)
    written = min(written, prompt - cached)
    heard = min(heard, prompt - cached - written)
    reasoning = min(reasoning, completion)
    spoken = min(spoken, completion - reasoning)
    return Tokens(
        input_uncached=prompt - cached - written - heard,
        cache_read=cached,
        cache_write_5m=written,
        output_visible=completion - reasoning - spoken,
        reasoning=reasoning,
        audio=spoken,
        audio_in=heard,
    )
