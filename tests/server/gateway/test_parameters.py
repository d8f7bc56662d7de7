"""What of a request a model does not take: dropped, filled in, or refused, as the Chat API reference says in 9."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from portico.server.catalog.entry import Model, Parameter, Reasoning
from portico.server.errors import PorticoError, ProviderRefused
from portico.server.gateway.parameters import fit_parameters
from portico.wire.model_ref import DirectModel
from portico.wire.requests import ChatRequest

THINKS = Reasoning(effort_values=("low", "medium", "high"), thinking_mode="level")
KNOWN = {"temperature": Parameter(True), "top_p": Parameter(True)}


def model(provider: str = "openai", **more: Any) -> Model:
    return Model("id", provider, "m", "Chat", {}, **more)


def fitted(chosen: Model, **members: Any) -> dict[str, Any]:
    """What is left of the members."""
    given = {"messages": [{"role": "user", "content": "x"}], **members}
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in given.items()}
    request = ChatRequest(DirectModel(chosen.provider, "m"), raw)
    fit_parameters(request, chosen)
    left = {name: msgspec.json.decode(value) for name, value in request.members.items()}
    if left["messages"] == given["messages"]:
        del left["messages"]
    return left


def test_a_model_nobody_described_gets_everything() -> None:
    assert fitted(model("vllm"), temperature=0.3, reasoning_effort="low", top_p=0.5) == {
        "temperature": 0.3,
        "reasoning_effort": "low",
        "top_p": 0.5,
    }


def test_a_parameter_that_is_not_supported_is_dropped() -> None:
    chosen = model(parameters={"temperature": Parameter(False), "top_p": Parameter(True)})
    assert fitted(chosen, temperature=0.3, top_p=0.5) == {"top_p": 0.5}


@pytest.mark.parametrize(
    ("value", "goes"), [(1, True), (1.0, True), (None, True), (0, False), (0.999, False), (2, False)]
)
def test_a_value_that_the_model_refuses_is_refused_with_the_providers_words(value: float | None, goes: bool) -> None:
    chosen = model(parameters={"temperature": Parameter(True, allowed_values=(1.0,))})
    if goes:
        assert fitted(chosen, temperature=value) == {"temperature": value}
        return
    with pytest.raises(ProviderRefused, match="temperature") as caught:
        fitted(chosen, temperature=value)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, "temperature", "unsupported_value")


@pytest.mark.parametrize("provider", ["openai", "anthropic", "OpenAI"])
def test_an_effort_makes_the_temperature_1(provider: str) -> None:
    chosen = model(provider, parameters=KNOWN, reasoning=THINKS)
    assert fitted(chosen, reasoning_effort="high") == {"reasoning_effort": "high", "temperature": 1}
    assert fitted(chosen, reasoning_effort="high", temperature=1.0)["temperature"] == 1
    with pytest.raises(ProviderRefused, match=r"0\.5"):
        fitted(chosen, reasoning_effort="high", temperature=0.5)


@pytest.mark.parametrize("written", ["none", "None", "NONE"])
def test_no_effort_leaves_the_temperature_alone(written: str) -> None:
    left = fitted(model(parameters=KNOWN, reasoning=THINKS), reasoning_effort=written, temperature=0.5)
    assert left == {"reasoning_effort": "none", "temperature": 0.5}


@pytest.mark.parametrize("written", ["Low", "LOW", "low"])
def test_an_effort_may_be_written_in_any_case(written: str) -> None:
    assert fitted(model("gemini", parameters=KNOWN, reasoning=THINKS), reasoning_effort=written) == {
        "reasoning_effort": "low"
    }


def test_an_effort_for_a_model_that_does_not_think_is_dropped_silently() -> None:
    assert fitted(model(parameters=KNOWN), reasoning_effort="high", temperature=0.2) == {"temperature": 0.2}


def test_an_effort_of_null_is_absent() -> None:
    assert fitted(model(parameters=KNOWN, reasoning=THINKS), reasoning_effort=None) == {}


def test_hc20_system_text_goes_to_the_user_where_system_is_refused() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "system", "content": "Be kind."},
    ]
    left = fitted(model("gemini", system_role=False), messages=messages)
    assert left["messages"] == [{"role": "user", "content": "Be brief.\n\nBe kind.\n\nHello"}]
    assert fitted(model("gemini"), messages=messages) == {}


def test_hc20_system_text_alone_becomes_the_user() -> None:
    left = fitted(model(system_role=False), messages=[{"role": "system", "content": "Hi"}])
    assert left["messages"] == [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize("raw", [rb'[{"role": "user", "content": "x", "name": "\ud800"}]'])
def test_messages_that_nobody_had_to_read_before_are_refused_not_fatal(raw: bytes) -> None:
    request = ChatRequest(DirectModel("gemini", "m"), {"messages": msgspec.Raw(raw)})
    with pytest.raises(PorticoError) as caught:
        fit_parameters(request, model("gemini", system_role=False))
    assert caught.value.status == 400
