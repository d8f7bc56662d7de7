from __future__ import annotations

from pathlib import Path

import pytest

from portico.server.catalog.entry import Price
from portico.server.catalog.find import Catalog
from portico.server.catalog.load import load_catalog
from portico.server.catalog.rows import CatalogError
from tests.server.catalog.conftest import Loader, best_time_s

ACME = """
    name = "acme"
    friendly_name = "Acme AI"
    base_url = "https://api.acme.example/v1/"
    source = "https://docs.acme.example/models, read 2026-08-20"
    models = [{ name = "acme-large", type = "Chat", context_window = 200_000, streaming = true, tool_calling = true }]
"""


def test_shipped_entries_load_within_80_ms() -> None:
    assert best_time_s(load_catalog, 0.080) <= 0.080


def test_every_start_gives_the_same_guids(shipped: Catalog) -> None:
    again = load_catalog(None)
    assert [m.id for p in shipped.providers for m in p.models] == [m.id for p in again.providers for m in p.models]
    assert shipped.find_model("openai", "gpt-4o").id == "f5f595cb-5f2d-52cf-a58a-4f2a5b8102be"


def test_own_provider_with_models_is_added(load_own: Loader) -> None:
    catalog = load_own(acme=ACME)
    provider = catalog.find_provider("ACME")
    assert (provider.adapter, provider.base_url) == ("openai", "https://api.acme.example/v1")
    model = catalog.resolve("acme", "acme-large")
    assert (model.full_name, model.context_window) == ("acme/acme-large", 200_000)
    assert model.tool_calling and model.function_calling and model.tool_choice and model.streaming and model.is_custom
    assert set(model.descriptions) == set(provider.descriptions) == {"en", "es", "pt", "ja"}


def test_own_model_joins_a_shipped_provider(load_own: Loader, shipped: Catalog) -> None:
    catalog = load_own(
        mine="""
        name = "openai"
        [[models]]
        name = "ft:gpt-4o-mini:acme"
        family = "gpt-4o-mini"
        title = "Acme's GPT-4o mini"
        """
    )
    model = catalog.resolve("openai", "ft:gpt-4o-mini:acme")
    assert model.is_custom and model.type == "Chat"
    assert model.descriptions["pt"].startswith("Acme's GPT-4o mini: modelo pequeno")
    assert len(catalog.find_provider("openai").models) == len(shipped.find_provider("openai").models) + 1


def test_own_values_replace_shipped_ones_and_leave_the_rest(load_own: Loader, shipped: Catalog) -> None:
    catalog = load_own(
        mine="""
        name = "openai"
        base_url = "http://127.0.0.1:9000/v1"
        [[models]]
        name = "gpt-4o"
        status = "hidden"
        price = { input = 1_000_000, output = 2_000_000 }
        """
    )
    before, after = shipped.find_model("openai", "gpt-4o"), catalog.find_model("openai", "gpt-4o")
    assert catalog.find_provider("openai").base_url == "http://127.0.0.1:9000/v1"
    assert catalog.find_provider("openai").friendly_name == "OpenAI"
    assert (after.status, after.price) == ("hidden", Price(1_000_000, 1_000_000, 2_000_000))
    assert (after.id, after.context_window, after.media) == (before.id, before.context_window, before.media)
    assert not after.is_custom and after.source == "mine.toml of this server"


def test_own_gguf_file_becomes_a_local_model(load_own: Loader) -> None:
    catalog = load_own(
        mine="""
        name = "local"
        [[models]]
        name = "my-model"
        type = "Chat"
        path = "/models/my-model.gguf"
        """
    )
    assert catalog.resolve("local", "my-model").path == "/models/my-model.gguf"
    assert catalog.resolve("local", "qwen2.5-coder-1.5b-instruct").path == ""


def test_retired_model_can_be_taken_back_into_service(load_own: Loader) -> None:
    catalog = load_own(
        mine="""
        name = "openai"
        models = [{ name = "gpt-4", status = "active", fallback = "" }]
        """
    )
    assert catalog.resolve("openai", "gpt-4").name == "gpt-4"


def test_server_that_needs_no_key_waits_for_no_setting(load_own: Loader) -> None:
    catalog = load_own(acme=ACME + "    needs_key = false\n", other=ACME.replace("acme", "my-other"))
    missing = catalog.missing_settings({"openai"}, ())
    assert "acme" not in missing and "ollama" not in missing and "local" not in missing and "openai" not in missing
    assert missing["my-other"] == "PORTICO_PROVIDER_MY_OTHER_API_KEY"
    assert missing["Anthropic"] == "PORTICO_PROVIDER_ANTHROPIC_API_KEY"
    assert "my-other" not in catalog.missing_settings({"my_other"}, ())
    assert catalog.missing_settings({"azure"}, ())["azure"] == "PORTICO_PROVIDER_AZURE_BASE_URL"
    assert "azure" not in catalog.missing_settings({"azure"}, {"azure"})


@pytest.mark.parametrize("name", [".hidden.toml", "notes.txt", "acme.toml.bak"])
def test_other_files_of_the_folder_are_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("not TOML", encoding="utf-8")
    assert load_catalog(tmp_path).providers


def test_folder_that_does_not_exist_adds_nothing(tmp_path: Path) -> None:
    assert load_catalog(tmp_path / "absent").providers


def test_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "catalog").write_text("", encoding="utf-8")
    with pytest.raises(CatalogError, match="folder of catalogue files cannot be read"):
        load_catalog(tmp_path / "catalog")


MODEL = 'name = "acme"\nbase_url = "http://h/v1"\nmodels = [{{ name = "m", type = "Chat", {} }}]'
PLAIN = 'name = "acme"\nbase_url = "http://h/v1"\nmodels = [{ name = "m", type = "Chat" }]'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "x.toml: not valid TOML: "),
        ("friendly_name = 'X'", "x.toml: object missing required field `name`"),
        ("name = 'a/b'", "x.toml: field name: expected `str` matching regex"),
        ("name = 'acme'\nbase_url = 'h'", "x.toml: field base_url: expected `str` matching regex"),
        ("name = 'acme'", "x.toml: field base_url: write the address of the server"),
        ("name = 'acme'\nbaseurl = 'http://h'", "x.toml: object contains unknown field `baseurl`"),
        ("name = 'acme'\nbase_url = 'http://h'\nmodels = [{ type = 'Chat' }]", "x.toml: a model without field name"),
        ("name = 'acme'\nbase_url = 'http://h'\nmodels = [{ name = 'm' }]", "x.toml: model 'm', field type: write one"),
        (MODEL.format("contxt = 1"), "x.toml: model 'm': object contains unknown field `contxt`"),
        (MODEL.format("context_window = 'big'"), "x.toml: model 'm', field context_window: expected `int`, got `str`"),
        (MODEL.format("context_window = -1"), "x.toml: model 'm', field context_window: expected `int` >= 0"),
        (MODEL.format("price = { input = 0.5 }"), "x.toml: model 'm', field price.input: expected `int`, got `float`"),
        (MODEL.format("status = 'gone'"), "x.toml: model 'm', field status: invalid enum value 'gone'"),
        (MODEL.format("descriptions = { fr = 'x' }"), "x.toml: model 'm', field descriptions: object contains unknown"),
        (MODEL.format("family = 'nope'"), "x.toml: model 'm', field family: no family 'nope'"),
        (MODEL.format("formats = ['doc']"), "x.toml: model 'm', field formats: 'doc' is not known; write some of txt"),
        (MODEL.format("media = { image = { maxImageSizeMB = 1 } }"), "x.toml: model 'm', field media.image: the model"),
        (
            MODEL.format("formats = ['png'], media = { image = { size = 1 } }"),
            "x.toml: model 'm', field media.image.size: not known; write maxImageSizeMB",
        ),
        (MODEL.format("fallback = 'other'"), "x.toml: model 'm', field fallback: the provider has no model 'other'"),
        (MODEL.format("fallback = 'm'"), "x.toml: model 'm', field fallback: leads back to itself"),
        (MODEL.format("status = 'active', fallback = 'm'"), "x.toml: model 'm', field fallback: only a deprecated"),
        (MODEL.format("id = '12'"), "x.toml: model 'm', field id: '12' is not a GUID"),
        (MODEL.format("path = 'model.gguf'"), "x.toml: model 'm', field path: 'model.gguf' is not the absolute path"),
        (MODEL.format("parameters = { top_p = { range = [0] } }"), "x.toml: model 'm', field parameters"),
        (PLAIN + "\n[replacements]\n'a*' = 'b'", "x.toml: field replacements.a*: the provider has no model"),
        (PLAIN.replace("}]", "}, { name = 'm', type = 'Chat' }]"), "x.toml: model 'm' stands twice"),
        (PLAIN.replace('"acme"', '"bedrock"'), "x.toml: field name or aliases: 'bedrock' already stands"),
    ],
)
def test_mistake_is_told_in_one_line_with_file_entry_and_field(load_own: Loader, text: str, said: str) -> None:
    with pytest.raises(CatalogError) as caught:
        load_own(x=text)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_text_that_is_not_utf_8_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(CatalogError, match=r"^x\.toml: cannot be read"):
        load_catalog(tmp_path)
