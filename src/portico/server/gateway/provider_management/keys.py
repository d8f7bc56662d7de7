"""Keys of providers: added, listed, weighed, rotated, blocked, removed. What a key is never comes out again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from portico.server.access.audit import Action
from portico.server.access.tenancy import refuse_duplicate
from portico.server.catalog.entry import Provider
from portico.server.errors import Conflict, FieldRequired, NotFound, OutOfRange, PatternMismatch
from portico.server.gateway.configuration import key_name
from portico.server.gateway.provider_management.places import (
    Owner,
    check_address,
    read_flag,
    read_only,
    read_text,
    read_weight,
    record,
    scope_name,
)
from portico.server.gateway.provider_settings import ProviderSettings, Sealed
from portico.server.kit.clock import wire_time
from portico.server.kit.guids import maybe_guid
from portico.server.settings import OPTIONS
from portico.server.storage.provider_settings import (
    KeyRow,
    delete_key,
    insert_key,
    list_keys,
    maybe_key,
    new_key_id,
    update_key,
)
from portico.server.storage.secrets import SealBroken
from portico.wire.providers import ProviderKey, ProviderKeyList

LONGEST_KEY = 16 * 1024
SHORTEST_SHOWN = 12  # of a shorter key, four characters would tell too much
SHOWN = 4
_NAMES = ("key", "weight", "baseUrl", "options", "name", "projectId")
_CHANGES = ("key", "weight", "name", "blocked")
_TOLD = ("id", "provider", "scope", "lastCharacters", "createdAt", "changedAt", *_NAMES)
_SECRET_OPTIONS = frozenset(("access_token", "client_secret"))
_OPERATORS = frozenset(("token_url",))
_PLAIN_OPTION = re.compile(r"[A-Za-z0-9._:-]{1,200}")


async def create(settings: ProviderSettings, owner: Owner, provider: str, body: Mapping[str, Any]) -> ProviderKey:
    """One more key: all of a scope share the load by weight. Raises NotFound, FieldRequired, PatternMismatch,
    OutOfRange, and Conflict (409) when the scope has a key of this name."""
    found = _find_provider(settings, owner, provider)
    read_only(body, _NAMES, ())
    options, secrets = _read_options(body)
    key, name, weight = _read_key(body), read_text(body, "name"), read_weight(body)
    base_url = read_text(body, "baseUrl", 2_000)
    if base_url:
        base_url = await check_address(settings, owner, base_url)
    if not key and not found.is_keyed_by({*options, *secrets}) and (found.needs_key or not (base_url or options)):
        raise FieldRequired("key")
    key_id, stored = new_key_id(), key_name(found.name)
    place = (owner.organization_id, owner.project_id, stored, key_id)
    async with _no_twins(name), settings.database.begin() as connection:
        row = await insert_key(
            connection,
            owner.organization_id,
            owner.project_id,
            key_id,
            stored,
            sealed=settings.seal(Sealed(key, secrets), place),
            tail=_tail(key),
            name=name,
            weight=weight,
            base_url=base_url,
            options=options,
        )
        await _record(connection, settings, owner, "create", row)
    await settings.refresh(owner.organization_id)
    return show_key(row, found.name)


async def list_all(settings: ProviderSettings, owner: Owner, provider: str) -> ProviderKeyList:
    """Of the organization and all its projects; of one project when the owner is one. Raises NotFound."""
    found = _find_provider(settings, owner, provider)
    async with settings.database.begin() as connection:
        rows = await list_keys(connection, owner.organization_id, key_name(found.name))
    return ProviderKeyList(keys=[show_key(row, found.name) for row in rows if owner.sees(row.project_id)])


async def change(
    settings: ProviderSettings, owner: Owner, provider: str, key_id: str, body: Mapping[str, Any]
) -> ProviderKey:
    """Weight, name, `blocked`, or another key in its place. Raises NotFound, PatternMismatch, OutOfRange, Conflict."""
    found = _find_provider(settings, owner, provider)
    read_only(body, _CHANGES, _TOLD if "key" not in body else _CHANGES)
    changes: dict[str, Any] = {}
    if body.get("weight") is not None:
        changes["weight"] = read_weight(body)
    if body.get("name") is not None:
        changes["name"] = read_text(body, "name")
    if body.get("blocked") is not None:
        changes["blocked"] = read_flag(body, "blocked")
    key = _read_key(body)
    async with _no_twins(changes.get("name", "")), settings.database.begin() as connection:
        row = await _find(settings, owner, found, key_id, connection)
        if key:
            changes |= {"sealed": settings.seal(Sealed(key, _secrets_of(settings, row)), row), "tail": _tail(key)}
        row = await update_key(connection, owner.organization_id, row.key_id, changes)
        blocked = changes.get("blocked")
        action: Action = "update" if blocked is None else "block" if blocked else "unblock"
        await _record(connection, settings, owner, action, row, rotated=bool(key))
    await settings.refresh(owner.organization_id)
    return show_key(row, found.name)


async def delete(settings: ProviderSettings, owner: Owner, provider: str, key_id: str) -> None:
    """For good; requests that are under way with it end as they would. Raises NotFound."""
    found = _find_provider(settings, owner, provider)
    async with settings.database.begin() as connection:
        row = await _find(settings, owner, found, key_id, connection)
        await delete_key(connection, owner.organization_id, row.key_id)
        await _record(connection, settings, owner, "delete", row)
    await settings.refresh(owner.organization_id)


def show_key(row: KeyRow, provider: str) -> ProviderKey:
    shown = ProviderKey(
        id=row.key_id,
        provider=provider,
        name=row.name,
        weight=row.weight,
        last_characters=row.tail,
        scope=scope_name(row.organization_id, row.project_id),
        base_url=row.base_url,
        options=dict(row.options),
        blocked=row.blocked,
        created_at=wire_time(row.created_at),
        changed_at=wire_time(row.changed_at),
    )
    if row.project_id is not None:
        shown.project_id = row.project_id
    return shown


async def _record(
    connection: Any, settings: ProviderSettings, owner: Owner, action: Action, row: KeyRow, **details: object
) -> None:
    told = {"provider": row.provider, **details}
    project = row.project_id or ""
    await record(connection, settings, owner, action, "provider_key", row.key_id, row.name, project_id=project, **told)


def _find_provider(settings: ProviderSettings, owner: Owner, name: str) -> Provider:
    provider = settings.catalog_at(owner.organization_id).find_provider(name)
    if provider.adapter == "local":
        raise Conflict("Conflict: the models of this server need no key")
    return provider


async def _find(settings: ProviderSettings, owner: Owner, provider: Provider, key_id: str, connection: Any) -> KeyRow:
    wanted = maybe_guid(key_id)
    row = await maybe_key(connection, owner.organization_id, wanted) if wanted else None
    if row is None or row.provider != key_name(provider.name) or not owner.sees(row.project_id):
        raise NotFound
    return row


def _read_key(body: Mapping[str, Any]) -> str:
    """A key has no blanks in it, unless it is a JSON document. Its text is in no error."""
    given = body.get("key")
    if given is None:
        return ""
    if not isinstance(given, str):
        raise PatternMismatch("key", "send a text")
    key = given.strip()
    if len(key) > LONGEST_KEY:
        raise OutOfRange("key", f"at most {LONGEST_KEY} characters")
    if key and not key.startswith("{") and not re.fullmatch(r"[!-~]+", key):
        raise PatternMismatch("key", "it has blanks or other characters that no key has: copy it again")
    if "\0" in key:
        raise PatternMismatch("key", "it has characters that no key has: copy it again")
    return key


def _read_options(body: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Plain options and secret ones. They become parts of addresses, so their characters are few."""
    given = body.get("options")
    if given is None:
        return {}, {}
    if not isinstance(given, Mapping):
        raise PatternMismatch("options", "send an object of texts")
    allowed = {name.lower() for name in OPTIONS} - _OPERATORS
    plain: dict[str, str] = {}
    secret: dict[str, str] = {}
    for name, value in given.items():
        if name not in allowed:
            raise PatternMismatch(f"options.{name}", f"write one of {', '.join(sorted(allowed))}")
        pattern = re.compile(r"[!-~]{1,8192}") if name in _SECRET_OPTIONS else _PLAIN_OPTION
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise PatternMismatch(f"options.{name}", "send a text of letters, digits, dots and dashes")
        (secret if name in _SECRET_OPTIONS else plain)[name] = value
    return plain, secret


def _secrets_of(settings: ProviderSettings, row: KeyRow) -> dict[str, str]:
    """The secret options stay when the key is rotated; those of a damaged row are lost, and rotation mends it."""
    try:
        return settings.unseal(row).options
    except SealBroken:
        return {}


def _tail(key: str) -> str:
    return "" if len(key) < SHORTEST_SHOWN or key.startswith("{") else key[-SHOWN:]


def _no_twins(name: str) -> Any:
    return refuse_duplicate(lambda: Conflict(f"Conflict: there is a key of the name '{name}' already"))
