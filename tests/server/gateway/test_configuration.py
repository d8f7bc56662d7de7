"""Which setting a provider still waits for: a key, what stands for one, or an address."""

from __future__ import annotations

import pytest

from portico.server.catalog.find import Catalog
from portico.server.catalog.load import load_catalog
from portico.server.gateway.configuration import Key, configured, keys_in_force, missing_setting
from portico.server.providers.base import Credential


@pytest.fixture(scope="module")
def shipped() -> Catalog:
    return load_catalog(None)


APPLICATION = {"tenant_id": "t", "client_id": "c", "client_secret": "s"}


@pytest.mark.parametrize(
    ("provider", "key", "options", "missing"),
    [
        ("azure", "", {}, "PORTICO_PROVIDER_AZURE_API_KEY"),
        ("azure", "k", {}, ""),
        ("azure", "", {"access_token": "t"}, ""),
        ("azure", "", {"access_token": ""}, "PORTICO_PROVIDER_AZURE_API_KEY"),
        ("azure", "", APPLICATION, ""),
        ("azure", "", {**APPLICATION, "client_secret": ""}, "PORTICO_PROVIDER_AZURE_API_KEY"),
        ("azure", "", {"api_version": "v"}, "PORTICO_PROVIDER_AZURE_API_KEY"),
        ("vertex_ai", "", {"access_token": "t", "project": "p"}, ""),
        ("vertex_ai", "", {"project": "p"}, "PORTICO_PROVIDER_VERTEX_AI_API_KEY"),
        ("openai", "", {"access_token": "t"}, "PORTICO_PROVIDER_OPENAI_API_KEY"),
    ],
)
def test_what_stands_for_a_key_is_enough(
    shipped: Catalog, provider: str, key: str, options: dict[str, str], missing: str
) -> None:
    entry = shipped.find_provider(provider)
    scope = configured({provider: key}, {provider: "https://res.openai.azure.com"}, {provider: options})
    keys, _ = keys_in_force(entry, (scope,))
    assert missing_setting(entry, keys) == missing


def test_an_address_is_waited_for_behind_the_key(shipped: Catalog) -> None:
    azure = shipped.find_provider("azure")
    assert missing_setting(azure, [Key(Credential("", "k"))]) == "PORTICO_PROVIDER_AZURE_BASE_URL"
