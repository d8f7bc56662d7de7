"""What of a request a model does not take: dropped with a note, clamped, filled in, or refused (Chat API, 5 and 9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from portico.server.catalog.entry import Model, Parameter, Reasoning
from portico.server.errors import MediaNotSupported, PorticoError, ProviderRefused
from portico.server.gateway.parameters import fit_request, refuse_dropped
from portico.server.providers.base import Turn
from portico.wire.model_ref import DirectModel
from portico.wire.requests import AssistantUse, ChatRequest
from tests.calls import count_steps

THINKS = Reasoning(effort_values=("low", "medium", "high"), thinking_mode="level", can_disable=True)
THINKS_OR_SAMPLES = Reasoning(
    effort_values=("none", "low", "high"), effort_default="none", sampling="when_not_thinking"
)
NEVER_SAMPLES = Reasoning(effort_values=("low", "high"), thinking_mode="adaptive", sampling="never")
KNOWN = {"temperature": Parameter(True), "top_p": Parameter(True)}


def model(provider: str = "openai", **more: Any) -> Model:
    return Model("id", provider, "m", "Chat", {}, **more)


def ask(chosen: Model, **members: Any) -> ChatRequest:
    given = {"messages": [{"role": "user", "content": "x"}], **members}
    return ChatRequest(
        DirectModel(chosen.provider, "m"), {n: msgspec.Raw(msgspec.json.encode(v)) for n, v in given.items()}
    )


def read(request: ChatRequest) -> dict[str, Any]:
    return {name: msgspec.json.decode(value) for name, value in request.members.items()}


def fitted(chosen: Model, strict: bool = False, **members: Any) -> tuple[dict[str, Any], list[str]]:
    """What is left of the members but for unchanged messages, with an effort as `effort`; and the notes."""
    request, turn = ask(chosen, **members), Turn(False)
    before = read(request)
    fit = fit_request(request, chosen, turn, strict=strict)
    assert read(request) == before, "the request itself must stay as it is"
    left = read(fit)
    if left["messages"] == before["messages"]:
        del left["messages"]
    return {**left, **({"effort": fit.effort} if fit.effort else {})}, turn.adjusted


def test_a_model_nobody_described_gets_everything() -> None:
    left, notes = fitted(model("vllm"), temperature=0.3, reasoning_effort="low", top_p=0.5, anything={"a": 1})
    assert left == {"temperature": 0.3, "top_p": 0.5, "anything": {"a": 1}, "effort": "low"} and notes == []


def test_a_plain_request_is_not_copied() -> None:
    chosen = model(parameters={"temperature": Parameter(True, range=(0, 2)), "top_p": Parameter(True, range=(0, 1))})
    request = ask(chosen, temperature=0.3, max_tokens=20, stream=True)
    assert fit_request(request, chosen, Turn(False)) is request
    assert fit_request(request, model("ollama"), Turn(False)) is request


def test_a_plain_request_costs_a_few_steps() -> None:
    chosen = model(parameters={"temperature": Parameter(True, range=(0, 2)), "top_p": Parameter(True, range=(0, 1))})
    request, turn = ask(chosen, temperature=0.3, max_tokens=20, stream=True), Turn(False)
    assert count_steps(lambda: fit_request(request, chosen, turn)) <= 28


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ([("system", "Be brief."), ("user", "Hi")], [("user", "Be brief.\n\nHi")]),
        ([("system", "A"), ("user", "Hi"), ("system", "B"), ("user", "x")], [("user", "A\n\nB\n\nHi"), ("user", "x")]),
        ([("system", [{"type": "text", "text": "A"}]), ("user", "Hi")], [("user", "A\n\nHi")]),
        (
            [("system", "A"), ("user", [{"type": "text", "text": "Hi"}]), ("user", "x")],
            [("user", [{"type": "text", "text": "A"}, {"type": "text", "text": "Hi"}]), ("user", "x")],
        ),
        ([("system", "A"), ("assistant", "Hi")], [("user", "A"), ("assistant", "Hi")]),
        ([("system", ""), ("user", "Hi")], [("user", "Hi")]),
        ([("system", "A")], [("user", "A")]),
    ],
)
def test_hc20_system_texts_stand_before_the_first_user_message_where_a_model_refuses_them(said: Any, sent: Any) -> None:
    messages = [{"role": role, "content": content} for role, content in said]
    chosen = model(system_role=False)
    request = ask(chosen, messages=messages)
    made = fit_request(request, chosen, Turn(False)).members["messages"]
    assert [(one["role"], one["content"]) for one in msgspec.json.decode(made)] == sent


def test_hc22_a_parameter_that_is_not_supported_is_dropped_with_a_note() -> None:
    chosen = model(parameters={"temperature": Parameter(False), "top_p": Parameter(True)})
    assert fitted(chosen, temperature=0.3, top_p=0.5) == ({"top_p": 0.5}, ["temperature dropped"])
    assert fitted(chosen, temperature=None, top_p=0.5) == ({"top_p": 0.5}, [])


def test_hc22_strict_refuses_what_an_adapter_has_dropped_but_for_the_settings_of_an_assistant() -> None:
    chosen = model()
    turn = Turn(False, adjusted=["temperature 1.7->1", "top_k dropped: thinking is on", "seed dropped"])
    refuse_dropped(ask(chosen, n=2, temperature=1.7, top_k=3), turn)
    with pytest.raises(ProviderRefused, match="'seed' is not supported") as caught:
        refuse_dropped(ask(chosen, seed=3), turn)
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, "unsupported_parameter", "seed")
    request = ask(chosen, seed=3)
    request.assistant = AssistantUse("a", "a", 1, defaults=frozenset({"seed"}))
    refuse_dropped(request, turn)


def test_hc22_strict_refuses_what_would_be_dropped_or_clamped() -> None:
    chosen = model(parameters={"temperature": Parameter(False), "top_p": Parameter(True, range=(0, 0.5))})
    with pytest.raises(ProviderRefused, match="'temperature' is not supported") as caught:
        fitted(chosen, strict=True, temperature=0.3)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, "temperature", "unsupported_parameter")
    with pytest.raises(ProviderRefused, match=r"'top_p' does not support 0\.9"):
        fitted(chosen, strict=True, top_p=0.9)
    with pytest.raises(ProviderRefused, match="'top_k'"):
        fitted(model("gemini", reasoning=NEVER_SAMPLES), strict=True, top_k=40)
    assert fitted(chosen, strict=True, temperature=1, top_p=0.5) == ({"top_p": 0.5}, [])


@pytest.mark.parametrize(("asked", "sent"), [(1.5, 1), (1, 1), (0, 0), (0.25, 0.25)])
def test_hc22_a_value_out_of_the_models_range_is_clamped(asked: float, sent: float) -> None:
    chosen = model("anthropic", parameters={"temperature": Parameter(True, range=(0, 1))})
    left, notes = fitted(chosen, temperature=asked)
    assert left == {"temperature": sent}
    assert notes == ([] if asked == sent else ["temperature 1.5->1"])


@pytest.mark.parametrize(
    ("value", "goes"), [(1, True), (1.0, True), (None, True), (0, False), (0.999, False), (2, False)]
)
def test_a_value_that_the_model_refuses_is_refused_with_the_providers_words(value: float | None, goes: bool) -> None:
    rules = Reasoning(effort_values=("low",), can_disable=False, sampling="never")
    for chosen in (model(), model(reasoning=rules)):
        chosen = replace(chosen, parameters={"temperature": Parameter(True, allowed_values=(1.0,))})
        if goes:
            assert fitted(chosen, temperature=value) == ({"temperature": value}, [])
            continue
        with pytest.raises(ProviderRefused, match="temperature") as caught:
            fitted(chosen, temperature=value)
        assert (caught.value.status, caught.value.param, caught.value.code) == (400, "temperature", "unsupported_value")


@pytest.mark.parametrize("provider", ["openai", "anthropic", "OpenAI"])
def test_hc22_an_effort_makes_the_temperature_1(provider: str) -> None:
    chosen = model(provider, parameters=KNOWN, reasoning=THINKS)
    assert fitted(chosen, reasoning_effort="high") == ({"effort": "high", "temperature": 1}, [])
    assert fitted(chosen, reasoning_effort="high", temperature=1.0)[0]["temperature"] == 1
    with pytest.raises(ProviderRefused, match=r"0\.5"):
        fitted(chosen, reasoning_effort="high", temperature=0.5)


def test_hc22_an_effort_leaves_the_temperature_of_other_makers_alone() -> None:
    chosen = model("gemini", parameters=KNOWN, reasoning=THINKS)
    assert fitted(chosen, reasoning_effort="high", temperature=0.5) == ({"effort": "high", "temperature": 0.5}, [])


@pytest.mark.parametrize("written", ["none", "None", "NONE"])
def test_no_effort_leaves_the_temperature_alone(written: str) -> None:
    left, notes = fitted(model(parameters=KNOWN, reasoning=THINKS), reasoning_effort=written, temperature=0.5)
    assert left == {"effort": "none", "temperature": 0.5} and notes == []


def test_hc22_when_not_thinking_the_sampling_passes_and_while_thinking_it_does_not() -> None:
    chosen = model("azure", reasoning=THINKS_OR_SAMPLES)
    sampling = {"temperature": 0.2, "top_p": 0.9, "logprobs": True, "frequency_penalty": 0}
    assert fitted(chosen, **sampling) == (sampling, [])
    with pytest.raises(ProviderRefused, match=r"0\.2"):
        fitted(chosen, reasoning_effort="low", **sampling)
    del sampling["temperature"]
    left, notes = fitted(chosen, reasoning_effort="low", **sampling)
    assert left == {"effort": "low", "temperature": 1} and sorted(notes) == ["logprobs dropped", "top_p dropped"]


def test_hc22_a_model_that_thinks_unasked_takes_no_sampling_unless_it_is_told_not_to_think() -> None:
    rules = Reasoning(effort_values=("none", "low", "high"), effort_default="low", sampling="when_not_thinking")
    chosen = model(reasoning=rules)
    assert fitted(chosen, temperature=0.2) == ({}, ["temperature dropped"])
    assert fitted(chosen, temperature=0.2, reasoning_effort="none") == ({"effort": "none", "temperature": 0.2}, [])


def test_hc22_a_model_that_never_samples_drops_defaults_silently_and_the_rest_with_a_note() -> None:
    chosen = model("vertex_ai", reasoning=NEVER_SAMPLES)
    assert fitted(chosen, temperature=1, top_p=1.0, n=1) == ({"n": 1}, [])
    left, notes = fitted(chosen, temperature=0.5, top_p=0.9, top_k=4, max_tokens=9)
    assert left == {"max_tokens": 9} and sorted(notes) == ["temperature dropped", "top_k dropped", "top_p dropped"]


def test_the_responses_api_gets_no_temperature() -> None:
    rules = Reasoning(
        effort_values=("none", "low"),
        effort_default="none",
        sampling="when_not_thinking",
        tools_with_reasoning="responses",
    )
    assert fitted(model(reasoning=rules, api="responses"), reasoning_effort="low") == ({"effort": "low"}, [])
    chosen = model(reasoning=rules)
    request, turn = ask(chosen, reasoning_effort="low", temperature=1), Turn(False)
    request.has_tools = True
    assert "temperature" not in fit_request(request, chosen, turn).members
    request.has_tools = False
    assert "temperature" in fit_request(request, chosen, turn).members
    assert turn.adjusted == []


def test_hc20_system_text_goes_to_the_user_where_system_is_refused() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "system", "content": "Be kind."},
    ]
    left, _ = fitted(model("gemini", system_role=False), messages=messages)
    assert left["messages"] == [{"role": "user", "content": "Be brief.\n\nBe kind.\n\nHello"}]
    assert fitted(model("gemini"), messages=messages) == ({}, [])


def test_hc20_system_text_alone_becomes_the_user() -> None:
    left, _ = fitted(model(system_role=False), messages=[{"role": "system", "content": "Hi"}])
    assert left["messages"] == [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize("raw", [rb'[{"role": "user", "content": "x", "name": "\ud800"}]'])
def test_messages_that_nobody_had_to_read_before_are_refused_not_fatal(raw: bytes) -> None:
    request = ChatRequest(DirectModel("gemini", "m"), {"messages": msgspec.Raw(raw)})
    with pytest.raises(PorticoError) as caught:
        fit_request(request, model("gemini", system_role=False), Turn(False))
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("found", "goes"), [("image/png", True), ("image/*", True), ("*/*", True), ("audio/wav", False)]
)
def test_attachments_are_held_to_the_documented_formats(found: str, goes: bool) -> None:
    chosen = model(media={"image": {"mimeTypes": ("image/png",)}})
    request = ask(chosen)
    request.media = (found,)
    if goes:
        assert fit_request(request, chosen, Turn(False)) is request
        return
    with pytest.raises(MediaNotSupported):
        fit_request(request, chosen, Turn(False))
    assert fit_request(request, model(), Turn(False)) is request


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param(model(reasoning=NEVER_SAMPLES), id="never samples"),
        pytest.param(model(reasoning=replace(THINKS_OR_SAMPLES, effort_default="high")), id="thinks unasked"),
        pytest.param(model(parameters={"temperature": Parameter(True, allowed_values=(1,))}), id="only 1"),
        pytest.param(model(parameters={"temperature": Parameter(False)}), id="not supported"),
    ],
)
def test_settings_of_an_assistant_give_way_to_its_model(chosen: Model, strict: bool) -> None:
    request, turn = ask(chosen, temperature=0.1, max_completion_tokens=9), Turn(False)
    request.assistant = AssistantUse("a", "A", 1, defaults=frozenset({"temperature", "max_completion_tokens"}))
    fit = fit_request(request, chosen, turn, strict=strict)
    assert set(fit.members) == {"messages", "max_completion_tokens"}
    assert turn.adjusted == ["temperature dropped"]


def test_what_the_caller_of_an_assistant_asks_for_is_refused_as_ever() -> None:
    chosen = model(parameters={"temperature": Parameter(True, allowed_values=(1,))})
    request = ask(chosen, temperature=0.1)
    request.assistant = AssistantUse("a", "A", 1)
    with pytest.raises(ProviderRefused):
        fit_request(request, chosen, Turn(False))


@pytest.mark.parametrize(("strict", "left"), [(False, {"messages", "temperature"}), (True, {"messages"})])
def test_a_setting_beyond_the_range_is_clamped_or_dropped(strict: bool, left: set[str]) -> None:
    chosen = model(parameters={"temperature": Parameter(True, range=(0, 1))})
    request = ask(chosen, temperature=1.5)
    request.assistant = AssistantUse("a", "A", 1, defaults=frozenset({"temperature"}))
    assert set(fit_request(request, chosen, Turn(False), strict=strict).members) == left
