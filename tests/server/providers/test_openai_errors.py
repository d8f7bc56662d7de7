"""What a caller gets to read of a provider's refusal (HC-26)."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from portico.server.errors import (
    ProviderAuth,
    ProviderOvercapacity,
    ProviderRateLimit,
    ProviderRefused,
    ProviderUnknown,
)
from portico.server.providers.openai_errors import LONGEST_MESSAGE, error_of, presentable


def refusal(body: Any, status: int = 400) -> Any:
    return error_of(status, {}, msgspec.Raw(json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Incorrect API key provided: sk-proj-abcdefghijkl1234.", "Incorrect API key provided: ***."),
        ("key AIzaSyA1234567890abcdefghijk is not valid", "key *** is not valid"),
        ("Authorization: Bearer abcdefghijklmnop was refused", "Authorization: Bearer *** was refused"),
        ("POST https://x.example.com/v1?key=abcdefgh1234&a=b", "POST https://x.example.com/v1?key=***&a=b"),
        ("cannot reach http://10.0.0.7:8000/v1/chat", "cannot reach ***"),
        ("cannot reach http://vllm:8000 now", "cannot reach *** now"),
        ("cannot reach http://user:pw@gpu.svc.internal/v1", "cannot reach ***"),
        ("cannot reach http://[fd00::7]:8000/v1", "cannot reach ***"),
    ],
)
def test_neither_keys_nor_inner_addresses_are_told(said: str, shown: str) -> None:
    assert presentable(said) == shown


@pytest.mark.parametrize(
    "said",
    [
        "See https://platform.openai.com/docs/guides/error-codes.",
        "a missing Bearer token, a skeleton_key_of_something, sk-short",
        "max_tokens is too large: 5000. This model supports at most 4096 completion tokens",
    ],
)
def test_what_helps_the_caller_stays(said: str) -> None:
    assert presentable(said) == said


def test_an_endless_message_is_cut() -> None:
    assert len(presentable("x" * 100_000)) < LONGEST_MESSAGE + 10


def test_a_member_of_another_type_hides_no_other() -> None:
    error = refusal({"message": "too long", "param": 7, "type": None, "code": "context_length_exceeded"})
    assert (error.message, error.code) == ("too long", "context_length_exceeded")


def test_the_list_of_a_validating_framework_gives_its_first_sentence() -> None:
    assert refusal([{"loc": ["body", "n"], "msg": "n must be 1", "type": "value_error"}], 422).message == "n must be 1"


@pytest.mark.parametrize(("status", "ours"), [(400, 400), (404, 404), (409, 400), (413, 413), (422, 400)])
def test_the_status_of_a_refusal(status: int, ours: int) -> None:
    assert refusal({"message": "no"}, status).status == ours


def test_hc18_a_rate_that_is_used_up_says_when_it_is_full_again() -> None:
    headers = {b"x-ratelimit-remaining-tokens": b"0", b"x-ratelimit-reset-tokens": b"8.64s"}
    raw = msgspec.Raw(b'{"message": "slow down"}')
    assert error_of(429, headers, raw).retry_after_s == pytest.approx(8.64)
    assert error_of(429, {**headers, b"retry-after": b"3"}, raw).retry_after_s == 3
    assert error_of(500, headers, raw).retry_after_s is None, "every answer has these headers"


@pytest.mark.parametrize(
    ("said", "ours"),
    [
        ({"code": 429}, ProviderRateLimit),
        ({"code": "429"}, ProviderRateLimit),
        ({"code": "rate_limit_exceeded", "type": "tokens"}, ProviderRateLimit),
        ({"type": "rate_limit_error"}, ProviderRateLimit),
        ({"type": "overloaded_error"}, ProviderOvercapacity),
        ({"code": "tool_use_failed", "type": "invalid_request_error"}, ProviderRefused),
        ({"code": "content_filter"}, ProviderRefused),
        ({"code": "invalid_api_key", "type": "invalid_request_error"}, ProviderAuth),
        ({"type": "server_error"}, ProviderUnknown),
        ({"code": "4290"}, ProviderUnknown),
        ({"code": 7}, ProviderUnknown),
        ({}, ProviderUnknown),
    ],
)
def test_hc13_an_error_in_an_answer_of_status_200_is_what_it_would_have_been_outside(said: Any, ours: type) -> None:
    assert type(refusal({"message": "no", **said}, 502)) is ours
