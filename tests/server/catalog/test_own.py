"""Entries and aliases that are not shipped: read from JSON members or the operator's files, refused by field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from portico.server.catalog.aliases import check_alias
from portico.server.catalog.entry import Price
from portico.server.catalog.find import Catalog
from portico.server.catalog.load import load_aliases, load_catalog
from portico.server.catalog.own import own_provider, read_alias_row, read_model_row, read_provider_row, show_row
from portico.server.catalog.rows import CatalogError
from portico.server.errors import FieldRequired, InvalidModelName, InvalidType, ModelNotFound, PatternMismatch
from tests.server.catalog.conftest import Loader

URL = "https://api.acme.example/v1"


def test_members_become_rows_and_rows_members_again() -> None:
    model = {
        "name": "acme-large",
        "type": "Chat",
        "contextWindow": 9,
        "maxOutputTokens": 5,
        "price": {"input": 3, "cacheWrite5m": 4},
        "parameters": {"top_p": {"range": [0, 1]}},
        "reasoning": {"thinkingMode": "level", "effortValues": ["low", "high"]},
    }
    provider = {"name": "acme", "baseUrl": URL, "needsKey": False, "quirks": {"effortMember": ""}}
    row, models = read_provider_row(provider | {"models": [model]})
    assert (row["base_url"], row["quirks"]) == (URL, {"effort_member": ""})
    assert models[0]["price"] == {"input": 3, "cache_write_5m": 4}
    assert show_row(row) == provider
    assert show_row(models[0]) == model
    made = own_provider(row, models)
    assert (made.needs_key, made.quirks) == (False, {"effort_member": ""})
    large = made.models[0]
    assert (large.max_output, large.is_custom, large.price) == (
        5,
        True,
        Price(input=3, cached_input=3, cache_write_5m=4, cache_write_1h=4, audio_input=3),
    )
    assert large.parameters["top_p"].range == (0, 1)


def test_what_answers_tell_may_be_sent_again(shipped: Catalog) -> None:
    told = {"name": "x", "type": "Chat", "fullName": "openai/x", "isCustom": True, "provider": "openai"}
    assert read_model_row(shipped.find_provider("openai"), told) == {"name": "x", "type": "Chat"}


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"name": "a b"}, "name"),
        ({"name": 5}, "name"),
        ({"dimensions": "many"}, "dimensions"),
        ({"inputTypes": [1]}, "inputTypes[0]"),
        ({"price": {"input": -1}}, "price.input"),
        ({"price": {"unit": 3}}, "price.unitOf"),
        ({"reasoning": {"thinkingMode": "budget"}}, "reasoning.budgetMax"),
        ({"colour": "red"}, "colour"),
        ({"id": "00000000-0000-4000-8000-000000000000"}, "id"),
    ],
)
def test_mistakes_in_a_model_name_the_field_as_it_was_written(
    shipped: Catalog, members: dict[str, Any], field: str
) -> None:
    with pytest.raises(PatternMismatch) as caught:
        read_model_row(shipped.find_provider("openai"), {"name": "x", "type": "Chat", **members})
    assert caught.value.param == field


@pytest.mark.parametrize(
    ("members", "refusal"),
    [
        ({"models": "none"}, PatternMismatch),
        ({"models": [1]}, PatternMismatch),
        ({"baseUrl": ""}, FieldRequired),
        ({"baseUrl": "api.acme.example"}, PatternMismatch),
        ({"families": {}}, PatternMismatch),
    ],
)
def test_mistakes_in_a_provider(members: dict[str, Any], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        read_provider_row({"name": "acme", "baseUrl": URL, **members})


def test_a_catalogue_with_own_providers_shares_the_rest(shipped: Catalog) -> None:
    row, models = read_provider_row({"name": "acme", "baseUrl": URL, "models": [{"name": "gpt-4o", "type": "Chat"}]})
    extended = shipped.with_providers([own_provider(row, models)])
    assert extended.resolve("acme", "gpt-4o").provider == "acme"
    assert extended.resolve_bare("gpt-4o").provider == "openai"
    assert extended.find_provider("openai") is shipped.find_provider("openai")
    assert extended._shelves["openai"] is shipped._shelves["openai"]
    assert len(extended.providers) == len(shipped.providers) + 1
    with pytest.raises(ModelNotFound):
        shipped.resolve("acme", "gpt-4o")


# aliases ----------------------------------------------------------------------------------------------------------


def row(*targets: Any, **more: Any) -> Any:
    return read_alias_row({"name": "team/fast", "targets": list(targets), **more})


def test_an_alias_with_targets_that_exist(shipped: Catalog) -> None:
    targets = check_alias(row("openai/gpt-4o", {"model": "gpt-4o-mini", "weight": 3, "tier": 2}), shipped, ())
    assert [(one.text, one.weight, one.tier) for one in targets] == [("openai/gpt-4o", 1, 0), ("gpt-4o-mini", 3, 2)]


@pytest.mark.parametrize(
    ("targets", "refusal", "field"),
    [
        (["openai/gpt-4o", "xai/none"], ModelNotFound, "targets[1]"),
        (["no-such-model"], InvalidModelName, "targets[0]"),
        (["openai/gpt-4o", "openai/text-embedding-3-small"], InvalidType, "targets[1]"),
        (["team/other"], PatternMismatch, "targets[0]"),
        (["saia:agent:x"], PatternMismatch, "targets[0]"),
    ],
)
def test_an_alias_that_leads_nowhere(
    shipped: Catalog, targets: list[str], refusal: type[Exception], field: str
) -> None:
    with pytest.raises(refusal) as caught:
        check_alias(row(*targets), shipped, {"team/other"})
    assert getattr(caught.value, "param", "") == field


@pytest.mark.parametrize("name", ["", "a/", "/a", "a//b", "a/b/c", "a b", "saia:x", "ä", "a" * 129])
def test_names_that_no_alias_has(name: str) -> None:
    with pytest.raises(PatternMismatch) as caught:
        read_alias_row({"name": name, "targets": ["openai/gpt-4o"]})
    assert caught.value.param == "name"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text)
    return folder


def test_files_of_aliases_stand_beside_those_of_providers(tmp_path: Path) -> None:
    text = '[[aliases]]\nname = "Fast"\ntargets = ["openai/gpt-4o"]\nstrategy = "least_busy"\n'
    folder = write(tmp_path, a=text, b=f'name = "acme"\nbase_url = "{URL}"\naliases = ["acme-ai"]\n')
    found = load_aliases(folder)
    assert [(key, alias.name, alias.strategy) for key, alias in found.items()] == [("fast", "Fast", "least_busy")]
    assert load_catalog(folder).find_provider("acme-ai").name == "acme"
    assert load_aliases(tmp_path / "none") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[aliases]]\nname = "fast"\n', "a.toml: object missing required field `targets`"),
        ('[[aliases]]\nname = "fast"\ntargets = []\n', "alias 'fast', field targets: "),
        ('[[aliases]]\nname = "a b"\ntargets = ["x/y"]\n', "alias 'a b', field name: "),
        (
            '[[aliases]]\nname = "f"\ntargets = ["x/y"]\n[[aliases]]\nname = "F"\ntargets = ["x/y"]\n',
            "'F' stands twice",
        ),
        ('[[aliases]]\nname = "f"\ntargets = [{ model = "x/y", tier = -1 }]\n', "alias 'f', field targets[0].tier: "),
    ],
)
def test_a_mistake_in_a_file_of_aliases_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CatalogError) as caught:
        load_aliases(write(tmp_path, a=text))
    assert "a.toml: " in str(caught.value)
    assert said.removeprefix("a.toml: ") in str(caught.value)


# fallbacks --------------------------------------------------------------------------------------------------------


def test_fallbacks_of_a_model_are_kept_in_order(load_own: Loader) -> None:
    catalog = load_own(
        own='name = "openai"\nmodels = [{ name = "gpt-4o", fallbacks = ["azure/gpt-4o", "xai/grok-4"] }]\n'
    )
    assert catalog.find_model("openai", "gpt-4o").fallbacks == ("azure/gpt-4o", "xai/grok-4")
    assert catalog.find_model("openai", "gpt-4o-mini").fallbacks == ()


@pytest.mark.parametrize("fallback", ["xai/none", "nobody/x", "openai/text-embedding-3-small", "no-slash"])
def test_fallbacks_that_could_not_answer_are_refused(load_own: Loader, fallback: str) -> None:
    with pytest.raises(CatalogError, match=r"own\.toml: model 'gpt-4o', field fallbacks"):
        load_own(own=f'name = "openai"\nmodels = [{{ name = "gpt-4o", fallbacks = ["{fallback}"] }}]\n')
