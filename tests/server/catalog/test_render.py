"""The four calls of the LLM API as values, with the acceptance checks of the reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.server.catalog import render
from portico.server.catalog.find import Catalog
from portico.server.errors import ModelNotFound, NotFound, OutOfRange
from portico.wire import llm as wire
from tests.calls import count_steps
from tests.server.catalog.conftest import Loader

Json = Any
MODELS = {"include": "models"}


def json_of(value: object) -> Json:
    return msgspec.json.decode(msgspec.json.encode(value))


def providers_of(catalog: Catalog, query: Mapping[str, str], version: render.Version = 3) -> list[Json]:
    return list(json_of(render.list_providers(catalog, query, "en", version))["providers"])


def models_of(catalog: Catalog, provider: str, query: Mapping[str, str], version: render.Version = 3) -> list[Json]:
    return list(json_of(render.list_models(catalog, provider, query, "en", version))["models"])


def test_plain_list_has_the_documented_members_and_no_models(shipped: Catalog) -> None:
    listed = providers_of(shipped, {})
    assert all(set(p) == {"name", "friendlyName", "description", "interfaceType"} for p in listed)
    assert all(p["interfaceType"] == "openai" for p in listed)
    names = [p["name"] for p in listed]
    assert names == sorted(names, key=str.casefold) and len(names) == len(shipped.providers)


def test_v2_has_neither_friendly_name_nor_capability_members(shipped: Catalog) -> None:
    listed = providers_of(shipped, MODELS, version=2)
    assert all(set(p) == {"name", "description", "interfaceType", "models"} for p in listed)
    assert next(p for p in listed if p["name"] == "awsbedrock")["description"] == "AWS Bedrock"
    members = {"id", "name", "fullName", "description", "descriptions", "type", "contextWindow", "maxOutputTokens"}
    members |= {"priority", "isCustom", "properties"}
    assert all(set(m) == members for p in listed for m in p["models"])


def test_v3_has_friendly_name_and_capability_members(shipped: Catalog) -> None:
    listed = providers_of(shipped, MODELS)
    always = {"id", "name", "fullName", "description", "type", "contextWindow", "maxOutputTokens", "priority"}
    always |= {"isCustom", "properties", "streaming", "toolCalling", "functionCalling", "multimodal", "parameters"}
    for model in (m for p in listed for m in p["models"]):
        assert set(model) - {"mediaCapabilities"} == always
    assert all("friendlyName" in p for p in listed)


@pytest.mark.parametrize("version", [2, 3])
def test_answers_can_be_read_back_into_the_same_shapes(shipped: Catalog, version: render.Version) -> None:
    answer = render.list_providers(shipped, MODELS, "es", version)
    assert msgspec.json.decode(msgspec.json.encode(answer), type=wire.ProviderList) == answer


def test_both_versions_list_the_same_models(shipped: Catalog) -> None:
    def ids(version: render.Version) -> list[str]:
        return [m["id"] for p in providers_of(shipped, MODELS, version) for m in p["models"]]

    assert ids(2) == ids(3)


def test_v2_tells_capabilities_as_properties(shipped: Catalog) -> None:
    model = next(m for m in models_of(shipped, "openai", {}, 2) if m["name"] == "gpt-4o-mini")
    values = {p["name"]: (p["type"], p["value"]) for p in model["properties"]}
    assert values == {
        f"Supports{what}": ("Boolean", "true")
        for what in ("Streaming", "ToolCalling", "FunctionCalling", "ToolChoice", "Multimodal")
    }
    assert set(model["descriptions"]) == {"English", "Spanish", "Portuguese", "Japanese"}


def test_descriptions_stand_only_where_there_are_several_languages(load_own: Loader) -> None:
    catalog = load_own(
        acme="""
        name = "acme"
        base_url = "http://127.0.0.1:9000/v1"
        models = [{ name = "m", type = "Chat", descriptions = { es = "Solo en español." } }]
        """
    )
    (model,) = models_of(catalog, "acme", {}, 2)
    assert "descriptions" not in model
    assert model["description"] == "Solo en español."


def test_media_capabilities_stand_only_for_kinds_the_model_takes(shipped: Catalog) -> None:
    by_name = {m["name"]: m for m in models_of(shipped, "vertex_ai", {})}
    assert set(by_name["gemini-2.0-flash"]["mediaCapabilities"]) == {"file", "image", "audio", "video"}
    assert set(by_name["claude-3-opus-20240229"]["mediaCapabilities"]) == {"file", "image"}
    assert "mediaCapabilities" not in by_name["codestral-2501"]
    assert by_name["gemini-2.0-flash"]["mediaCapabilities"]["video"] == {
        "maxVideosPerPrompt": 0,
        "maxLengthWithAudioMinutes": 0,
        "maxLengthWithoutAudioMinutes": 0,
        "mimeTypes": ["video/mp4"],
    }
    assert not by_name["codestral-2501"]["multimodal"] and by_name["gemini-2.0-flash"]["multimodal"]


def test_temperature_of_reasoning_models_is_reported_as_documented(shipped: Catalog) -> None:
    parameters = json_of(render.get_model(shipped, "openai", "o3", {}, "en", 3))["parameters"]
    assert parameters["temperature"] == {"supported": True, "allowedValues": [1], "range": []}
    assert parameters["top_p"] == {"supported": False}
    encoded = msgspec.json.encode(render.get_model(shipped, "openai", "o3", {}, "en", 3))
    assert b'"allowedValues":[1]' in encoded


@pytest.mark.parametrize("value", ["Japanese", "ja", "japanese", "ja-JP,ja;q=0.9", "日本語"])
def test_names_and_tags_of_a_language_give_the_same_text(shipped: Catalog, value: str) -> None:
    language = render.read_language(value)
    assert language == "ja"
    model = render.get_model(shipped, "openai", "gpt-4o", {}, language, 3)
    assert model.description == shipped.find_model("openai", "gpt-4o").descriptions["ja"]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("English", "en"),
        ("Klingon", "en"),
        ("fr-FR,fr;q=0.9", "en"),
        ("fr,es;q=0.5,pt;q=0.7", "pt"),
        ("es-AR,es;q=0.9", "es"),
        ("es_MX", "es"),
        ("Spanish", "es"),
        ("ESPAÑOL", "es"),
        ("español".encode().decode("latin-1"), "es"),
        ("日本語".encode().decode("latin-1"), "ja"),
        ("Portuguese", "pt"),
        ("português", "pt"),
        ("pt-BR", "pt"),
        ("ja;q=0,es;q=0.1", "es"),
        ("ja;q=0", "en"),
        ("ja;q=nan,es;q=0.1", "es"),
        ("ja;q=7", "en"),
        ("ja; q=0.3 , en;q=0.2", "ja"),
        ("en-GB,ja", "en"),
        ("*", "en"),
        ("espresso", "en"),
    ],
)
def test_accept_language_is_read_by_name_and_by_tag(header: str | None, language: str) -> None:
    assert render.read_language(header) == language


@given(st.text())
def test_any_header_gives_one_of_the_four_languages(header: str) -> None:
    assert render.read_language(header) in ("en", "es", "pt", "ja")


@given(
    st.sampled_from([("en", "English"), ("es", "Spanish"), ("pt", "Portuguese"), ("ja", "Japanese")]),
    st.sampled_from(["", "-AR", "-Latn-XX", ";q=0.4"]),
    st.lists(st.sampled_from(["fr", "de;q=0.8", "*;q=0.1", "x-own", ""]), max_size=4),
)
def test_the_one_language_we_have_wins_among_others(ours: tuple[str, str], tail: str, others: list[str]) -> None:
    code, name = ours
    assert render.read_language(",".join([*others, code + tail])) == code
    assert render.read_language(",".join([*others, name.upper()])) == code


def test_text_that_is_missing_falls_back_to_english(load_own: Loader) -> None:
    catalog = load_own(
        acme="""
        name = "acme"
        base_url = "http://127.0.0.1:9000/v1"
        descriptions = { en = "Acme." }
        """
    )
    assert render.get_provider(catalog, "acme", {}, "ja", 3).description == "Acme."


def test_filters_are_ignored_without_include(shipped: Catalog) -> None:
    assert providers_of(shipped, {"type": "Embedding"}) == providers_of(shipped, {})
    assert providers_of(shipped, {"streaming": "maybe"}) == providers_of(shipped, {})


def test_filters_combine_and_drop_emptied_providers(shipped: Catalog) -> None:
    listed = providers_of(shipped, {**MODELS, "type": "Chat", "multimodal": "True", "toolCalling": "TRUE"})
    assert all(p["models"] for p in listed)
    assert {p["name"] for p in listed} >= {"openai", "Anthropic", "vertex_ai"}
    assert not {p["name"] for p in listed} & {"pinecone", "deepseek", "local", "ollama"}
    for model in (m for p in listed for m in p["models"]):
        assert model["type"] == "Chat" and model["multimodal"] and model["toolCalling"]


def test_without_filters_an_empty_provider_stays(shipped: Catalog) -> None:
    assert next(p for p in providers_of(shipped, MODELS) if p["name"] == "ollama")["models"] == []


@pytest.mark.parametrize("kind", ["Chat", "Embedding", "Image", "Rerank", "Audio", "Video"])
def test_type_is_matched_in_any_case(shipped: Catalog, kind: str) -> None:
    listed = providers_of(shipped, {**MODELS, "type": kind.upper()})
    assert listed and {m["type"] for p in listed for m in p["models"]} == {kind}


def test_list_emptied_by_filters_is_an_empty_array(shipped: Catalog) -> None:
    assert json_of(render.list_models(shipped, "deepseek", {"type": "Image"}, "en", 3)) == {"models": []}


@pytest.mark.parametrize(("written", "word"), [("1", "true"), ("TRUE", "true"), ("0", "false"), ("False", "false")])
def test_a_boolean_is_a_word_in_any_case_or_a_digit(shipped: Catalog, written: str, word: str) -> None:
    """Errors reference, "Conventions": booleans of queries are true, false, 1 or 0."""
    for name in ("streaming", "multimodal", "toolCalling", "functionCalling"):
        asked, plain = ({**MODELS, name: value} for value in (written, word))
        assert providers_of(shipped, asked) == providers_of(shipped, plain) != providers_of(shipped, MODELS)


@pytest.mark.parametrize("name", ["type", "streaming", "multimodal", "toolCalling", "functionCalling", "detail"])
def test_bad_filter_value_is_400_id_8(shipped: Catalog, name: str) -> None:
    for ask in (
        lambda: render.list_providers(shipped, {**MODELS, name: "maybe"}, "en", 3),
        lambda: render.list_models(shipped, "openai", {name: "maybe"}, "en", 3),
    ):
        with pytest.raises(OutOfRange) as caught:
            ask()
        assert (caught.value.status, caught.value.id) == (400, 8)
        assert caught.value.message == f"Field {name} is out of range"


def test_bad_include_and_detail_are_400_on_every_call(shipped: Catalog) -> None:
    for ask in (
        lambda: render.list_providers(shipped, {"include": "prices"}, "en", 3),
        lambda: render.get_provider(shipped, "openai", {"detail": "Half"}, "en", 3),
        lambda: render.get_model(shipped, "openai", "o3", {"detail": "Half"}, "en", 2),
    ):
        with pytest.raises(OutOfRange):
            ask()


def test_empty_values_count_as_absent(shipped: Catalog) -> None:
    query = dict.fromkeys(["include", "type", "streaming", "detail"], "")
    assert providers_of(shipped, query) == providers_of(shipped, {})
    assert models_of(shipped, "openai", query) == models_of(shipped, "openai", {})


def test_summary_has_only_the_summary_members(shipped: Catalog) -> None:
    (first, *_) = providers_of(shipped, {**MODELS, "detail": "summary"})
    assert set(first) == {"name", "friendlyName", "models"}
    assert set(first["models"][0]) == {"id", "name", "fullName", "type", "priority"}
    one = json_of(render.get_model(shipped, "openai", "o3", {"detail": "Summary"}, "en", 3))
    assert set(one) == {"id", "name", "fullName", "type", "priority"}
    assert json_of(render.get_provider(shipped, "openai", {"detail": "SUMMARY"}, "en", 2)) == {
        "name": "openai",
        "description": "OpenAI",
    }


def test_models_are_ordered_by_priority_then_name(shipped: Catalog) -> None:
    keys = [(m["priority"], m["name"]) for m in models_of(shipped, "openai", {})]
    assert keys == sorted(keys) and keys[0][0] < keys[-1][0]


def test_hidden_and_deprecated_models_are_not_listed(load_own: Loader) -> None:
    catalog = load_own(mine='name = "openai"\nmodels = [{ name = "o3", status = "hidden" }]')
    listed = {m["name"] for m in models_of(catalog, "openai", {})}
    assert not listed & {"o3", "o1-preview", "gpt-4", "gpt-3.5-turbo"}
    assert {m.id for m in render.list_openai_models(catalog).data} & {"openai/o3", "openai/gpt-4"} == set()
    assert render.get_model(catalog, "openai", "o1-preview", {}, "en", 3).name == "o1-preview"


def test_one_model_carries_its_provider_too(shipped: Catalog) -> None:
    one = json_of(render.get_model(shipped, "bedrock", "amazon.nova-pro-v1:0", {}, "en", 3))
    assert (one["friendlyName"], one["interfaceType"]) == ("AWS Bedrock", "openai")
    assert one["fullName"] == "awsbedrock/amazon.nova-pro-v1:0"
    listed = next(m for m in models_of(shipped, "awsbedrock", {}) if m["id"] == one["id"])
    assert {k: v for k, v in one.items() if k not in ("friendlyName", "interfaceType")} == listed
    second = json_of(render.get_model(shipped, "bedrock", "amazon.nova-pro-v1:0", {}, "en", 2))
    assert "friendlyName" not in second and second["interfaceType"] == "openai"


def test_unknown_names_are_404(shipped: Catalog) -> None:
    for ask in (
        lambda: render.get_provider(shipped, "nobody", {}, "en", 3),
        lambda: render.list_models(shipped, "nobody", {}, "en", 3),
        lambda: render.get_model(shipped, "nobody", "gpt-4o", {}, "en", 3),
        lambda: render.get_model(shipped, "openai", "nothing", {}, "en", 3),
    ):
        with pytest.raises(NotFound) as caught:
            ask()
        assert (caught.value.id, caught.value.message) == (4000, "Not Found.")


def test_models_of_an_unconfigured_provider_name_the_missing_setting(shipped: Catalog) -> None:
    missing = shipped.missing_settings({"groq"}, ())

    def marks(provider: str, version: render.Version) -> set[str]:
        models = render.list_models(shipped, provider, {}, "en", version, missing).models
        properties = (p for m in models for p in m.properties or ())
        return {p.value for p in properties if p.name == "RequiresConfiguration" and p.type == "String"}

    assert marks("openai", 3) == marks("openai", 2) == {"PORTICO_PROVIDER_OPENAI_API_KEY"}
    assert marks("Anthropic", 3) == {"PORTICO_PROVIDER_ANTHROPIC_API_KEY"}
    assert marks("groq", 3) == marks("local", 3) == set()
    one = render.get_model(shipped, "openai", "gpt-4o", {}, "en", 3, missing)
    assert "RequiresConfiguration" in {p.name for p in one.properties or ()}


def test_property_ids_are_stable_guids_and_differ(shipped: Catalog) -> None:
    models = render.list_models(shipped, "openai", {}, "en", 2).models
    ids = [p.id for m in models for p in m.properties or ()]
    assert len(ids) == len(set(ids)) == 5 * len(models)


def test_openai_style_list_holds_active_models_by_full_name(shipped: Catalog) -> None:
    listed = json_of(render.list_openai_models(shipped))
    assert listed["object"] == "list"
    entry = {"id": "openai/gpt-4o-mini", "object": "model", "created": 0, "owned_by": "openai"}
    assert entry in listed["data"]
    assert any(m["id"].startswith("anthropic/") and m["owned_by"] == "anthropic" for m in listed["data"])
    ids = [m["id"] for m in listed["data"]]
    assert len(ids) == len(set(ids)) and "openai/o1-preview" not in ids
    for full_name in ids:
        assert render.get_openai_model(shipped, full_name).id == full_name


def test_openai_style_model_is_found_by_full_or_bare_name(shipped: Catalog) -> None:
    assert json_of(render.get_openai_model(shipped, "gpt-4o-mini"))["id"] == "openai/gpt-4o-mini"
    assert render.get_openai_model(shipped, "OpenRouter/qwen3-8b:free").id == "openrouter/qwen3-8b:free"


@pytest.mark.parametrize("asked", ["nope", "openai/nope", "nobody/x", "openai/o1-preview", "", "/"])
def test_openai_style_model_that_is_not_listed_is_404(shipped: Catalog, asked: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        render.get_openai_model(shipped, asked)
    assert (caught.value.message, caught.value.code) == (f"Model '{asked}' does not exist.", "model_not_found")


def test_whole_listing_takes_a_few_steps_for_each_model(shipped: Catalog) -> None:
    """What is said of a model stands ready: it is not put together for each who asks."""
    models = sum(len(provider.models) for provider in shipped.providers)

    def listing() -> bytes:
        return msgspec.json.encode(render.list_providers(shipped, MODELS, "es", 3))

    assert count_steps(listing) <= 16 * models
