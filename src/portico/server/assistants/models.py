"""Which model a revision names: what a caller writes becomes a provider and a model of the catalogue, or an alias."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from portico.server.access.caller import Caller
from portico.server.assistants.refusals import ProviderTypeNotFound, UnknownModel
from portico.server.catalog.entry import Provider
from portico.server.catalog.find import Catalog
from portico.server.errors import AmbiguousModelName, InvalidModelName, ModelNotFound, NotFound
from portico.server.gateway.routing import Targets

FIRST_PROVIDER = "openai"
"""The provider of a model that is named without one, where it has such a model."""
Named = tuple[str, str]
"""Provider and model; the provider is empty for an alias."""


class Models:
    """`fallback` names the model of an assistant that names none."""

    def __init__(self, targets: Targets, fallback: Callable[[Caller], Named]) -> None:
        self._targets = targets
        self._fallback = fallback

    def find(self, caller: Caller, provider: str | None, model: str | None, base: Named | None = None) -> Named:
        """What is not said is as in `base`. Raises ProviderTypeNotFound (400, id 2), UnknownModel (400, id 2016).

        No key is needed yet.
        """
        if provider is None and model is None:
            return base or self._fallback(caller)
        alias = self._maybe_alias(caller, f"{provider}/{model}" if provider and model else model)
        if alias is not None:
            return "", alias
        catalog = self._targets.catalog_of(caller)
        if provider is not None:
            return _find_of(catalog, _find_provider(catalog, provider), model or (base[1] if base else None))
        assert model is not None
        inherited = _maybe_provider(catalog, base[0]) if base is not None else None
        return _find_bare(catalog, model, inherited)

    def find_id(self, caller: Caller, provider: str, model: str) -> str | None:
        """The catalogue's id of a model that is written down; None for an alias, or when it is gone."""
        try:
            return self._targets.catalog_of(caller).resolve(provider, model).id
        except (NotFound, AmbiguousModelName):
            return None

    def _maybe_alias(self, caller: Caller, name: str | None) -> str | None:
        """An alias as it was made, by its name in any case."""
        wanted = (name or "").lower()
        return next((alias for alias in self._targets.aliases_of(caller) if alias.lower() == wanted), None)


def _find_bare(catalog: Catalog, model: str, inherited: Provider | None) -> Named:
    """A name without provider: of one that lists it, or names itself before the slash, or at last takes any name."""
    first = _maybe_provider(catalog, FIRST_PROVIDER)
    head, slash, rest = model.partition("/")
    if inherited is not None and _lists(inherited, model):
        return _find_of(catalog, inherited, model)
    if slash and (known := _maybe_provider(catalog, head)) is not None:
        return _find_of(catalog, known, rest)
    if first is not None and _lists(first, model):
        return _find_of(catalog, first, model)
    try:
        found = catalog.resolve_bare(model)
    except InvalidModelName:
        several = any(_lists(one, model) for one in catalog.providers)  # then it is not one that nobody has heard of
        takers = [one for one in (inherited, first) if one is not None and not (several and one is first)]
        return _find_open(catalog, model, takers)
    return _find_of(catalog, catalog.find_provider(found.provider), model)


def _find_open(catalog: Catalog, model: str, providers: Sequence[Provider]) -> Named:
    for provider in providers:
        try:
            return _find_of(catalog, provider, model)
        except UnknownModel:
            continue
    raise UnknownModel(FIRST_PROVIDER, model)


def _lists(provider: Provider, model: str) -> bool:
    return any(model == one.name for one in provider.models)


def _find_of(catalog: Catalog, provider: Provider, model: str | None) -> Named:
    """Without a model the provider's first one for chat. The provider's name may stand before the model's."""
    if model is None:
        first = next((m.name for m in provider.models if m.type == "Chat" and m.status == "active"), None)
        if first is None:
            raise UnknownModel(provider.name, "")
        return provider.name, first
    prefix = f"{provider.name}/"
    name = model
    if model.lower().startswith(prefix.lower()) and not _lists(provider, model):
        name = model[len(prefix) :]
    try:
        found = catalog.resolve(provider.name, name)
    except (ModelNotFound, AmbiguousModelName):
        raise UnknownModel(provider.name, model) from None
    if found.type != "Chat":
        raise UnknownModel(provider.name, model)
    return provider.name, name


def _find_provider(catalog: Catalog, name: str) -> Provider:
    provider = _maybe_provider(catalog, name)
    if provider is None:
        raise ProviderTypeNotFound(param="llmSettings.providerName")
    return provider


def _maybe_provider(catalog: Catalog, name: str) -> Provider | None:
    try:
        return catalog.find_provider(name)
    except NotFound:
        return None
