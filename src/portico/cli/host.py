"""What acts on the server of this host, beside `serve` and `models`: new tokens when the old ones are lost, and the
keys, providers and models of the whole installation."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .groups import Command
from .inputs import confirm
from .output import emit
from .serve import acting_on_host, find_installation, load_settings
from .shared_options import data_option

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.server.access.host.credentials import Credentials
    from portico.server.gateway.provider_settings import ProviderSettings
    from portico.server.settings import Settings


@click.command("reset", cls=Command, examples=["portico tokens reset", "portico tokens reset --data ~/portico --yes"])
@data_option
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def reset_tokens(data_dir: Path | None, yes: bool) -> None:
    """Make new first tokens for the server of this host.

    For when they are lost: it needs no token, but the right to write the data folder. The tokens of the
    first start are refused from then on, all others stay. The new ones are written to the file `credentials`
    in the data folder, and shown on a terminal.
    """
    settings = find_installation(data_dir)
    if not yes:
        confirm(f"Replace the first tokens of the server in {settings.data_dir}?")
    made = _reset(settings)
    shown = {"credentials": str(made.path), "base_url": made.base_url}
    if sys.stdout.isatty():
        # The one moment to read them; a pipe or a log file gets the path only.
        shown |= {"project_token": str(made.project_token), "organization_token": str(made.organization_token)}
    emit(shown)


def _reset(settings: Settings) -> Credentials:
    import asyncio

    with acting_on_host(settings):
        from portico.server.access.host.first_start import reset_tokens as reset

        return asyncio.run(reset(settings))


class HostProviders:
    """The calls of the SDK's client for providers, made in the database of this host, for the whole installation."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings

    async def list_providers(self, *, project_id: str | None = None) -> JsonObject:
        from portico.server.gateway.provider_management import INSTALLATION, entries

        return _json(entries.list_all(self._settings, INSTALLATION))

    async def create_provider(self, members: Mapping[str, Any]) -> JsonObject:
        from portico.server.gateway.provider_management import INSTALLATION, entries

        return await entries.create_provider(self._settings, INSTALLATION, members)

    async def delete_provider(self, provider: str) -> JsonObject:
        from portico.server.gateway.provider_management import INSTALLATION, entries

        await entries.delete_provider(self._settings, INSTALLATION, provider)
        return {}

    async def create_model(self, provider: str, members: Mapping[str, Any]) -> JsonObject:
        from portico.server.gateway.provider_management import INSTALLATION, entries

        return await entries.create_model(self._settings, INSTALLATION, provider, members)

    async def delete_model(self, provider: str, model: str) -> JsonObject:
        from portico.server.gateway.provider_management import INSTALLATION, entries

        await entries.delete_model(self._settings, INSTALLATION, provider, model)
        return {}

    async def list_keys(self, provider: str, *, project_id: str | None = None) -> JsonObject:
        from portico.server.gateway.provider_management import INSTALLATION, keys

        return _json(await keys.list_all(self._settings, INSTALLATION, provider))

    async def create_key(self, provider: str, members: Mapping[str, Any]) -> JsonObject:
        from portico.server.gateway.provider_management import INSTALLATION, keys

        return _json(await keys.create(self._settings, INSTALLATION, provider, members))

    async def update_key(self, provider: str, key_id: str, members: Mapping[str, Any]) -> JsonObject:
        from portico.server.gateway.provider_management import INSTALLATION, keys

        return _json(await keys.change(self._settings, INSTALLATION, provider, key_id, members))

    async def delete_key(self, provider: str, key_id: str) -> JsonObject:
        from portico.server.gateway.provider_management import INSTALLATION, keys

        await keys.delete(self._settings, INSTALLATION, provider, key_id)
        return {}


def ask_host(data_dir: Path | None, call: Callable[[HostProviders], Awaitable[JsonObject]]) -> JsonObject:
    """What `call` answers on the database of this host; a running server follows within a second.

    Keys may be set before the first start: then the default folder is set up. One that is named must have been.
    """
    import asyncio

    settings = load_settings() if data_dir is None else find_installation(data_dir)

    async def go() -> JsonObject:
        from portico.server.app.configuring import open_installation

        async with open_installation(settings) as found:
            return await call(HostProviders(found))

    with acting_on_host(settings):
        return asyncio.run(go())


def _json(shape: object) -> JsonObject:
    import msgspec

    built: JsonObject = msgspec.to_builtins(shape)
    return built
