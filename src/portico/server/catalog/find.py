"""The catalogue in memory: providers and models by name, by GUID, and for execution. Dictionary look-ups, no I/O."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from portico.server.catalog.entry import Model, ModelType, Provider, Reasoning
from portico.server.errors import AmbiguousModelName, InvalidModelName, ModelNotFound, NotFound

_NAMESPACE = uuid.UUID("5b0f4f0e-6d1c-4b57-9a4e-7b9a3c1d2e60")
_REMEMBERED = 1024
_UNLISTED = MappingProxyType(
    {
        "en": "Not in the catalogue; passed on to the provider as it is named.",
        "es": "No figura en el catálogo; se envía al proveedor con el nombre indicado.",
        "pt": "Não consta do catálogo; é enviado ao provedor com o nome indicado.",
        "ja": "カタログには未登録で、指定された名前のままプロバイダーに渡されます。",
    }
)

_FILE = MappingProxyType(
    {
        "en": "A model file that was put into the models folder of this host.",
        "es": "Un archivo de modelo colocado en la carpeta de modelos de este servidor.",
        "pt": "Um arquivo de modelo colocado na pasta de modelos deste servidor.",
        "ja": "このホストのモデルフォルダーに置かれたモデルファイル。",
    }
)


def model_id(provider: str, name: str) -> str:
    """The stable GUID of a model: the same on every host and at every start."""
    return str(uuid.uuid5(_NAMESPACE, f"{provider.lower()}/{name}"))


class Catalog:
    """All providers, ordered by name. Provider names and aliases match in any case, model names exactly."""

    __slots__ = ("_bare", "_shelves", "providers")

    def __init__(self, providers: Iterable[Provider], like: Catalog | None = None) -> None:
        """`like`: a catalogue with many of the same providers, whose work is taken over."""
        self.providers = tuple(sorted(providers, key=lambda p: (p.name.casefold(), p.name)))
        self._shelves: dict[str, _Shelf] = {}
        for provider in self.providers:
            done = like._shelves.get(provider.name.lower()) if like is not None else None
            shelf = done if done is not None and done.provider is provider else _Shelf(provider)
            for name in (provider.name, *provider.aliases):
                self._shelves[name.lower()] = shelf
        self._bare = _bare_names(self.providers)

    def with_files(self, provider_name: str, names: Iterable[str]) -> Catalog:
        """The same catalogue, in which a provider also has chat models whose files were found on this host."""
        provider = self.find_provider(provider_name)
        known = {model.name for model in provider.models}
        found = tuple(_file_model(provider, name) for name in names if name not in known)
        extended = replace(provider, models=(*provider.models, *found))
        return Catalog(extended if p is provider else p for p in self.providers)

    def with_providers(self, own: Iterable[Provider]) -> Catalog:
        """The same catalogue with these, new ones or in place of those of the same name; the others are shared."""
        mine = {provider.name.lower(): provider for provider in own}
        kept = [provider for provider in self.providers if provider.name.lower() not in mine]
        return Catalog([*kept, *mine.values()], self)

    def find_provider(self, name: str) -> Provider:
        """One provider by name or alias. Raises NotFound (404, id 4000)."""
        return self._find_shelf(name).provider

    def find_model(self, provider: str, name_or_id: str) -> Model:
        """One model of one provider by GUID, name or full name, whatever its status; nothing is replaced.

        Raises NotFound (404, id 4000); AmbiguousModelName (409, id 4000) when the provider has the name twice.
        Source: LLM API reference, GET /llm/providers/{providerName}/models/{modelNameOrId}.
        """
        return self._find_shelf(provider).find(name_or_id)

    def resolve(self, provider: str, name: str, wanted: ModelType = "Chat") -> Model:
        """The model that answers a request for `provider/name`: a deprecated one gives its replacement.

        `wanted` is the type of a model that a provider with open names takes without having it listed.
        Raises ModelNotFound with the name as asked; AmbiguousModelName.
        """
        shelf = self._shelves.get(provider.lower())
        if shelf is None:
            raise ModelNotFound(f"{provider}/{name}")
        model = shelf.serving.get(name) or shelf.maybe_serve(name, wanted)
        if model is None:
            raise ModelNotFound(f"{provider}/{name}")
        return model

    def resolve_bare(self, name: str) -> Model:
        """The one active model of this name among all providers; OpenAI's comes first. Raises InvalidModelName."""
        model = self._bare.get(name)
        if model is None:
            raise InvalidModelName
        return model

    def missing_settings(self, keys: Collection[str], urls: Collection[str]) -> dict[str, str]:
        """Providers that cannot be called yet, each with the setting it waits for; see `Provider.missing_setting`."""
        waiting = ((p.name, p.missing_setting(keys, urls)) for p in self.providers)
        return {name: setting for name, setting in waiting if setting}

    def _find_shelf(self, name: str) -> _Shelf:
        shelf = self._shelves.get(name.lower())
        if shelf is None:
            raise NotFound
        return shelf


class _Shelf:
    """The models of one provider, sorted into the dictionaries that the two kinds of question need."""

    __slots__ = ("ambiguous", "by_id", "by_name", "patterns", "provider", "retired", "serving", "unlisted")

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.by_id = {m.id: m for m in provider.models}
        self.by_name = {m.name: m for m in provider.models}
        counted = Counter(m.name for m in provider.models)
        self.ambiguous = frozenset(name for name, times in counted.items() if times > 1)
        serving = {m.id: self._replacement(m) for m in provider.models}
        self.retired = frozenset(m.name for m in provider.models if serving[m.id] is None)
        by_name = {m.name: serving[m.id] for m in provider.models if m.name not in self.ambiguous}
        instead = {old: self._replacement(self.by_name[new]) for old, new in provider.replacements.items()}
        known = {**instead, **serving, **by_name}
        self.serving: Mapping[str, Model] = {key: model for key, model in known.items() if model is not None}
        self.patterns = tuple((old[:-1], model) for old, model in instead.items() if model and old.endswith("*"))
        self.unlisted: dict[tuple[str, ModelType], Model] = {}

    def _replacement(self, model: Model) -> Model | None:
        """Itself, or what stands for a deprecated model; None when nothing does. `load` has refused circles."""
        while model.status == "deprecated":
            if not model.fallback:
                return None
            model = self.by_name[model.fallback]
        return model

    def find(self, asked: str) -> Model:
        prefix = f"{self.provider.name}/".lower()
        short = asked[len(prefix) :] if asked.lower().startswith(prefix) else asked
        for name in (asked, short):
            if name in self.ambiguous:
                raise AmbiguousModelName
            model = self.by_id.get(name.lower()) or self.by_name.get(name)
            if model is not None:
                return model
        raise NotFound

    def maybe_serve(self, name: str, wanted: ModelType) -> Model | None:
        if name in self.ambiguous:
            raise AmbiguousModelName(param="model")
        if name in self.retired:
            return None
        for beginning, model in self.patterns:
            if name.startswith(beginning):
                return model
        if name.lower() in self.by_id:
            return self.serving.get(name.lower())
        return self._pass_on(name, wanted) if self.provider.open_names and name else None

    def _pass_on(self, name: str, wanted: ModelType) -> Model:
        """An open name, remembered: making its GUID takes longer than all look-ups together."""
        model = self.unlisted.get((name, wanted))
        if model is None:
            if len(self.unlisted) >= _REMEMBERED:
                self.unlisted.clear()
            model = self.unlisted[name, wanted] = unlisted_model(self.provider, name, wanted)
        return model


def unlisted_model(provider: Provider, name: str, wanted: ModelType) -> Model:
    """A model that only the provider knows; we promise nothing about it and forbid it nothing."""
    chat = wanted == "Chat"
    return Model(
        id=model_id(provider.name, name),
        provider=provider.name,
        name=name,
        type=wanted,
        descriptions=_UNLISTED,
        streaming=chat,
        tool_calling=chat,
        function_calling=chat,
        tool_choice=chat,
        flexible_dimensions=wanted == "Embedding",
        source=provider.source,
        reasoning=provider.open_reasoning if chat else Reasoning(),
    )


def _file_model(provider: Provider, name: str) -> Model:
    """Comes before the starter models: who puts a file there wants it used."""
    model = unlisted_model(provider, name, "Chat")
    return replace(model, descriptions=_FILE, is_custom=True, priority=1, source="file of this host")


def _bare_names(providers: Iterable[Provider]) -> dict[str, Model]:
    found: dict[str, list[Model]] = {}
    for provider in providers:
        for model in provider.models:
            if model.status == "active":
                found.setdefault(model.name, []).append(model)
    chosen: dict[str, Model] = {}
    for name, models in found.items():
        openai = [m for m in models if m.provider.lower() == "openai"]
        if len(openai or models) == 1:
            chosen[name] = (openai or models)[0]
    return chosen
