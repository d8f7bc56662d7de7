"""What the name of a Bedrock model tells of its habits, where the Converse API is not the same for all of them."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

# Models that take a schema natively: Bedrock user guide, "Get validated JSON results from models", read 2026-11-20.
_NATIVE_SCHEMA = re.compile(
    r"claude-(?:opus|sonnet|haiku)-(?:4[-.][5-9]|[5-9])|claude-(?:4[-.][5-9]|[5-9])|claude-(?:fable|mythos)"
    r"|gpt-oss|qwen3|deepseek\.v3|gemma-3|minimax|kimi|nemotron|magistral|ministral|mistral-large-3|voxtral"
)
_SHOWS_THOUGHTS = re.compile(r"claude-(?:opus|sonnet|haiku)-4[-.]6")
_THINKS_UNASKED = re.compile(r"claude-(?:opus|sonnet|haiku)-5(?!\d)")


class Family(msgspec.Struct, frozen=True):
    """`inclusive_usage`: its input count has the cached tokens in it, against the rule of Bedrock (HC-24).

    `hides_thoughts`: it must be told to show a summary of adaptive thinking; older ones show it and need no word.
    `takes_choice`: it can be forced to call a tool (API reference, ToolChoice).
    `thinks_unasked`: only a word turns adaptive thinking off.
    """

    claude: bool
    nova: bool
    openai: bool
    takes_choice: bool
    native_schema: bool
    inclusive_usage: bool
    hides_thoughts: bool
    thinks_unasked: bool

    @property
    def cache_points(self) -> bool:
        return self.claude or self.nova


@lru_cache(maxsize=1024)
def family_of(model: str, upstream_model: str) -> Family:
    """By both names: an ARN of a profile of one's own says nothing, its name in the catalogue may."""
    names = f"{model} {upstream_model}".lower()
    return Family(
        claude="claude" in names,
        nova="nova" in names,
        openai="openai." in names,
        takes_choice=re.search("claude|nova|mistral|magistral|ministral", names) is not None,
        native_schema=_NATIVE_SCHEMA.search(names) is not None,
        inclusive_usage="openai.gpt-5" in names,  # github.com/anomalyco/opencode/issues/47296, read 2026-11-20
        hides_thoughts=_SHOWS_THOUGHTS.search(names) is None,
        thinks_unasked=_THINKS_UNASKED.search(names) is not None,
    )
