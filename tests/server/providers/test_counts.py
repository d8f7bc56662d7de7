"""What is guessed of an answer that nobody counts: as many tokens as its texts have, however they were cut (HC-09)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.providers.translating import Translation, chat_request

from portico.server.providers.anthropic import Anthropic
from portico.server.providers.base import Traits
from portico.server.providers.counts import guess
from portico.server.providers.openai import OpenAI

LONG = "a text of many words " * 20


@pytest.mark.parametrize(
    ("piece", "tokens"),
    [("", 1), ("a", 1), ("1234567", 1), ("12345678", 2), (LONG, 105), ("日本語" * 8, 18), (b"x" * 40, 10)],
)
def test_hc09_a_piece_has_a_token_for_four_bytes_and_one_at_least(piece: str | bytes, tokens: int) -> None:
    assert guess(piece) == tokens


def seen(delta: Any, **more: Any) -> int:
    made = Translation(OpenAI(), chat_request(stream=True))
    made.read_events({"id": "c1", "choices": [{"index": 0, "delta": delta, "finish_reason": None}], **more})
    return made.turn.seen_tokens


def test_hc09_a_chunk_of_many_tokens_counts_for_many() -> None:
    assert seen({"content": "Hi"}) == seen({"content": "Hi"}, system_fingerprint="x" * 500) == 1
    assert seen({"content": LONG}) == seen({"reasoning_content": LONG}) == 105
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": LONG}}
    assert 90 < seen({"tool_calls": [call]}) < 120


def test_hc09_what_claude_has_said_before_it_broke_off_is_billed() -> None:
    made = Translation(Anthropic(), chat_request(stream=True), Traits())
    made.read_events(
        {
            "type": "message_start",
            "message": {"id": "m", "model": "c", "usage": {"input_tokens": 9, "output_tokens": 1}},
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": LONG}},
    )
    tokens = made.turn.tokens
    assert tokens is not None
    assert (tokens.input_uncached, tokens.output_visible, tokens.estimated) == (9, 105, True)
