"""Model and caller to a Route: which targets may answer, in which order, and how busy each is.

In: the catalogue and the configuration (keys, addresses, aliases). Answers are kept: a hot look-up.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from portico.server.access.caller import Caller
from portico.server.catalog.entry import Model, ModelType, Provider
from portico.server.catalog.find import Catalog
from portico.server.errors import (
    AmbiguousModelName,
    InvalidModelName,
    InvalidType,
    ModelNotFound,
    NotImplementedYet,
    ProviderNotConfigured,
)
from portico.server.gateway.configuration import Alias, Configuration, Key, Scope, keys_in_force, missing_setting
from portico.server.gateway.routing.health import Health, HealthRules
from portico.server.providers.base import NO_QUIRKS, Adapter, Credential, Quirks, Target, Traits
from portico.wire.model_ref import BareModel, DirectModel

ROUTES_KEPT = 10_000
Strategy = Literal["weighted", "least_busy"]
# Why one of several targets may be left out: not set up, or gone since it was written down.
_UNUSABLE = (ProviderNotConfigured, NotImplementedYet, ModelNotFound, AmbiguousModelName, InvalidModelName)


class Choice(msgspec.Struct, eq=False):
    """One way to have a request answered. `tier` 0 is tried first; `label` is the provider's name for a header."""

    model: Model
    target: Target
    health: Health
    weight: int = 1
    tier: int = 0
    label: bytes = b""


class Route(msgspec.Struct, eq=False):
    """The choices for one request, best first; `model` is the one that was asked for, or the first of an alias."""

    model: Model
    choices: tuple[Choice, ...]
    strategy: Strategy = "weighted"

    @property
    def size(self) -> int:
        return len(self.choices)

    def only(self, model: Model) -> Route:
        """The same without all other models."""
        kept = tuple(choice for choice in self.choices if choice.model is model)
        return self if len(kept) == len(self.choices) else Route(self.model, kept, self.strategy)

    def where(self, fits: Callable[[Target], bool]) -> Route:
        """The same with the targets that fit; with all of them when none does."""
        kept = tuple(choice for choice in self.choices if fits(choice.target))
        return Route(self.model, kept, self.strategy) if kept else self

    def pick(self, tried: Sequence[Choice], now: float) -> Choice | None:
        """The next choice: untried before tried, rested before cooling, lower tier before higher. None: all are open.

        With one choice, which is the common case, nothing is weighed.
        """
        if len(self.choices) == 1:
            only = self.choices[0]
            return None if only.health.open_until and only.health.is_open(now) else only
        candidates = [choice for choice in self.choices if not choice.health.is_open(now)]
        if not candidates:
            return None
        ranks = [(choice in tried, choice.health.cool_until > now, choice.tier) for choice in candidates]
        best = min(ranks)
        return self._balance([choice for choice, rank in zip(candidates, ranks, strict=True) if rank == best])

    def _balance(self, equals: list[Choice]) -> Choice:
        if len(equals) == 1:
            return equals[0]
        if self.strategy == "least_busy":
            return min(equals, key=lambda choice: (choice.health.busy / choice.weight, random.random()))
        return random.choices(equals, [choice.weight for choice in equals])[0]

    def has_other(self, tried: Sequence[Choice], now: float) -> bool:
        """Whether a choice is left that was not tried and may be."""
        return any(choice not in tried and not choice.health.is_open(now) for choice in self.choices)

    def opens_at(self) -> float:
        """When the first of the choices may be tried again, by the monotonic clock."""
        return min(choice.health.open_until for choice in self.choices)


class Targets:
    """Finds routes. One per process; `forget` when the configuration has changed."""

    def __init__(
        self,
        catalog: Catalog,
        adapters: Mapping[str, Adapter],
        configuration: Configuration,
        rules: HealthRules,
    ) -> None:
        self.catalog = catalog
        self._adapters = adapters
        self._configuration = configuration
        self._rules = rules
        self._known: dict[tuple[DirectModel | BareModel, str, object], Route] = {}
        self._healths: dict[tuple[str, str, str, str], Health] = {}
        configuration.subscribe(self.forget)

    def forget(self) -> None:
        """Routes are made anew; what is known of the targets stays."""
        self._known.clear()

    def catalog_of(self, caller: Caller) -> Catalog:
        """The catalogue as the caller sees it: with the providers and models of its own."""
        return self._catalog(self._configuration.scopes_of(caller))

    def missing_of(self, caller: Caller) -> dict[str, str]:
        """Providers that the caller cannot have called yet, each with the setting it waits for."""
        scopes = self._configuration.scopes_of(caller)
        waiting = ((p.name, missing_setting(p, keys_in_force(p, scopes)[0])) for p in self._catalog(scopes).providers)
        return {name: setting for name, setting in waiting if setting}

    def aliases_of(self, caller: Caller) -> tuple[str, ...]:
        """The names of the caller's aliases; a narrower scope's stands for a wider one's."""
        found: dict[str, str] = {}
        for scope in self._configuration.scopes_of(caller):
            for key, alias in scope.aliases.items():
                found.setdefault(key, alias.name)
        return tuple(sorted(found.values()))

    def _catalog(self, scopes: Sequence[Scope]) -> Catalog:
        return next((scope.catalog for scope in scopes if scope.catalog is not None), self.catalog)

    def find(self, ref: DirectModel | BareModel, wanted: ModelType, caller: Caller) -> Route:
        """The route of a request; its models are of the type `wanted`.

        Raises ModelNotFound, InvalidModelName, InvalidType, ProviderNotConfigured, NotImplementedYet.
        """
        scopes = self._configuration.scopes_of(caller)
        known = self._known.get((ref, wanted, scopes[0].id))
        if known is not None:
            return known
        route = self._make(ref, wanted, scopes)
        if len(self._known) >= ROUTES_KEPT:  # open providers take any name: a bound keeps a hostile caller cheap
            self._known.clear()
        self._known[ref, wanted, scopes[0].id] = route
        return route

    def _make(self, ref: DirectModel | BareModel, wanted: ModelType, scopes: Sequence[Scope]) -> Route:
        name = f"{ref.provider}/{ref.name}" if isinstance(ref, DirectModel) else ref.name
        for scope in scopes:
            alias = scope.aliases.get(name.lower())
            if alias is not None:
                return self._aliased(alias, wanted, scopes)
        model = self._resolve(ref, wanted, scopes)
        choices = self._choices(model, scopes, 0, 1)
        for tier, full_name in enumerate(model.fallbacks, 1):
            choices += self._fallback(full_name, wanted, scopes, tier)
        return Route(model, tuple(choices))

    def _fallback(self, full_name: str, wanted: ModelType, scopes: Sequence[Scope], tier: int) -> list[Choice]:
        """None where it is not set up: the model itself answers all the same."""
        provider, _, name = full_name.partition("/")
        try:
            return self._choices(self._resolve(DirectModel(provider, name), wanted, scopes), scopes, tier, 1)
        except _UNUSABLE:
            return []

    def _aliased(self, alias: Alias, wanted: ModelType, scopes: Sequence[Scope]) -> Route:
        """All targets that are set up; one that is not must not make the others useless."""
        choices: list[Choice] = []
        first: Exception | None = None
        for aim in alias.targets:
            try:
                model = self._resolve(aim.ref, wanted, scopes)
                choices += self._choices(model, scopes, aim.tier, aim.weight)
            except _UNUSABLE as error:
                first = first or error
        if not choices:
            raise first or ProviderNotConfigured(f"model alias '{alias.name}' has no targets", param="model")
        choices.sort(key=lambda choice: choice.tier)
        return Route(choices[0].model, tuple(choices), alias.strategy)

    def _resolve(self, ref: DirectModel | BareModel, wanted: ModelType, scopes: Sequence[Scope]) -> Model:
        catalog = self._catalog(scopes)
        if isinstance(ref, DirectModel):
            model = catalog.resolve(ref.provider, ref.name, wanted)
        else:
            model = catalog.resolve_bare(ref.name)
        if model.type != wanted:
            kinds = f"model '{model.full_name}' is of type {model.type}, not {wanted}"
            raise InvalidType(f"Invalid Type: {kinds}", param="model")
        return model

    def _choices(self, model: Model, scopes: Sequence[Scope], tier: int, weight: int) -> list[Choice]:
        catalog = self._catalog(scopes)
        provider = catalog.find_provider(model.provider)
        keys = _keys_of(provider, scopes)  # before what is missing in us: this the operator can mend
        adapter = self._adapters.get(provider.adapter)
        if adapter is None:
            raise NotImplementedYet(
                f"Not Implemented: provider '{provider.name}' speaks the protocol '{provider.adapter}', "
                "which this version does not offer yet"
            )
        return [self._choice(model, provider, adapter, key, tier, weight * key.weight) for key in keys]

    def _choice(self, model: Model, provider: Provider, adapter: Adapter, key: Key, tier: int, weight: int) -> Choice:
        given = key.credential
        base_url = (given.base_url or provider.base_url).rstrip("/")
        credential = Credential(base_url, given.key, given.options, given.id)
        upstream = model.upstream_name or model.name
        quirks = msgspec.convert(dict(provider.quirks), Quirks) if provider.quirks else NO_QUIRKS
        endpoint = adapter.endpoint(credential)
        target = Target(provider.name, model.name, upstream, adapter, endpoint, credential, traits_of(model), quirks)
        place = (provider.name, base_url, given.id, upstream)
        if place not in self._healths and len(self._healths) >= ROUTES_KEPT:
            self._healths.clear()
        health = self._healths.setdefault(place, Health(self._rules))
        return Choice(model, target, health, max(1, weight), tier, provider.name.encode("latin-1", "replace"))


def _keys_of(provider: Provider, scopes: Sequence[Scope]) -> tuple[Key, ...]:
    """The keys of the narrowest scope that has some. Raises ProviderNotConfigured, naming the setting."""
    keys, _ = keys_in_force(provider, scopes)
    setting = missing_setting(provider, keys)
    if setting:
        theirs = any(provider.name.lower() in scope.own for scope in scopes if scope.id)
        hint = "" if theirs else f"set {setting} and start it again, or "  # no environment's key is for their address
        raise ProviderNotConfigured(
            f"Provider Configuration Error: provider '{provider.name}' is not set up on this server; "
            f"{hint}add a key with `portico providers keys add {provider.name}`",
            param="model",
        )
    return keys


def traits_of(model: Model) -> Traits:
    """What an adapter has to know of a model."""
    thinking = model.reasoning
    return Traits(
        max_output=model.max_output,
        thinking_mode=thinking.thinking_mode,
        effort_values=thinking.effort_values,
        effort_default=thinking.effort_default,
        budget_min=thinking.budget_min,
        budget_max=thinking.budget_max,
        can_disable=thinking.can_disable,
        api=model.api,
        tools_with_reasoning=thinking.tools_with_reasoning,
        tool_calling=model.tool_calling,
        streaming=model.streaming,
        structured_output=model.structured_output,
        input_types=model.input_types,
        dimensions=model.dimensions,
    )
