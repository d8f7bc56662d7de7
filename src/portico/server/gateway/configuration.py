"""What operators and projects have set about providers: keys, addresses and model aliases, scope by scope, in memory.

The installation's own come from the settings; those of organizations and projects from the database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from portico.server.access.caller import Caller
from portico.server.catalog.entry import Provider
from portico.server.catalog.find import Catalog
from portico.server.providers.base import Credential
from portico.wire.model_ref import BareModel, DirectModel

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Key:
    """One credential of a provider; of several the heavier is taken more often. An empty base URL: the catalogue's."""

    credential: Credential
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Aim:
    """One target of an alias. Those of tier 0 share the load by weight; higher tiers are for when these fail."""

    ref: DirectModel | BareModel
    weight: int = 1
    tier: int = 0


@dataclass(frozen=True, slots=True)
class Alias:
    """A model name of a team's own (`team/fast`) and what answers to it."""

    name: str
    targets: tuple[Aim, ...]
    strategy: Literal["weighted", "least_busy"] = "weighted"


@dataclass(frozen=True, slots=True)
class Scope:
    """What one project, one organization or the installation has set. Alias names in lower case, keys by `key_name`.

    `catalog` is there when the scope has providers or models of its own; it holds all others, too. `own` names its
    own providers, in lower case.
    """

    id: str
    keys: Mapping[str, tuple[Key, ...]] = field(default_factory=lambda: NOTHING)
    aliases: Mapping[str, Alias] = field(default_factory=lambda: NOTHING)
    catalog: Catalog | None = None
    own: frozenset[str] = frozenset()


class Configuration:
    """Scopes by owner. Replaced in place when something changes; whoever keeps what it made of them subscribes."""

    def __init__(self, installation: Scope) -> None:
        self.installation = installation
        self._own: dict[str, Scope] = {}
        self._only = (installation,)
        self._subscribers: list[Callable[[], None]] = []

    def subscribe(self, subscriber: Callable[[], None]) -> None:
        self._subscribers.append(subscriber)

    def scopes_of(self, caller: Caller) -> tuple[Scope, ...]:
        """Narrowest first; the installation's is always the last."""
        return self.scopes_at(caller.project_id, caller.organization_id) if self._own else self._only

    def scopes_at(self, *owner_ids: str | None) -> tuple[Scope, ...]:
        """The same for ids, the narrowest first; None stands for nobody."""
        own = self._own
        found = [own[name] for name in owner_ids if name and name in own]
        return (*found, self.installation) if found else self._only

    def replace(self, installation: Scope, own: Mapping[str, Scope]) -> None:
        """`own` is keyed by project id or organization id."""
        self.installation, self._own, self._only = installation, dict(own), (installation,)
        for tell in self._subscribers:
            tell()


def key_name(provider: str) -> str:
    """How a provider's keys are found: as its name stands in PORTICO_PROVIDER_<NAME>_API_KEY, in lower case."""
    return provider.lower().replace("-", "_")


def keys_in_force(provider: Provider, scopes: Sequence[Scope]) -> tuple[tuple[Key, ...], Scope | None]:
    """The keys of the narrowest scope that has some, and that scope; an empty key and None when no scope has.

    A scope's own provider is never called with the key of a wider one: its address may be anybody's.
    """
    name, own = key_name(provider.name), provider.name.lower()
    for scope in scopes:
        keys = scope.keys.get(name)
        if keys:
            return keys, scope
        if own in scope.own:
            return (Key(Credential("", id=scope.id)),), None
    return (Key(Credential("")),), None


def missing_setting(provider: Provider, keys: Sequence[Key]) -> str:
    """The setting that the provider still needs with these keys, or ""."""
    name = frozenset((key_name(provider.name),))
    given = any(
        key.credential.key or provider.is_keyed_by({option for option, value in key.credential.options if value})
        for key in keys
    )
    placed = all(key.credential.base_url for key in keys)
    return provider.missing_setting(name if given else (), name if placed else ())


def configured(
    keys: Mapping[str, str], urls: Mapping[str, str], options: Mapping[str, Mapping[str, str]] = NOTHING
) -> Scope:
    """The installation's scope out of the settings PORTICO_PROVIDER_<NAME>_...; names in lower case, `_` for `-`."""
    names = {*keys, *urls, *options}
    made = {
        name: (
            Key(
                Credential(
                    urls.get(name, "").rstrip("/"),
                    str(keys.get(name, "")),
                    tuple(sorted(options.get(name, NOTHING).items())),
                    "environment",
                )
            ),
        )
        for name in names
    }
    return Scope("", made)
