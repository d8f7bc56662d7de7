"""Limits that the Messages API demands of its callers, brought to what another model takes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from portico.server.catalog.find import Catalog
from portico.server.catalog.load import load_catalog
from portico.server.gateway.parameters import fit_request
from portico.server.providers.base import Turn
from portico.wire.model_ref import DirectModel
from portico.wire.requests import ChatRequest, Dialect

CATALOG: Catalog = load_catalog()
REF = DirectModel("x", "y")


def asked(dialect: Dialect, **members: Any) -> ChatRequest:
    raw = {name: json.dumps(value).encode() for name, value in members.items()}
    return ChatRequest(REF, {name: msgspec.Raw(text) for name, text in raw.items()}, dialect=dialect)


def test_a_limit_above_the_models_own_is_lowered() -> None:
    model = replace(CATALOG.resolve("openai", "gpt-4o-mini", "Chat"), max_output=16_384)
    turn = Turn(keep_usage=True)
    fitted = fit_request(asked("messages", max_completion_tokens=32_000, messages=[]), model, turn)
    assert bytes(fitted.members["max_completion_tokens"]) == b"16384"
    assert turn.adjusted == ["max_tokens 32000->16384"]


@pytest.mark.parametrize(("dialect", "wanted"), [("messages", 16_000), ("chat", 32_000), ("responses", 32_000)])
def test_other_limits_stay(dialect: Dialect, wanted: int) -> None:
    model = replace(CATALOG.resolve("openai", "gpt-4o-mini", "Chat"), max_output=16_384)
    turn = Turn(keep_usage=True)
    fitted = fit_request(asked(dialect, max_completion_tokens=wanted, messages=[]), model, turn)
    assert bytes(fitted.members["max_completion_tokens"]) == b"%d" % wanted
    assert turn.adjusted == []


@pytest.mark.parametrize(("budget", "sent"), [(31_999, 24_576), (24_576, 24_576), (4_096, 4_096)])
def test_a_budget_is_brought_into_the_range_of_the_model(budget: int, sent: int) -> None:
    model = CATALOG.resolve("gemini", "gemini-2.5-flash", "Chat")
    assert (model.reasoning.thinking_mode, model.reasoning.budget_max) == ("budget", 24_576)
    turn = Turn(keep_usage=True)
    thinking = {"type": "enabled", "budget_tokens": budget}
    request = asked("messages", max_completion_tokens=50_000, messages=[], thinking=thinking)
    assert fit_request(request, model, turn).budget == sent
    assert (f"thinking {budget}->{sent}" in turn.adjusted) == (budget != sent)
