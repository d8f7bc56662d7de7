"""Token counts of an answer, put into its turn together with what the documented `usage` tells of them in detail."""

from __future__ import annotations

from collections.abc import Sequence

from portico.server.providers.base import Tokens, Turn

_LEAST_BYTES_PER_TOKEN = 2
"""For what must not be taken for less than it is: dense texts (code, numbers, Japanese) have so few."""
_USUAL_BYTES_PER_TOKEN = 4
_ONE_TOKEN_BYTES = 2 * _USUAL_BYTES_PER_TOKEN


def guess(piece: str | bytes) -> int:
    """Tokens of one piece of a stream. Most providers send one at a time, short or long; some send many at once."""
    size = len(piece) if piece.isascii() or isinstance(piece, bytes) else len(piece.encode())
    return 1 if size < _ONE_TOKEN_BYTES else size // _USUAL_BYTES_PER_TOKEN


def take_tokens(tokens: Tokens, turn: Turn) -> None:
    """For dialects whose own `usage` is not relayed."""
    turn.tokens = tokens
    turn.usage_members = {
        "prompt_tokens_details": {"cached_tokens": tokens.cache_read, "audio_tokens": tokens.audio_in},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning, "audio_tokens": tokens.audio},
    }


def batch_within(inputs: Sequence[str], most: int, most_tokens: int, longest_tokens: int) -> int:
    """How many inputs fit into one call that takes `most` of them and `most_tokens` together; at least one.

    A single input counts for `longest_tokens` at most: longer ones are cut or refused over there.
    """
    longest = max((len(text.encode()) for text in inputs), default=0)
    each = min(longest // _LEAST_BYTES_PER_TOKEN + 1, longest_tokens)
    return max(1, min(most, most_tokens // each))
