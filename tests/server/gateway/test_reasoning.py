"""The effort table of the gateway rules, row by row: what was asked of which model, and what goes out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from portico.server.catalog.entry import Model, Reasoning
from portico.server.catalog.find import Catalog
from portico.server.catalog.load import load_catalog
from portico.server.errors import OutOfRange
from portico.server.gateway.parameters import fit_request
from portico.server.gateway.reasoning import LEVELS, SHARES
from portico.server.providers.base import Turn
from portico.wire.model_ref import DirectModel
from portico.wire.requests import ChatRequest

OFF = ("none", 0)


@pytest.fixture(scope="module")
def shipped() -> Catalog:
    return load_catalog(None)


def fitted(model: Model, **members: Any) -> tuple[tuple[str, int | None], list[str]]:
    """Effort and budget as they go to an adapter; and the notes."""
    given = {"messages": [{"role": "user", "content": "x"}], **members}
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in given.items()}
    request, turn = ChatRequest(DirectModel(model.provider, model.name), raw), Turn(False)
    fit = fit_request(request, model, turn)
    assert not {"reasoning_effort", "thinking"} & fit.members.keys()
    assert request.members is raw and (request.effort, request.budget) == ("", None)
    return (fit.effort, fit.budget), turn.adjusted


def asks(model: Model, **members: Any) -> tuple[str, int | None]:
    return fitted(model, **members)[0]


def resolve(shipped: Catalog, name: str) -> Model:
    provider, _, rest = name.partition("/")
    return shipped.resolve(provider, rest)


# What `none minimal low medium high xhigh max` become: "-" is off, "." what was asked.
EFFORTS = {
    # OpenAI o1, o3, o4
    "openai/o1": "low low . . . high high",
    "openai/o3": "low low . . . high high",
    "openai/o4-mini": "low low . . . high high",
    "openai/o1-pro": "low low . . . high high",
    "azure/o3-mini": "low low . . . high high",
    # gpt-5
    "openai/gpt-5": "minimal . . . . high high",
    "azure/gpt-5-mini": "minimal . . . . high high",
    # gpt-5.1
    "openai/gpt-5.1": "- low . . . high high",
    # gpt-5.2 to 5.5
    "openai/gpt-5.2": "- low . . . . xhigh",
    "openai/gpt-5.3-codex": "low low . . . . xhigh",
    "openai/gpt-5.4-mini": "- low . . . . xhigh",
    "openai/gpt-5.5": "- low . . . . xhigh",
    # gpt-5.6 and later
    "openai/gpt-5.6-sol": "- low . . . . .",
    "azure/gpt-5.6-sol": "- low . . . . .",
    # gpt-5-pro and later
    "openai/gpt-5-pro": "high high high high . high high",
    "openai/gpt-5.5-pro": "medium medium medium . . . xhigh",
    # gpt-6 and 6.1
    "openai/gpt-6-sol": "- low . . . . .",
    "openai/gpt-6.1-sol": "low low . . . . xhigh",
    "openai/gpt-6-astra": "low low . . . . xhigh",
    # Claude 4.6
    "anthropic/claude-opus-4-6": "- low . . . max .",
    # Claude 4.7, 4.8, 5; those that always think
    "anthropic/claude-opus-4-8": "- low . . . . .",
    "anthropic/claude-haiku-5-5": "- low . . . . .",
    "anthropic/claude-opus-5": "- low . . . . .",
    "anthropic/claude-opus-5-5": "low low . . . . .",
    "anthropic/claude-fable-5-1": "low low . . . . .",
    "vertex_ai/claude-sonnet-5-5": "low low . . . . .",
    "awsbedrock/anthropic.claude-sonnet-5-5": "low low . . . . xhigh",
    "awsbedrock/anthropic.claude-haiku-5-5": "- low . . . . xhigh",
    "awsbedrock/anthropic.claude-opus-4-7": "- low . . . . xhigh",
    # Gemini 3.x, the newest flash, 4
    "vertex_ai/gemini-3-pro-preview": "low low . high . high high",
    "vertex_ai/gemini-3.1-pro-preview": "low low . . . high high",
    "gemini/gemini-3.1-flash-lite": "minimal . . . . high high",
    "gemini/gemini-3.5-flash": "minimal . . . . high high",
    "gemini/gemini-3.8-flash": "low low . . . high high",
    "gemini/gemini-4-argon": "low low . . . high high",
    # Nova
    "awsbedrock/amazon.nova-2-lite-v1:0": "- low . . . high high",
    # Mistral
    "mistral/mistral-medium-latest": "- high high high . high high",
    "mistral/magistral-medium-latest": "- high high high . high high",
    # Ollama
    "ollama/qwen3:8b": "- low . . . high high",
    # Groq, xAI, DeepSeek, GLM and those who serve open models
    "groq/openai/gpt-oss-120b": "low low . . . high high",
    "cerebras/qwen-3.8-27b": "- low . . . high high",
    "xai/grok-3-mini": "low low . high . high high",
    "xai/grok-4.3": "- low . . . high high",
    "xai/grok-4.5": "low low . . . high high",
    "xai/grok-4.7": "low low . . . . xhigh",
    "deepseek/deepseek-v4-pro": "- low . high . max .",
    "zai/glm-5.2": "- high high high . max .",
    "zai/glm-5.3": "low low . high . max .",
    "moonshot/kimi-k3": "low low . high . max .",
    "perplexity/sonar-reasoning-pro": "minimal . . . . high high",
    # a model that nobody described gets what was asked
    "vllm/anything": ". . . . . . .",
    "openai/gpt-9-yet-unknown": ". . . . . . .",
}


@pytest.mark.parametrize("name", EFFORTS)
def test_hc22_every_effort_becomes_one_that_the_model_accepts(shipped: Catalog, name: str) -> None:
    model = resolve(shipped, name)
    for asked, sent in zip(LEVELS, EFFORTS[name].split(), strict=True):
        for written in (asked, asked.upper(), asked.title()):
            got, notes = fitted(model, reasoning_effort=written)
            if sent == "-":
                assert (got, notes) == (OFF, []), asked
            elif sent == ".":
                assert (got, notes) == ((asked, None), []), asked
            else:
                assert (got, notes) == ((sent, None), [f"reasoning_effort {asked}->{sent}"]), asked


def test_every_way_to_think_by_effort_stands_in_the_table(shipped: Catalog) -> None:
    known = {resolve(shipped, name).reasoning for name in EFFORTS}
    models = [m for p in shipped.providers for m in p.models if m.type == "Chat" and m.reasoning.effort_values]
    assert len(models) > 100
    assert {m.full_name for m in models if m.reasoning.thinking_mode != "budget" and m.reasoning not in known} == set()


BUDGETS = {
    # Claude up to 4.5
    "anthropic/claude-3-7-sonnet-latest": (1_024, 63_000, "none"),
    "anthropic/claude-opus-4-1-20250805": (1_024, 31_999, "none"),
    "anthropic/claude-haiku-4-5": (1_024, 63_999, "none"),
    "vertex_ai/claude-opus-4-5": (1_024, 63_999, "none"),
    "awsbedrock/anthropic.claude-3-7-sonnet": (1_024, 63_000, "none"),
    # Gemini 2.5
    "vertex_ai/gemini-2.5-flash": (0, 24_576, "none"),
    "gemini/gemini-2.5-flash-lite": (512, 24_576, "none"),
    "vertex_ai/gemini-2.5-pro": (128, 32_768, "low"),
    # Cohere, Qwen
    "cohere/command-a-reasoning-08-2025": (1, 31_000, "none"),
    "alibaba/qwen3.8-max": (1, 32_768, "none"),
}


@pytest.mark.parametrize("name", BUDGETS)
def test_hc21_an_effort_becomes_a_share_of_the_models_budgets(shipped: Catalog, name: str) -> None:
    model, (least, most, off) = resolve(shipped, name), BUDGETS[name]
    assert (model.reasoning.budget_min, model.reasoning.budget_max) == (least, most)
    for effort in ("low", "medium", "high"):
        (sent, budget), notes = fitted(model, reasoning_effort=effort)
        share = max(1, least + int(SHARES[effort] * (most - least)))
        assert (sent, budget, notes) == (effort, share, [])
    assert fitted(model, reasoning_effort="max")[1] == ["reasoning_effort max->high"]
    got, notes = fitted(model, reasoning_effort="none")
    assert (got, notes) == (
        (OFF, []) if off == "none" else (("low", least), [f"reasoning_effort none->{least} tokens"])
    )


@pytest.mark.parametrize("name", BUDGETS)
def test_hc21_a_budget_is_held_to_the_models_range(shipped: Catalog, name: str) -> None:
    model, (least, most, off) = resolve(shipped, name), BUDGETS[name]
    for budget in {max(least, 1), most, (least + most) // 2}:
        assert fitted(model, thinking={"type": "enabled", "budget_tokens": budget}) == (("", budget), [])
    for budget in (most + 1, least - 1):
        if budget > 0:
            with pytest.raises(OutOfRange) as caught:
                fitted(model, thinking={"type": "enabled", "budget_tokens": budget})
            assert (caught.value.status, caught.value.id, caught.value.param) == (400, 8, "thinking.budget_tokens")
    for written in ({"type": "disabled"}, {"type": "enabled", "budget_tokens": 0}):
        got, notes = fitted(model, thinking=written)
        assert (got, notes) == (
            (OFF, []) if off == "none" else (("low", least), [f"thinking disabled->{least} tokens"])
        )


@pytest.mark.parametrize("asked", [{"type": "enabled"}, {"type": "adaptive"}, {"budget_tokens": None}])
def test_thinking_without_a_number_leaves_it_to_the_model_or_takes_the_middle(
    shipped: Catalog, asked: dict[str, Any]
) -> None:
    def sent(name: str) -> tuple[str, int | None]:
        return asks(resolve(shipped, name), thinking=asked)

    assert sent("vertex_ai/gemini-2.5-flash") == ("", -1)
    assert sent("cohere/command-a-reasoning-08-2025") == ("", -1)
    assert sent("anthropic/claude-opus-5-5") == ("", -1)
    assert sent("anthropic/claude-haiku-4-5") == ("medium", 1_024 + (63_999 - 1_024) // 4)
    assert sent("openai/gpt-5.1") == ("medium", None)
    assert sent("openai/gpt-5.5") == ("medium", None)
    assert sent("vertex_ai/gemini-3.1-pro-preview") == ("high", None)
    assert sent("zai/glm-4.7") == ("", -1)


@pytest.mark.parametrize(
    ("budget", "name", "effort"),
    [
        (1_024, "vertex_ai/gemini-3.1-pro-preview", "low"),
        (4_096, "gemini/gemini-3.5-flash", "low"),
        (8_000, "openai/gpt-5.1", "medium"),
        (16_000, "anthropic/claude-opus-4-8", "medium"),
        (16_385, "anthropic/claude-fable-5-1", "high"),
        (64_000, "xai/grok-4.3", "high"),
        (16_000, "xai/grok-3-mini", "high"),
    ],
)
def test_a_budget_becomes_an_effort_where_the_model_takes_no_budgets(
    shipped: Catalog, budget: int, name: str, effort: str
) -> None:
    got, notes = fitted(resolve(shipped, name), thinking={"type": "enabled", "budget_tokens": budget})
    assert (got, notes) == ((effort, None), [f"thinking {budget}->{effort}"])


@pytest.mark.parametrize(
    ("name", "sent", "note"),
    [
        ("anthropic/claude-opus-5", OFF, None),
        ("anthropic/claude-fable-5-1", ("low", None), "thinking disabled->low"),
        ("gemini/gemini-3.8-flash", ("low", None), "thinking disabled->low"),
        ("openai/gpt-5.6-sol", OFF, None),
        ("openai/o3", ("low", None), "thinking disabled->low"),
        ("moonshot/kimi-k2.6", OFF, None),
        ("openai/gpt-4o", ("", None), "thinking dropped"),
    ],
)
def test_thinking_disabled_is_off_or_the_least_the_model_can(
    shipped: Catalog, name: str, sent: tuple[str, int | None], note: str | None
) -> None:
    got, notes = fitted(resolve(shipped, name), thinking={"type": "disabled"})
    assert (got, notes) == (sent, [note] if note else [])


@pytest.mark.parametrize("name", ["zai/glm-4.7", "moonshot/kimi-k2.6", "gemini/gemma-4-31b-it"])
def test_models_with_a_switch_are_switched(shipped: Catalog, name: str) -> None:
    model = resolve(shipped, name)
    assert fitted(model, reasoning_effort="low") == (("", -1), ["reasoning_effort low->on"])
    assert fitted(model, reasoning_effort="none") == (OFF, [])
    assert fitted(model, thinking={"type": "enabled", "budget_tokens": 5_000}) == (("", -1), [])


@pytest.mark.parametrize(
    "name", ["openai/gpt-4o", "deepseek/deepseek-reasoner", "xai/grok-4.20-reasoning", "mistral/mistral-large-2512"]
)
def test_models_that_do_not_think_on_demand_drop_both_with_a_note(shipped: Catalog, name: str) -> None:
    model = resolve(shipped, name)
    assert fitted(model, reasoning_effort="High") == (("", None), ["reasoning_effort dropped"])
    thinking = {"type": "enabled", "budget_tokens": 2_000}
    assert fitted(model, thinking=thinking) == (("", None), ["thinking dropped"])


@pytest.mark.parametrize(
    ("name", "sent", "note"),
    [
        ("anthropic/claude-haiku-4-5", ("", 5_000), "reasoning_effort dropped"),
        ("vertex_ai/gemini-2.5-pro", ("", 5_000), "reasoning_effort dropped"),
        ("awsbedrock/anthropic.claude-3-7-sonnet", ("", 5_000), "reasoning_effort dropped"),
        ("openai/gpt-5.1", ("high", None), "thinking dropped"),
        ("azure/gpt-5.1", ("high", None), "thinking dropped"),
        ("alibaba/qwen3.8-max", ("high", 16_384), "thinking dropped"),
    ],
)
def test_of_two_that_contradict_each_other_one_wins(
    shipped: Catalog, name: str, sent: tuple[str, int | None], note: str
) -> None:
    thinking = {"type": "enabled", "budget_tokens": 5_000}
    assert fitted(resolve(shipped, name), reasoning_effort="high", thinking=thinking) == (sent, [note])


def test_an_effort_goes_with_thinking_that_has_no_number(shipped: Catalog) -> None:
    claude, gpt = resolve(shipped, "anthropic/claude-opus-5"), resolve(shipped, "openai/gpt-5.1")
    assert fitted(claude, reasoning_effort="max", thinking={"type": "adaptive"}) == (("max", None), [])
    assert fitted(claude, reasoning_effort="none", thinking={"type": "disabled"}) == (OFF, [])
    kept = (("", -1), ["reasoning_effort dropped"])
    assert fitted(claude, reasoning_effort="none", thinking={"type": "enabled"}) == kept
    assert fitted(claude, reasoning_effort="high", thinking={"type": "disabled"}) == (OFF, ["reasoning_effort dropped"])
    assert fitted(gpt, reasoning_effort="high", thinking={"type": "disabled"}) == (("high", None), ["thinking dropped"])


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_hc21_a_budget_made_of_an_effort_leaves_room_for_the_answer(shipped: Catalog, limit: str) -> None:
    model = resolve(shipped, "anthropic/claude-haiku-4-5")
    assert asks(model, reasoning_effort="low", **{limit: 4_000}) == ("low", 2_000)
    assert asks(model, reasoning_effort="high", **{limit: 60_000}) == ("high", 32_511)
    assert asks(model, reasoning_effort="high", **{limit: 1_500}) == ("high", 1_024)
    assert fitted(model, reasoning_effort="high", **{limit: 1_024}) == (OFF, ["reasoning_effort high->none"])
    gemini = resolve(shipped, "vertex_ai/gemini-2.5-pro")
    assert asks(gemini, reasoning_effort="high", **{limit: 100}) == ("high", 128)


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"reasoning_effort": ""}, "reasoning_effort"),
        ({"reasoning_effort": 3}, "reasoning_effort"),
        ({"thinking": "on"}, "thinking.type"),
        ({"thinking": {"type": "sometimes"}}, "thinking.type"),
        ({"thinking": {"type": ["enabled"]}}, "thinking.type"),
        ({"thinking": {"type": "enabled", "budget_tokens": "many"}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": True}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": -2}}, "thinking.budget_tokens"),
    ],
)
@pytest.mark.parametrize("name", ["openai/gpt-5.1", "openai/gpt-4o", "vllm/anything"])
def test_words_that_nobody_knows_are_refused_by_field(
    shipped: Catalog, members: dict[str, Any], field: str, name: str
) -> None:
    with pytest.raises(OutOfRange) as caught:
        fitted(resolve(shipped, name), **members)
    assert (caught.value.status, caught.value.id, caught.value.param) == (400, 8, field)


def test_null_asks_for_nothing(shipped: Catalog) -> None:
    model = resolve(shipped, "anthropic/claude-opus-5")
    assert fitted(model, reasoning_effort=None, thinking=None) == (("", None), [])


def test_what_nobody_described_gets_a_budget_too(shipped: Catalog) -> None:
    model = resolve(shipped, "vllm/anything")
    assert fitted(model, thinking={"type": "enabled", "budget_tokens": 5_000}) == (("", 5_000), [])
    assert fitted(model, thinking={"type": "disabled"}) == (("", 0), [])


def test_one_request_is_fitted_to_each_model_of_a_fallback_anew(shipped: Catalog) -> None:
    raw = {"messages": msgspec.Raw(b"[]"), "reasoning_effort": msgspec.Raw(b'"xhigh"')}
    request = ChatRequest(DirectModel("openai", "o3"), raw)
    first, second = Turn(False), Turn(False)
    assert fit_request(request, resolve(shipped, "openai/o3"), first).effort == "high"
    assert fit_request(request, resolve(shipped, "anthropic/claude-opus-4-8"), second).effort == "xhigh"
    assert (first.adjusted, second.adjusted) == (["reasoning_effort xhigh->high"], [])


def test_notes_are_ascii_and_short(shipped: Catalog) -> None:
    model = replace(resolve(shipped, "openai/gpt-4o"), reasoning=Reasoning(effort_values=("low",), can_disable=False))
    _, notes = fitted(model, reasoning_effort="MAX")
    assert notes == ["reasoning_effort max->low"] and notes[0].isascii()
