"""What is set about providers: by the environment, by the operator's files, and in the database while we run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from portico.server.app.adapters import CLASSES
from portico.server.catalog.aliases import check_alias
from portico.server.catalog.find import Catalog
from portico.server.catalog.load import load_aliases, load_catalog
from portico.server.catalog.rows import CatalogError
from portico.server.errors import PorticoError, StartError
from portico.server.gateway.configuration import Alias, Configuration, configured
from portico.server.gateway.provider_settings import ProviderSettings, write_alias
from portico.server.settings import Settings
from portico.server.storage.database import Database
from portico.server.storage.opening import open_database
from portico.server.storage.secrets import InstallationKey, open_installation_key


def open_configuration(settings: Settings, catalog: Catalog) -> Configuration:
    """The scope of the installation. Raises StartError for an alias that leads nowhere."""
    scope = configured(settings.provider_keys, settings.provider_urls, settings.provider_options)
    return Configuration(replace(scope, aliases=_read_aliases(settings, catalog)))


def open_provider_settings(
    settings: Settings,
    database: Database,
    key: InstallationKey,
    catalog: Catalog,
    configuration: Configuration,
    adapters: Collection[str],
) -> ProviderSettings:
    """Not filled yet: `refresh` does that. Raises StartError when PORTICO_PROVIDER_HOSTS cannot be read."""
    try:
        return ProviderSettings(database, key, catalog, configuration, adapters, settings.provider_hosts)
    except ValueError as error:
        raise StartError(
            f"PORTICO_PROVIDER_HOSTS: {error}; write hosts and networks with commas, such as llm.lan,10.1.0.0/16"
        ) from None


def _read_aliases(settings: Settings, catalog: Catalog) -> Mapping[str, Alias]:
    try:
        rows = load_aliases(settings.own_catalog)
    except CatalogError as error:
        raise StartError(f"{settings.own_catalog}: {error}") from error
    found: dict[str, Alias] = {}
    for name, row in rows.items():
        try:
            check_alias(row, catalog, rows.keys())
        except PorticoError as error:
            raise StartError(f"{settings.own_catalog}: alias {row.name!r}, {error.param}: {error.message}") from error
        found[name] = write_alias(row)
    return found


@asynccontextmanager
async def open_installation(settings: Settings) -> AsyncIterator[ProviderSettings]:
    """What the operator of this host has set in its database, with or without a running server. Raises StartError."""
    async with open_database(settings) as database:
        key = await open_installation_key(database, settings.data_dir, settings.secret_key)
        catalog = read_catalog(settings)
        scope = configured(settings.provider_keys, settings.provider_urls, settings.provider_options)
        found = open_provider_settings(settings, database, key, catalog, Configuration(scope), CLASSES)
        await found.refresh()
        yield found


def read_catalog(settings: Settings) -> Catalog:
    """The shipped entries and the operator's files. Raises StartError."""
    try:
        return load_catalog(settings.own_catalog if settings.own_catalog.is_dir() else None)
    except CatalogError as error:
        raise StartError(f"{settings.own_catalog}: {error}") from error
