from __future__ import annotations

from pathlib import Path

import pytest

from portico.server.catalog.entry import Price
from portico.server.catalog.find import Catalog
from portico.server.catalog.load import load_catalog
from portico.server.catalog.rows import CatalogError
from tests.calls import count_steps
from tests.server.catalog.conftest import Loader, acme_of

ACME = """
    name = "acme"
    friendly_name = "Acme AI"
    base_url = "https://api.acme.example/v1/"
    source = "https://docs.acme.example/models, read 2026-08-20"
    models = [{ name = "acme-large", type = "Chat", context_window = 200_000, streaming = true, tool_calling = true }]
"""


def test_loading_takes_as_many_steps_for_each_model_however_many_there_are() -> None:
    few, many = (count_steps(lambda models=models: acme_of(models)) for models in (100, 400))
    assert many < 4.1 * few
    assert few < 100 * 1_200


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
    every_kind = Price(1_000_000, 1_000_000, 2_000_000, 1_000_000, 1_000_000, 1_000_000, 2_000_000)
    assert (after.status, after.price) == ("hidden", every_kind)
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


PRICED = """
    name = "acme"
    base_url = "http://h/v1"
    models = [{{ name = "m", type = "Chat", price = {{ {} }} }}]
"""


def test_hc24_every_kind_of_token_has_one_price(load_own: Loader) -> None:
    price = load_own(acme=PRICED.format("input = 8, output = 9")).find_model("acme", "m").price
    assert price == Price(8, 8, 9, 8, 8, 8, 9)
    written = "input = 8, cached_input = 0, output = 9, cache_write_5m = 10, audio_input = 20, audio_output = 30"
    price = load_own(acme=PRICED.format(written)).find_model("acme", "m").price
    assert price == Price(8, 0, 9, 10, 10, 20, 30)
    price = load_own(acme=PRICED.format("image = 40_000, unit = 7, unit_of = 'second'")).find_model("acme", "m").price
    assert price == Price(image=40_000, unit=7, unit_of="second")


def test_hc24_a_long_prompt_has_its_own_price(load_own: Loader) -> None:
    written = "input = 8, cached_input = 2, output = 9, cache_write_5m = 10"
    above = "above_tokens = 200_000, input_above = 16, output_above = 12"
    price = load_own(acme=PRICED.format(f"{written}, {above}")).find_model("acme", "m").price
    assert price.at(200_000) is price and price.at(0) is price
    dear = price.at(200_001)
    assert (dear.input, dear.cached_input, dear.output, dear.cache_write_5m, dear.cache_write_1h) == (16, 4, 12, 20, 20)
    assert dear.at(10**9) is dear


def test_provider_tells_options_quirks_and_what_open_names_take(load_own: Loader) -> None:
    catalog = load_own(
        acme="""
        name = "ac-me-2"
        base_url = "http://h/v1"
        open_names = true
        open_reasoning = { thinking_mode = "level", effort_values = ["low", "high"] }
        options = [{ name = "region", default = "eu", help = "Where." }]
        quirks = { drops = ["seed"], effort_member = "" }
        """
    )
    provider = catalog.find_provider("ac-me-2")
    assert provider.setting(provider.options[0].name) == "PORTICO_PROVIDER_AC_ME_2_REGION"
    assert dict(provider.quirks) == {"drops": ("seed",), "effort_member": ""}
    with pytest.raises(TypeError):
        provider.quirks["drops"] = ()  # type: ignore[index]
    assert catalog.resolve("ac-me-2", "any").reasoning.effort_values == ("low", "high")
    assert not catalog.resolve("ac-me-2", "any", "Embedding").reasoning.on_demand


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
    assert "vertex_ai" not in catalog.missing_settings({"vertex_ai"}, ())
    assert catalog.missing_settings({"azure"}, ())["azure"] == "PORTICO_PROVIDER_AZURE_BASE_URL"
    assert "azure" not in catalog.missing_settings({"azure"}, {"azure"})


def test_options_that_do_what_a_key_does_make_it_needless(load_own: Loader) -> None:
    catalog = load_own(acme=ACME + """    key_options = [["access_token"], ["client_id", "client_secret"]]\n""")
    acme, openai = catalog.find_provider("acme"), catalog.find_provider("openai")
    assert acme.is_keyed_by({"access_token"}) and acme.is_keyed_by({"client_id", "client_secret", "region"})
    assert not acme.is_keyed_by({"client_id"}) and not acme.is_keyed_by(())
    assert not openai.is_keyed_by({"access_token"}), "it would be called without any key"
    for name in ("azure", "azure_ai_foundry"):
        assert catalog.find_provider(name).is_keyed_by({"tenant_id", "client_id", "client_secret"})
        assert catalog.find_provider(name).is_keyed_by({"access_token"})
    assert catalog.find_provider("vertex_ai").is_keyed_by({"access_token"})


@pytest.mark.parametrize("text", ['key_options = ["access_token"]', "key_options = [[]]"])
def test_key_options_are_groups(load_own: Loader, text: str) -> None:
    with pytest.raises(CatalogError, match="key_options"):
        load_own(acme=ACME + f"    {text}\n")


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
        (
            MODEL.format("price = { unit = 5 }"),
            "x.toml: model 'm', field price.unit_of: write what `unit` is the price",
        ),
        (MODEL.format("price = { above_tokens = 5 }"), "x.toml: model 'm', field price.above_tokens: write input, "),
        (
            MODEL.format("reasoning = { effort_values = ['huge'] }"),
            "x.toml: model 'm', field reasoning.effort_values[0]: invalid enum value 'huge'",
        ),
        (
            MODEL.format("reasoning = { thinking_mode = 'budget' }"),
            "x.toml: model 'm', field reasoning.budget_max: write the least and the greatest",
        ),
        (
            MODEL.format("reasoning = { effort_values = ['none'], can_disable = false }"),
            "x.toml: model 'm', field reasoning.can_disable: contradicts the value none",
        ),
        (
            "name = 'acme'\nbase_url = 'http://h'\nquirks = { drop = [] }",
            "x.toml: field quirks: object contains unknown",
        ),
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
