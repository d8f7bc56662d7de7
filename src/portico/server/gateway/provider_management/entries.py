"""Own providers, and own models of any provider: added, changed and removed while the server runs.

JSON members come in and go out as in the LLM API; all providers are listed with who has keys for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access.audit import Action
from portico.server.access.tenancy import refuse_duplicate
from portico.server.catalog.entry import Provider
from portico.server.catalog.own import own_provider, read_model_row, read_provider_row, show_row
from portico.server.errors import Conflict, NotFound, PatternMismatch
from portico.server.gateway.configuration import key_name, keys_in_force, missing_setting
from portico.server.gateway.provider_management.places import Owner, check_address, record
from portico.server.gateway.provider_settings import ProviderSettings
from portico.server.storage.provider_settings import (
    EntryRow,
    delete_entries,
    delete_keys,
    insert_entry,
    list_entries,
    update_entry,
)
from portico.wire.providers import ProviderState, ProviderStateList

Body = Mapping[str, Any]
EMBEDDED = "local"


def list_all(settings: ProviderSettings, owner: Owner) -> ProviderStateList:
    """Every provider that the owner sees: whose it is, from which scope its keys come, and what it still needs."""
    scopes = settings.scopes_at(owner.project_id, owner.organization_id)
    names = {owner.project_id: "project", owner.organization_id: "organization"}
    found: list[ProviderState] = []
    for provider in settings.catalog_at(owner.organization_id).providers:
        keys, holder = keys_in_force(provider, scopes)
        maker = next((scope for scope in scopes if provider.name.lower() in scope.own), None)
        state = ProviderState(
            name=provider.name,
            friendly_name=provider.friendly_name,
            adapter=provider.adapter,
            is_custom=maker is not None,
            scope="catalog" if maker is None else names.get(maker.id, "installation"),  # type: ignore[call-overload]
            configured_by="" if holder is None else names.get(holder.id, "installation"),  # type: ignore[call-overload]
            missing_setting=missing_setting(provider, keys),
        )
        found.append(state)
    return ProviderStateList(providers=found)


async def create_provider(settings: ProviderSettings, owner: Owner, body: Body) -> dict[str, Any]:
    """With the models that are listed in it. Raises FieldRequired, PatternMismatch, OutOfRange for an address in a
    private network; Conflict (409) when the catalogue has a provider of this name."""
    row, models = await _read(settings, owner, body)
    name = str(row["name"])
    taken = {
        key_name(one) for p in settings.catalog_at(owner.organization_id).providers for one in (p.name, *p.aliases)
    }
    if key_name(name) in taken:
        raise _taken("provider", name)
    async with refuse_duplicate(lambda: _taken("provider", name)), settings.database.begin() as connection:
        made = await insert_entry(connection, owner.organization_id, name, "", row)
        listed = [await insert_entry(connection, owner.organization_id, name, m["name"], m) for m in models]
        await record(connection, settings, owner, "create", "provider", name, name, models=len(listed))
    await settings.refresh(owner.organization_id)
    return _show_provider(made, listed)


async def find_provider(settings: ProviderSettings, owner: Owner, name: str) -> dict[str, Any]:
    """An own provider with its models, as it was written. Raises NotFound for one that is not the owner's own."""
    async with settings.database.begin() as connection:
        rows = await list_entries(connection, owner.organization_id, name)
    if not rows or rows[0].model:
        raise NotFound
    return _show_provider(rows[0], rows[1:])


async def list_models(settings: ProviderSettings, owner: Owner, name: str) -> dict[str, Any]:
    """The own models of any provider, as they were written. Raises NotFound."""
    found = _find_provider(settings, owner, name)
    async with settings.database.begin() as connection:
        rows = await list_entries(connection, owner.organization_id, found.name)
    return {"models": [_show_model(row) for row in rows if row.model]}


async def change_provider(settings: ProviderSettings, owner: Owner, name: str, body: Body) -> dict[str, Any]:
    """Everything about it is as the body says; the models stay when it lists none. Raises NotFound for one that is
    not the owner's own, and what `create_provider` raises."""
    row, models = await _read(settings, owner, {**body, "name": body.get("name") or name})
    if str(row["name"]).lower() != name.lower():
        raise PatternMismatch("name", "the name of a provider stays; remove it and add another one")
    async with settings.database.begin() as connection:
        made = await update_entry(connection, owner.organization_id, name, "", row)
        if made is None:
            raise NotFound
        if "models" in body:
            for old in await list_entries(connection, owner.organization_id, name):
                if old.model:
                    await delete_entries(connection, owner.organization_id, name, old.model)
            for model in models:
                await insert_entry(connection, owner.organization_id, made.provider, model["name"], model)
        listed = [one for one in await list_entries(connection, owner.organization_id, name) if one.model]
        own_provider(made.entry, [one.entry for one in listed])
        await record(connection, settings, owner, "update", "provider", made.provider, made.provider)
    await settings.refresh(owner.organization_id)
    return _show_provider(made, listed)


async def delete_provider(settings: ProviderSettings, owner: Owner, name: str) -> None:
    """With its models and its keys. Raises NotFound for one that is not the owner's own."""
    async with settings.database.begin() as connection:
        rows = await list_entries(connection, owner.organization_id, name)
        if not rows or rows[0].model:
            raise NotFound
        await delete_entries(connection, owner.organization_id, name)
        await delete_keys(connection, owner.organization_id, key_name(rows[0].provider))
        await record(connection, settings, owner, "delete", "provider", rows[0].provider, rows[0].provider)
    await settings.refresh(owner.organization_id)


async def create_model(settings: ProviderSettings, owner: Owner, provider: str, body: Body) -> dict[str, Any]:
    """A model more of an own provider, or of one of the catalogue. Raises NotFound, FieldRequired, PatternMismatch,
    ModelNotFound for a fallback; Conflict (409) when the provider has a model of this name."""
    found = _find_provider(settings, owner, provider)
    row = read_model_row(found, body)
    _check_fallbacks(settings, owner, row)
    name = str(row["name"])
    if any(model.name == name for model in found.models):
        raise _taken("model", name)
    async with refuse_duplicate(lambda: _taken("model", name)), settings.database.begin() as connection:
        made = await insert_entry(connection, owner.organization_id, found.name, name, row)
        await _record_model(connection, settings, owner, "create", made.provider, name)
    await settings.refresh(owner.organization_id)
    return _show_model(made)


async def change_model(
    settings: ProviderSettings, owner: Owner, provider: str, name: str, body: Body
) -> dict[str, Any]:
    """Everything about it is as the body says. Raises NotFound for one that is not the owner's own."""
    found = _find_provider(settings, owner, provider)
    row = read_model_row(found, {**body, "name": body.get("name") or name})
    _check_fallbacks(settings, owner, row)
    if row["name"] != name:
        raise PatternMismatch("name", "the name of a model stays; remove it and add another one")
    async with settings.database.begin() as connection:
        made = await update_entry(connection, owner.organization_id, found.name, name, row)
        if made is None:
            raise NotFound
        await _record_model(connection, settings, owner, "update", made.provider, name)
    await settings.refresh(owner.organization_id)
    return _show_model(made)


async def delete_model(settings: ProviderSettings, owner: Owner, provider: str, name: str) -> None:
    """Raises NotFound for one that is not the owner's own."""
    found = _find_provider(settings, owner, provider)
    async with settings.database.begin() as connection:
        if not name or not await delete_entries(connection, owner.organization_id, found.name, name):
            raise NotFound
        await _record_model(connection, settings, owner, "delete", found.name, name)
    await settings.refresh(owner.organization_id)


async def _record_model(
    connection: AsyncConnection, settings: ProviderSettings, owner: Owner, action: Action, provider: str, name: str
) -> None:
    await record(connection, settings, owner, action, "model", f"{provider.lower()}/{name}", name)


async def _read(settings: ProviderSettings, owner: Owner, body: Body) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    row, models = read_provider_row(body)
    adapter = row.get("adapter", "openai")
    if adapter not in settings.adapters or adapter == EMBEDDED:
        known = ", ".join(sorted(set(settings.adapters) - {EMBEDDED}))
        raise PatternMismatch("adapter", f"write one of {known}")
    row["base_url"] = await check_address(settings, owner, row["base_url"])
    for model in models:
        _check_fallbacks(settings, owner, model)
    return row, models


def _find_provider(settings: ProviderSettings, owner: Owner, name: str) -> Provider:
    provider = settings.catalog_at(owner.organization_id).find_provider(name)
    if provider.adapter == EMBEDDED:
        raise Conflict("Conflict: the models of this server are the files of its host")
    return provider


def _check_fallbacks(settings: ProviderSettings, owner: Owner, row: Mapping[str, Any]) -> None:
    for full_name in row.get("fallbacks", ()):
        provider, _, name = str(full_name).partition("/")
        settings.catalog_at(owner.organization_id).resolve(provider, name, row["type"])


def _taken(what: str, name: str) -> Conflict:
    return Conflict(f"Conflict: there is a {what} '{name}' in the catalogue already", param="name")


def _show_provider(row: EntryRow, models: list[EntryRow]) -> dict[str, Any]:
    """Everything that was said of it, so that it can be sent again; see `OwnProvider`."""
    told = {"name": row.provider, "friendlyName": row.provider, "adapter": "openai", "isCustom": True}
    return {**told, **show_row(row.entry), "name": row.provider, "models": [_show_model(one) for one in models]}


def _show_model(row: EntryRow) -> dict[str, Any]:
    """See `OwnModel`."""
    told = {"fullName": f"{row.provider.lower()}/{row.model}", "provider": row.provider, "isCustom": True}
    return {**show_row(row.entry), **told}
