"""What is set about providers while the server runs: rows of all tenants become scopes in memory, kept fresh.

Keys are opened here and nowhere else; one that cannot be opened is logged by its id and left out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import msgspec

from portico.server.catalog.aliases import targets_of
from portico.server.catalog.entry import Provider
from portico.server.catalog.find import Catalog
from portico.server.catalog.own import own_models, own_provider, read_alias_row
from portico.server.catalog.rows import AliasRow as WrittenAlias
from portico.server.errors import PorticoError
from portico.server.gateway.configuration import Aim, Alias, Configuration, Key, Scope
from portico.server.ids import OrganizationId
from portico.server.kit.addresses import is_allowed, read_allowed
from portico.server.providers.base import Credential
from portico.server.settings import Secret
from portico.server.storage.changes import UNKNOWN, Change
from portico.server.storage.database import Database
from portico.server.storage.provider_settings import (
    AliasRow,
    EntryRow,
    Everything,
    KeyRow,
    OwnerId,
    read_everything,
)
from portico.server.storage.secrets import InstallationKey, SealBroken, SecretBox

TABLES = frozenset(("provider_keys", "model_aliases", "catalog_entries"))
_log = logging.getLogger("portico.providers")


class Sealed(msgspec.Struct):
    """What is sealed of a credential: the key, and options that are secrets as well."""

    key: str = ""
    options: dict[str, str] = {}


_read_sealed = msgspec.json.Decoder(Sealed).decode


@dataclass(slots=True)
class _Rows:
    """What one organization, or the installation, has set."""

    keys: list[KeyRow] = field(default_factory=list)
    aliases: list[AliasRow] = field(default_factory=list)
    entries: list[EntryRow] = field(default_factory=list)


class ProviderSettings:
    """Fills the configuration; `follow` is for `Changes`. The functions that change rows call `refresh`.

    `catalog` is the shipped one with the operator's files, `adapters` the names of the protocols that a provider may
    speak, `allowed` the private hosts and networks where it may be (settings, PROVIDER_HOSTS; raises ValueError).
    """

    def __init__(
        self,
        database: Database,
        key: InstallationKey,
        catalog: Catalog,
        configuration: Configuration,
        adapters: Collection[str],
        allowed: str = "",
    ) -> None:
        self.database = database
        self.key = key
        self.adapters = adapters
        self.allowed = read_allowed(allowed)
        self._box = SecretBox([key], "provider keys")
        self._configuration = configuration
        self._catalog = catalog
        self._base = configuration.installation
        self._rows: dict[OwnerId, _Rows] = {}
        self._own: dict[OwnerId, dict[str, Scope]] = {}
        self._tenants_hosts: frozenset[str] = frozenset()
        self._lock = asyncio.Lock()

    def scopes_at(self, *owner_ids: str | None) -> tuple[Scope, ...]:
        return self._configuration.scopes_at(*owner_ids)

    def catalog_at(self, organization_id: OwnerId) -> Catalog:
        """The catalogue as an organization, or with None the installation, sees it."""
        scopes = self._configuration.scopes_at(organization_id)
        return next((scope.catalog for scope in scopes if scope.catalog is not None), self._catalog)

    def seal(self, secret: Sealed, row: KeyRow | tuple[OwnerId, str | None, str, str]) -> bytes:
        """`row`, or what it will have: organization, project, provider and key id."""
        return self._box.seal(Secret(msgspec.json.encode(secret).decode()), _context(row))

    def unseal(self, row: KeyRow) -> Sealed:
        """Raises SealBroken."""
        return _read_sealed(self._box.open(row.sealed, _context(row)).encode())

    def may_reach(self, host: str, address: str) -> bool:
        """For the transport: a name that a tenant gave may lead elsewhere by now than when it was saved."""
        return host not in self._tenants_hosts or is_allowed(host, [address.partition("%")[0]], *self.allowed)

    async def follow(self, changes: frozenset[Change]) -> None:
        """Subscriber of `Changes`."""
        if UNKNOWN in changes:
            await self.refresh()
        elif named := {one.organization_id for one in changes if one.organization_id and one.table in TABLES}:
            await self.refresh(*named)

    async def refresh(self, *organization_ids: OwnerId) -> None:
        """Bring these, or all and the installation, up to date. Nothing is told when nothing has changed."""
        named = [one for one in organization_ids if one is not None] if None not in organization_ids else []
        async with self._lock:  # an older answer must not overwrite a newer one
            async with self.database.begin() as connection:
                fresh = _by_owner(await read_everything(connection, named))
            asked = named or {None, *self._rows, *fresh}
            changed = {owner for owner in asked if self._rows.get(owner) != fresh.get(owner)}
            if changed:
                self._put(changed, fresh)

    def _put(self, changed: set[OwnerId], fresh: Mapping[OwnerId, _Rows]) -> None:
        """All or nothing: what cannot be made now is tried again at the next look."""
        rows = {
            owner: kept for owner, kept in {**self._rows, **fresh}.items() if owner not in changed or owner in fresh
        }
        installation, stale = self._configuration.installation, set(changed)
        if None in changed:
            installation = self._installation(rows.get(None, _Rows()))
            # an organization's catalogue is built on the installation's
            stale |= {owner for owner, kept in rows.items() if kept.entries}
        own = {owner: scopes for owner, scopes in self._own.items() if owner not in stale}
        for owner in stale & rows.keys():
            if owner is not None:
                own[owner] = self._organization(owner, rows[owner], installation)
        self._rows, self._own = rows, own
        self._tenants_hosts = self._hosts_of_tenants(installation)
        self._configuration.replace(
            installation, {name: scope for scopes in own.values() for name, scope in scopes.items()}
        )

    def _hosts_of_tenants(self, installation: Scope) -> frozenset[str]:
        """Hosts that organizations have named, without those that the operator calls himself."""
        theirs = {_host(url) for owner, rows in self._rows.items() if owner is not None for url in _urls(rows)}
        catalog = installation.catalog or self._catalog
        ours = {_host(provider.base_url) for provider in catalog.providers}
        ours |= {_host(key.credential.base_url) for keys in installation.keys.values() for key in keys}
        return frozenset(theirs - ours)

    def _installation(self, rows: _Rows) -> Scope:
        """What the host's operator has set: the environment first, then what `--installation` added to it."""
        keys = {name: list(found) for name, found in self._base.keys.items()}
        for row, key in self._opened(rows.keys):
            kept = keys.setdefault(row.provider, [])
            plain = next((one for one in kept if not one.credential.key), None)
            if plain is not None:  # an address or options without a key: they are for these keys
                key = Key(_over(plain.credential, key.credential), key.weight)
            kept.append(key)
        chosen = {name: tuple(k for k in found if k.credential.key) or tuple(found) for name, found in keys.items()}
        catalog, own = self._extended(self._catalog, rows.entries)
        return replace(self._base, keys=chosen, catalog=catalog, own=own)

    def _organization(self, organization_id: OrganizationId, rows: _Rows, installation: Scope) -> dict[str, Scope]:
        """The scope of an organization and those of its projects, by id."""
        catalog, own = self._extended(installation.catalog or self._catalog, rows.entries)
        scopes = {str(organization_id): Scope(organization_id, catalog=catalog, own=own)}
        keys: dict[str, dict[str, tuple[Key, ...]]] = {}
        aliases: dict[str, dict[str, Alias]] = {}
        for row, key in self._opened(rows.keys):
            mine = keys.setdefault(row.project_id or organization_id, {})
            mine[row.provider] = (*mine.get(row.provider, ()), key)
        for alias in rows.aliases:
            if (made := _maybe_alias(alias)) is not None:
                aliases.setdefault(alias.project_id or organization_id, {})[made.name.lower()] = made
        for owner in keys.keys() | aliases.keys():
            scope = scopes.get(owner) or Scope(owner)
            scopes[owner] = replace(scope, keys=keys.get(owner, {}), aliases=aliases.get(owner, {}))
        return scopes

    def _opened(self, rows: Iterable[KeyRow]) -> Iterable[tuple[KeyRow, Key]]:
        for row in rows:
            if row.blocked:
                continue
            try:
                secret = self.unseal(row)
            except (SealBroken, msgspec.DecodeError, UnicodeDecodeError) as error:
                _log.error(
                    "key %s of provider %s cannot be opened and is left out: %s", row.key_id, row.provider, error
                )
                continue
            options = tuple(sorted({**row.options, **secret.options}.items()))
            yield row, Key(Credential(row.base_url, secret.key, options, row.key_id), row.weight)

    def _extended(self, base: Catalog, entries: Iterable[EntryRow]) -> tuple[Catalog | None, frozenset[str]]:
        """The catalogue with these entries, and the names of the providers that are new; None without any."""
        grouped: dict[str, list[EntryRow]] = {}
        for entry in entries:
            grouped.setdefault(entry.provider.lower(), []).append(entry)
        made: list[Provider] = []
        own: set[str] = set()
        for name, rows in grouped.items():
            try:
                made.append(_provider_of(base, rows))
            except PorticoError as error:
                _log.error("the entry of provider %s is left out: %s", name, error.message)
                continue
            if not rows[0].model:
                own.add(name)
        return (base.with_providers(made) if made else None), frozenset(own)


def _urls(rows: _Rows) -> Iterable[str]:
    yield from (key.base_url for key in rows.keys if key.base_url)
    yield from (str(entry.entry["base_url"]) for entry in rows.entries if entry.entry.get("base_url"))


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _over(plain: Credential, own: Credential) -> Credential:
    """A credential with what it does not say itself taken from a plain one."""
    options = tuple(sorted({**dict(plain.options), **dict(own.options)}.items()))
    return Credential(own.base_url or plain.base_url, own.key, options, own.id)


def write_alias(row: WrittenAlias) -> Alias:
    """An alias as the configuration has it. Raises PatternMismatch."""
    aims = tuple(Aim(target.ref, target.weight, target.tier) for target in targets_of(row))
    return Alias(row.name, aims, row.strategy)


def _maybe_alias(row: AliasRow) -> Alias | None:
    try:
        members = {"name": row.name, "targets": list(row.targets), "strategy": row.strategy}
        return write_alias(read_alias_row(members))
    except PorticoError as error:
        _log.error("model alias %s is left out: %s", row.name, error.message)
        return None


def _provider_of(base: Catalog, rows: list[EntryRow]) -> Provider:
    """An own provider with its models; or one of the catalogue with further models, which go before its own."""
    if not rows[0].model:  # the entry of the provider sorts before those of its models
        return own_provider(rows[0].entry, [row.entry for row in rows[1:]])
    provider = base.find_provider(rows[0].provider)
    models = own_models(provider, [row.entry for row in rows])
    names = {model.name for model in models}
    return replace(provider, models=(*(m for m in provider.models if m.name not in names), *models))


def _by_owner(found: Everything) -> dict[OwnerId, _Rows]:
    rows: dict[OwnerId, _Rows] = {}
    for key in found.keys:
        rows.setdefault(key.organization_id, _Rows()).keys.append(key)
    for alias in found.aliases:
        rows.setdefault(alias.organization_id, _Rows()).aliases.append(alias)
    for entry in found.entries:
        rows.setdefault(entry.organization_id, _Rows()).entries.append(entry)
    return rows


def _context(row: KeyRow | tuple[OwnerId, str | None, str, str]) -> str:
    """The place of a secret: a row that is copied to another tenant or provider cannot be opened there."""
    place = (row.organization_id, row.project_id, row.provider, row.key_id) if isinstance(row, KeyRow) else row
    return "/".join(part or "-" for part in place)
