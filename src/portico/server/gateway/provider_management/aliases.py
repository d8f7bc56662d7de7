"""Model aliases of an organization or a project: listed, set, removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access.audit import Action
from portico.server.catalog.aliases import check_alias
from portico.server.catalog.own import read_alias_row
from portico.server.errors import NotFound
from portico.server.gateway.provider_management.places import Owner, read_only, record, scope_name
from portico.server.gateway.provider_settings import ProviderSettings
from portico.server.ids import OrganizationId
from portico.server.kit.clock import wire_time
from portico.server.storage.provider_settings import AliasRow, delete_alias, list_aliases, put_alias
from portico.wire.providers import AliasTarget, ModelAlias, ModelAliasList

_NAMES = ("targets", "strategy")
_TOLD = ("name", "scope", "projectId", "createdAt", "changedAt")


async def list_all(settings: ProviderSettings, owner: Owner) -> ModelAliasList:
    """Of the organization and all its projects; of one project when the owner is one."""
    async with settings.database.begin() as connection:
        rows = await list_aliases(connection, _organization(owner))
    return ModelAliasList(aliases=[show_alias(row) for row in rows if owner.sees(row.project_id)])


async def put(settings: ProviderSettings, owner: Owner, name: str, body: Mapping[str, Any]) -> ModelAlias:
    """A new alias, or another meaning of it. Raises PatternMismatch, FieldRequired, ModelNotFound (404),
    InvalidModelName, InvalidType; `param` says which target."""
    read_only(body, _NAMES, _TOLD)
    members = {member: body[member] for member in _NAMES if body.get(member) is not None}
    row = read_alias_row({"name": name, **members})
    organization_id = _organization(owner)
    async with settings.database.begin() as connection:
        known = {alias.name.lower() for alias in await list_aliases(connection, organization_id)}
        targets = check_alias(row, settings.catalog_at(organization_id), known | {name.lower()})
        written = [{"model": target.text, "weight": target.weight, "tier": target.tier} for target in targets]
        made = await put_alias(connection, organization_id, owner.project_id, row.name, written, row.strategy)
        await _record(connection, settings, owner, "update", made.name)
    await settings.refresh(organization_id)
    return show_alias(made)


async def delete(settings: ProviderSettings, owner: Owner, name: str) -> None:
    """Raises NotFound."""
    organization_id = _organization(owner)
    async with settings.database.begin() as connection:
        if not await delete_alias(connection, organization_id, owner.project_id, name):
            raise NotFound
        await _record(connection, settings, owner, "delete", name)
    await settings.refresh(organization_id)


async def _record(
    connection: AsyncConnection, settings: ProviderSettings, owner: Owner, action: Action, name: str
) -> None:
    await record(connection, settings, owner, action, "model_alias", name, name, project_id=owner.project_id)


def show_alias(row: AliasRow) -> ModelAlias:
    shown = ModelAlias(
        name=row.name,
        targets=[AliasTarget(**target) for target in row.targets],
        strategy=row.strategy,
        scope=scope_name(row.organization_id, row.project_id),
        created_at=wire_time(row.created_at),
        changed_at=wire_time(row.changed_at),
    )
    if row.project_id is not None:
        shown.project_id = row.project_id
    return shown


def _organization(owner: Owner) -> OrganizationId:
    """Aliases of the installation stand in its catalogue folder, not in the database."""
    assert owner.organization_id is not None
    return owner.organization_id
