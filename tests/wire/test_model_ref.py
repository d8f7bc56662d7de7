"""The grammar of `model`, with the examples of the Chat API reference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.wire.model_ref import (
    AgentRef,
    BareModel,
    DirectModel,
    ModelRef,
    ModelRefError,
    SaiaRef,
    read_model_ref,
)

BOT = "0d6f2c1e-0000-4000-8000-000000000003"


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("openai/gpt-4o-mini", DirectModel("openai", "gpt-4o-mini")),
        ("OpenAI/gpt-4o-mini", DirectModel("OpenAI", "gpt-4o-mini")),
        ("openrouter/qwen3-8b:free", DirectModel("openrouter", "qwen3-8b:free")),
        ("awsbedrock/amazon.nova-pro-v1:0", DirectModel("awsbedrock", "amazon.nova-pro-v1:0")),
        ("openrouter/meta-llama/llama-3", DirectModel("openrouter", "meta-llama/llama-3")),
        ("a//b", DirectModel("a", "/b")),
        ("gpt-4o-mini", BareModel("gpt-4o-mini")),
        ("qwen3:8b", BareModel("qwen3:8b")),
        ("saia", BareModel("saia")),
        ("saiax:agent:x", BareModel("saiax:agent:x")),
        ("saia/agent", DirectModel("saia", "agent")),
        ("saia:assistant:translate-to-spanish", SaiaRef("assistant", "translate-to-spanish")),
        ("SAIA:Assistant:Name", SaiaRef("assistant", "Name")),
        (
            "saia:assistant:vertex_ai/gemini-2.0-flash-exp -Test File Upload",
            SaiaRef("assistant", "vertex_ai/gemini-2.0-flash-exp -Test File Upload"),
        ),
        ("saia:assistant:a [b]: c:1:2", SaiaRef("assistant", "a [b]: c:1:2")),
        ("saia:search:Default", SaiaRef("search", "Default")),
        ("saia:search:My+Docs", SaiaRef("search", "My+Docs")),
        (f"saia:flow:{BOT}", SaiaRef("flow", BOT)),
        ("saia:agent:StockKeeper", AgentRef("StockKeeper")),
        ("saia:agent:com.globant.iris", AgentRef("com.globant.iris")),
        ("saia:agent:InventoryChecker:0:2", AgentRef("InventoryChecker", 0, 2)),
        ("saia:agent:InventoryChecker:3", AgentRef("InventoryChecker", 3)),
        (f"saia:agent:{BOT}:1", AgentRef(BOT, 1)),
        ("saia:agent:a:b", AgentRef("a:b")),
        ("saia:agent:a:b:1:2", AgentRef("a:b", 1, 2)),
        ("saia:agent:a:-1", AgentRef("a:-1")),
        ("saia:agent:a:1:2:3", AgentRef("a:1", 2, 3)),
    ],
)
def test_a_reference_is_read(text: str, ref: ModelRef) -> None:
    assert read_model_ref(text) == ref


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("saia:", "type"),
        ("saia::x", "type"),
        ("saia:robot:x", "type"),
        ("saia:agents:x", "type"),
        ("saia:agent", "pattern"),
        ("saia:agent:", "pattern"),
        ("saia:search:  ", "pattern"),
        ("/gpt-4o", "pattern"),
        ("openai/", "pattern"),
        ("/", "pattern"),
    ],
)
def test_what_is_no_reference_says_which_part(text: str, kind: str) -> None:
    with pytest.raises(ModelRefError) as caught:
        read_model_ref(text)
    assert caught.value.kind == kind


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        ref = read_model_ref(text)
    except ModelRefError:
        return
    if isinstance(ref, DirectModel):
        assert f"{ref.provider}/{ref.name}" == text and ref.provider and ref.name
    elif isinstance(ref, BareModel):
        assert ref.name == text
    elif isinstance(ref, SaiaRef):
        assert text.lower().startswith(f"saia:{ref.type}:") and text.endswith(ref.name)


@given(
    st.text(min_size=1).filter(lambda t: ":" not in t and t.strip()),
    st.integers(0, 10**9 - 1),
    st.integers(0, 10**9 - 1),
)
def test_an_agent_with_version_and_revision_comes_back(name: str, version: int, revision: int) -> None:
    assert read_model_ref(f"saia:agent:{name}:{version}:{revision}") == AgentRef(name, version, revision)


@given(st.sampled_from(["assistant", "search", "flow"]), st.text(min_size=1).filter(str.strip))
def test_names_are_kept_as_given(kind: str, name: str) -> None:
    ref = read_model_ref(f"saia:{kind}:{name}")
    assert isinstance(ref, SaiaRef) and (ref.type, ref.name) == (kind, name)


def test_a_reference_can_be_a_key() -> None:
    """The gateway remembers targets by it."""
    assert len({DirectModel("a", "b"), DirectModel("a", "b"), BareModel("b")}) == 2
