"""Rows to scopes: what a process makes of the settings of all tenants, and when it looks again."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from portico.server.access.caller import Caller
from portico.server.catalog.load import load_catalog
from portico.server.errors import Conflict, FieldRequired, OutOfRange, PatternMismatch, ProviderNotConfigured
from portico.server.gateway.configuration import Configuration, configured, keys_in_force
from portico.server.gateway.provider_management import INSTALLATION, Owner, entries, keys
from portico.server.gateway.provider_management.places import check_address
from portico.server.gateway.provider_settings import ProviderSettings
from portico.server.gateway.routing import HealthRules, Targets
from portico.server.providers.openai import OpenAI
from portico.server.settings import Secret
from portico.server.storage.changes import UNKNOWN, Change
from portico.server.storage.database import Database
from portico.server.storage.provider_settings import insert_entry, put_alias
from portico.server.storage.secrets import InstallationKey
from portico.wire.model_ref import BareModel, DirectModel
from tests.server.gateway.limits_house import make_caller

pytestmark = pytest.mark.anyio
KEY = InstallationKey(Secret("an installation key of the tests, long enough"))
MINI = DirectModel("openai", "gpt-4o-mini")
NO_KEYS: Mapping[str, str] = {}


class Process:
    """One process: its configuration, its targets, and how often it was told of a change."""

    def __init__(
        self, database: Database, given: Mapping[str, str] = NO_KEYS, urls: Mapping[str, str] = NO_KEYS
    ) -> None:
        catalog = load_catalog()
        self.configuration = Configuration(configured(given, urls))
        self.targets = Targets(catalog, {"openai": OpenAI()}, self.configuration, HealthRules())
        self.settings = ProviderSettings(database, KEY, catalog, self.configuration, {"openai": 1, "local": 1})
        self.told = 0
        self.configuration.subscribe(self._tell)

    def _tell(self) -> None:
        self.told += 1

    def keys_for(self, caller: Caller, ref: Any = MINI) -> dict[str, int]:
        route = self.targets.find(ref, "Chat", caller)
        return {choice.target.credential.key: choice.weight for choice in route.choices}


@pytest.fixture
async def process(database: Database) -> AsyncIterator[Process]:
    made = Process(database)
    await made.settings.refresh()
    yield made


@pytest.fixture
async def caller(database: Database) -> Caller:
    return await make_caller(database)


def owner_of(caller: Caller, *, project: bool = False) -> Owner:
    return Owner(caller.organization_id, caller.project_id if project else None, wide=not project)


async def add(process: Process, owner: Owner, key: str, **members: Any) -> str:
    return (await keys.create(process.settings, owner, "openai", {"key": key, **members})).id


async def test_scopes_from_the_widest_to_the_narrowest(process: Process, caller: Caller) -> None:
    with pytest.raises(ProviderNotConfigured):
        process.keys_for(caller)
    await add(process, INSTALLATION, "k-installation")
    assert process.keys_for(caller) == {"k-installation": 1}
    await add(process, owner_of(caller), "k-organization")
    assert process.keys_for(caller) == {"k-organization": 1}
    await add(process, owner_of(caller, project=True), "k-project", weight=2)
    await add(process, owner_of(caller, project=True), "k-project-2", weight=5)
    assert process.keys_for(caller) == {"k-project": 2, "k-project-2": 5}


async def test_another_process_follows_and_nothing_is_told_when_nothing_changed(
    process: Process, database: Database, caller: Caller
) -> None:
    other = Process(database)
    await other.settings.refresh()
    assert other.told == 0
    await add(process, owner_of(caller), "k-1")
    await other.settings.follow(frozenset((Change("usage_limits", caller.organization_id),)))
    assert other.told == 0
    await other.settings.follow(frozenset((Change("provider_keys", caller.organization_id),)))
    assert (other.told, other.keys_for(caller)) == (1, {"k-1": 1})
    await other.settings.follow(frozenset((UNKNOWN,)))
    await other.settings.follow(frozenset((Change("model_aliases", caller.organization_id),)))
    assert other.told == 1


async def test_health_outlives_a_change_of_the_configuration(process: Process, caller: Caller) -> None:
    await add(process, owner_of(caller), "k-1")
    before = process.targets.find(MINI, "Chat", caller).choices[0]
    await add(process, owner_of(caller), "k-2")
    after = process.targets.find(MINI, "Chat", caller)
    assert [choice.health is before.health for choice in after.choices] == [True, False]


async def test_keys_of_the_host_join_the_environments_and_take_its_address(database: Database, caller: Caller) -> None:
    process = Process(database, {"openai": "k-env"}, {"openai": "http://127.0.0.1:9/v1"})
    await process.settings.refresh()
    await add(process, INSTALLATION, "k-host", weight=3)
    assert process.keys_for(caller) == {"k-env": 1, "k-host": 3}
    bare = Process(database, {}, {"openai": "http://127.0.0.1:9/v1"})
    await bare.settings.refresh()
    route = bare.targets.find(MINI, "Chat", caller)
    assert [(c.target.credential.key, c.target.credential.base_url) for c in route.choices] == [
        ("k-host", "http://127.0.0.1:9/v1")
    ]


async def test_what_cannot_be_used_any_more_is_logged_and_left_out(
    process: Process, database: Database, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    await add(process, owner_of(caller), "k-1")
    async with database.begin() as connection:
        await insert_entry(connection, caller.organization_id, "gone", "m", {"name": "m", "type": "Chat"})
        await insert_entry(connection, caller.organization_id, "old", "", {"name": "old", "member_of_old": 1})
        await insert_entry(connection, caller.organization_id, "good", "", {"name": "good", "base_url": "http://h"})
        await put_alias(connection, caller.organization_id, None, "broken", [{"model": "x", "colour": 1}], "weighted")
    with caplog.at_level(logging.ERROR, "portico.providers"):
        await process.settings.refresh(caller.organization_id)
    assert process.keys_for(caller) == {"k-1": 1}
    assert process.targets.catalog_of(caller).find_provider("good").base_url == "http://h"
    said = " ".join(record.getMessage() for record in caplog.records)
    assert all(name in said for name in ("provider gone", "provider old", "alias broken"))


async def test_an_installation_that_lost_its_key_serves_the_rest(
    process: Process, database: Database, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    key_id = await add(process, owner_of(caller), "k-1")
    catalog, configuration = load_catalog(), Configuration(configured({"openai": "k-env"}, {}))
    stranger = InstallationKey(Secret("another installation key of the tests, long"))
    with caplog.at_level(logging.ERROR, "portico.providers"):
        await ProviderSettings(database, stranger, catalog, configuration, {"openai": 1}).refresh()
    assert [record.getMessage().startswith(f"key {key_id} of provider openai") for record in caplog.records] == [True]
    assert "k-1" not in caplog.text


async def test_own_entries_of_the_host_are_seen_by_all_and_those_of_an_organization_come_first(
    process: Process, caller: Caller, database: Database
) -> None:
    other = await make_caller(database, "other")
    await entries.create_provider(
        process.settings, owner_of(caller), {"name": "lab", "baseUrl": "http://93.184.215.14/v1"}
    )
    await entries.create_provider(process.settings, INSTALLATION, {"name": "lab", "baseUrl": "http://10.0.0.1/v1"})
    assert process.targets.catalog_of(other).find_provider("lab").base_url == "http://10.0.0.1/v1"
    assert process.targets.catalog_of(caller).find_provider("lab").base_url == "http://93.184.215.14/v1"
    shown = {one.name: one for one in entries.list_all(process.settings, owner_of(caller)).providers}
    assert (shown["lab"].scope, shown["lab"].missing_setting) == ("organization", "PORTICO_PROVIDER_LAB_API_KEY")
    with pytest.raises(Conflict):
        await entries.create_provider(
            process.settings, owner_of(other), {"name": "LAB", "baseUrl": "http://93.184.215.14"}
        )


async def test_a_key_of_the_host_is_not_for_a_provider_of_an_organization(
    process: Process, caller: Caller, database: Database
) -> None:
    body = {"name": "lab", "baseUrl": "http://93.184.215.14/v1", "openNames": True}
    await entries.create_provider(process.settings, owner_of(caller), body)
    await entries.create_provider(process.settings, INSTALLATION, body)
    await keys.create(process.settings, INSTALLATION, "lab", {"key": "k-host"})
    other = await make_caller(database, "other")
    assert process.keys_for(other, DirectModel("lab", "m")) == {"k-host": 1}
    with pytest.raises(ProviderNotConfigured):
        process.keys_for(caller, DirectModel("lab", "m"))


async def test_an_access_token_stands_for_a_key_where_the_catalogue_says_so(process: Process, caller: Caller) -> None:
    place: dict[str, Any] = {"baseUrl": "https://93.184.215.14"}
    with pytest.raises(FieldRequired):
        await keys.create(process.settings, owner_of(caller), "openai", {"options": {"access_token": "t-1"}})
    with pytest.raises(FieldRequired):
        await keys.create(process.settings, owner_of(caller), "azure", place | {"options": {"api_version": "v1"}})
    await keys.create(process.settings, owner_of(caller), "azure", place | {"options": {"access_token": "t-1"}})
    azure = process.targets.catalog_of(caller).find_provider("azure")
    found, scope = keys_in_force(azure, process.configuration.scopes_of(caller))
    assert scope is not None
    assert [key.credential.option("access_token") for key in found] == ["t-1"]
    assert "azure" not in process.targets.missing_of(caller)


async def test_an_alias_is_found_in_any_case_and_as_a_bare_name(
    process: Process, caller: Caller, database: Database
) -> None:
    await add(process, owner_of(caller), "k-1")
    async with database.begin() as connection:
        target = {"model": "openai/gpt-4o-mini", "weight": 4, "tier": 0}
        await put_alias(connection, caller.organization_id, None, "Fast", [target], "least_busy")
    await process.settings.refresh(caller.organization_id)
    route = process.targets.find(BareModel("FAST"), "Chat", caller)
    assert (route.strategy, route.model.name, [c.weight for c in route.choices]) == ("least_busy", "gpt-4o-mini", [4])
    assert process.targets.aliases_of(caller) == ("Fast",)


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("http://127.0.0.1/v1", OutOfRange),
        ("http://[::1]:80/", OutOfRange),
        ("http://169.254.169.254", OutOfRange),
        ("http://2130706433/", OutOfRange),
        ("https://user@93.184.215.14/", PatternMismatch),
        ("https://93.184.215.14/?x=1", PatternMismatch),
        ("https://93.184.215.14/\\x", PatternMismatch),
        ("gopher://93.184.215.14/", PatternMismatch),
        ("http://:80", PatternMismatch),
        ("http://h:999999", PatternMismatch),
        ("", FieldRequired),
    ],
)
async def test_addresses_that_a_tenant_may_not_name(
    process: Process, caller: Caller, url: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await check_address(process.settings, owner_of(caller), url)


async def test_a_tenants_host_is_held_to_its_network_when_it_is_called(process: Process, caller: Caller) -> None:
    settings = process.settings
    assert settings.may_reach("api.acme.example", "10.0.0.1"), "nobody has named it: whoever calls it is trusted"
    body = {"name": "acme", "baseUrl": "https://93.184.215.14/v1"}
    await entries.create_provider(settings, owner_of(caller), body)
    assert not settings.may_reach("93.184.215.14", "10.0.0.1")
    assert not settings.may_reach("93.184.215.14", "fe80::1%eth0")
    assert settings.may_reach("93.184.215.14", "93.184.215.14")
    await entries.create_provider(settings, INSTALLATION, body | {"name": "ours"})
    assert settings.may_reach("93.184.215.14", "10.0.0.1"), "the operator calls it, too"


async def test_addresses_that_may_be_named(database: Database, caller: Caller, process: Process) -> None:
    assert (
        await check_address(process.settings, owner_of(caller), "https://93.184.215.14/v1/")
        == "https://93.184.215.14/v1"
    )
    assert await check_address(process.settings, INSTALLATION, "http://127.0.0.1:9") == "http://127.0.0.1:9"
    open_to = ProviderSettings(
        database, KEY, load_catalog(), Configuration(configured({}, {})), {}, "llm.lan, 10.0.0.0/8"
    )
    assert await check_address(open_to, owner_of(caller), "http://10.9.9.9/v1") == "http://10.9.9.9/v1"
    with pytest.raises(OutOfRange):
        await check_address(open_to, owner_of(caller), "http://192.168.0.1/v1")
