"""How Gemini ends an answer, and what it counted, in the words and fields of the gateway (HC-10, HC-24)."""

from __future__ import annotations

import msgspec

from portico.server.providers.base import Members, Tokens

_FINISH = {
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "ESCALATION": "content_filter",
    "PUP_LIMITED_DISABLED": "content_filter",
}


def finish_of(native: str, *, called: bool) -> str:
    """The documented reason. A stop behind any call means its results are awaited; every other reason wins over it,
    MALFORMED_FUNCTION_CALL as well, which has no word of its own there."""
    if native in ("STOP", "FINISH_REASON_UNSPECIFIED"):
        return "tool_calls" if called else "stop"
    return _FINISH.get(native, "stop")


class Modality(msgspec.Struct, gc=False):
    modality: str = ""
    tokenCount: int = 0


class Usage(msgspec.Struct, gc=False):
    """`usageMetadata`. The prompt includes what came from a cache; thoughts and results of Google's own tools stand
    apart."""

    promptTokenCount: int = 0
    candidatesTokenCount: int = 0
    cachedContentTokenCount: int = 0
    thoughtsTokenCount: int = 0
    toolUsePromptTokenCount: int = 0
    promptTokensDetails: list[Modality] | None = None
    cacheTokensDetails: list[Modality] | None = None
    candidatesTokensDetails: list[Modality] | None = None


def tokens_of(usage: Usage) -> Tokens:
    prompt = usage.promptTokenCount + usage.toolUsePromptTokenCount
    cached = min(usage.cachedContentTokenCount, prompt)
    heard = _audio(usage.promptTokensDetails)
    if heard and cached:
        heard -= _audio(usage.cacheTokensDetails)
    heard = max(0, min(heard, prompt - cached))
    spoken = min(_audio(usage.candidatesTokensDetails), usage.candidatesTokenCount)
    return Tokens(
        prompt - cached - heard,
        cached,
        0,
        0,
        usage.candidatesTokenCount - spoken,
        usage.thoughtsTokenCount,
        spoken,
        0,
        False,
        heard,
    )


def details_of(tokens: Tokens) -> Members:
    """The members of a documented `usage` that tell what the totals are made of."""
    return {
        "prompt_tokens_details": {"cached_tokens": tokens.cache_read, "audio_tokens": tokens.audio_in},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning, "audio_tokens": tokens.audio},
    }


def _audio(details: list[Modality] | None) -> int:
    if details is None:
        return 0
    count = 0
    for detail in details:
        if detail.modality == "AUDIO":
            count += detail.tokenCount
    return count
