"""Catalogue and query to the answers of the LLM API, and to the OpenAI-style model list. Pure; nothing is awaited.

Arguments shared by the functions: `query` = the query string's parameters (keys as documented, empty = absent);
`language` of `read_language`; `version` 2 or 3 of the path; `missing` = provider name to the setting it waits for
(`Catalog.missing_settings`). Models of such a provider are listed with a property `RequiresConfiguration` that names
the setting: the reference has no member for it, and properties are the one part it leaves open.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Literal

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from portico.server.catalog.entry import Model, Provider
from portico.server.catalog.filters import Filters, read_detail, read_filters, read_include_models
from portico.server.catalog.find import Catalog
from portico.server.catalog.language import ENGLISH_NAMES, Language, read_language
from portico.server.errors import InvalidModelName, ModelNotFound, NotFound
from portico.wire import llm as wire

__all__ = [
    "get_model",
    "get_openai_model",
    "get_provider",
    "list_models",
    "list_openai_models",
    "list_providers",
    "read_language",
]

Version = Literal[2, 3]
Pages = Mapping[str, tuple[tuple[Model, wire.Model], ...]]
_NONE_MISSING: Mapping[str, str] = {}
_INTERFACE = "openai"
_ALIAS = "alias"


def list_providers(
    catalog: Catalog,
    query: Mapping[str, str],
    language: Language,
    version: Version,
    missing: Mapping[str, str] = _NONE_MISSING,
) -> wire.ProviderList:
    """`GET /llm/providers`. Filters count with `include=models` only; a provider they empty is left out.

    Raises OutOfRange (400, id 8).
    """
    full = read_detail(query) == "Full"
    if not read_include_models(query):
        return wire.ProviderList(tuple(_provider(p, language, version, full) for p in catalog.providers))
    filters = read_filters(query)
    pages = _pages(catalog, language, version, frozenset(missing.items()))
    listed = ((p, _admitted(pages, p, filters, full)) for p in catalog.providers)
    return wire.ProviderList(
        tuple(
            replace(_provider(p, language, version, full), models=models)
            for p, models in listed
            if models or not filters.any
        )
    )


def get_provider(
    catalog: Catalog, name: str, query: Mapping[str, str], language: Language, version: Version
) -> wire.Provider:
    """`GET /llm/providers/{providerName}`. Raises NotFound, OutOfRange."""
    return _provider(catalog.find_provider(name), language, version, read_detail(query) == "Full")


def list_models(
    catalog: Catalog,
    provider_name: str,
    query: Mapping[str, str],
    language: Language,
    version: Version,
    missing: Mapping[str, str] = _NONE_MISSING,
) -> wire.ModelList:
    """`GET /llm/providers/{providerName}/models`: active models by priority and name. Raises NotFound, OutOfRange."""
    provider = catalog.find_provider(provider_name)
    pages = _pages(catalog, language, version, frozenset(missing.items()))
    return wire.ModelList(_admitted(pages, provider, read_filters(query), read_detail(query) == "Full"))


def get_model(
    catalog: Catalog,
    provider_name: str,
    name_or_id: str,
    query: Mapping[str, str],
    language: Language,
    version: Version,
    missing: Mapping[str, str] = _NONE_MISSING,
) -> wire.Model:
    """`GET /llm/providers/{providerName}/models/{modelNameOrId}`, deprecated models included.

    The reference prints a provider here while its text promises a model; a Full answer therefore carries the
    provider's `friendlyName` (v3) and `interfaceType` too. Raises NotFound, AmbiguousModelName, OutOfRange.
    """
    provider = catalog.find_provider(provider_name)
    model = catalog.find_model(provider_name, name_or_id)
    if read_detail(query) == "Summary":
        return _summary(model)
    return replace(
        _full(model, language, version, missing.get(provider.name, "")),
        friendly_name=provider.friendly_name if version == 3 else UNSET,
        interface_type=_INTERFACE,
    )


@lru_cache(maxsize=4)
def list_openai_models(catalog: Catalog, aliases: tuple[str, ...] = ()) -> wire.OpenAIModelList:
    """`GET /v1/models`: the aliases, then the active models under their full names."""
    models = (model for provider in catalog.providers for model in _active(provider))
    listed = (wire.OpenAIModel(m.full_name, m.provider.lower()) for m in models)
    return wire.OpenAIModelList((*(wire.OpenAIModel(alias, _ALIAS) for alias in aliases), *listed))


def get_openai_model(catalog: Catalog, asked: str, aliases: tuple[str, ...] = ()) -> wire.OpenAIModel:
    """`GET /v1/models/{id}`: an alias, or one active model by full name or by an unambiguous bare one.

    Raises ModelNotFound.
    """
    for alias in aliases:
        if alias.lower() == asked.lower():
            return wire.OpenAIModel(alias, _ALIAS)
    provider_name, slash, name = asked.partition("/")
    try:
        model = catalog.find_model(provider_name, name) if slash else catalog.resolve_bare(asked)
    except (InvalidModelName, NotFound):
        raise ModelNotFound(asked) from None
    if model.status != "active":
        raise ModelNotFound(asked)
    return wire.OpenAIModel(model.full_name, model.provider.lower())


def _active(provider: Provider) -> list[Model]:
    active = [m for m in provider.models if m.status == "active"]
    return sorted(active, key=lambda m: (m.priority, m.name, m.id))


@lru_cache(maxsize=16)
def _pages(catalog: Catalog, language: Language, version: Version, missing: frozenset[tuple[str, str]]) -> Pages:
    """Every active model rendered once per language and version: texts and properties never change while we run."""
    setting = dict(missing)
    return {
        p.name: tuple((m, _full(m, language, version, setting.get(p.name, ""))) for m in _active(p))
        for p in catalog.providers
    }


def _admitted(pages: Pages, provider: Provider, filters: Filters, full: bool) -> tuple[wire.Model, ...]:
    render: Callable[[Model, wire.Model], wire.Model] = (lambda _, page: page) if full else (lambda m, _: _summary(m))
    return tuple(render(model, page) for model, page in pages[provider.name] if filters.admit(model))


def _provider(provider: Provider, language: Language, version: Version, full: bool) -> wire.Provider:
    """v2 has no `friendlyName`; its `description` is the human name."""
    text = provider.friendly_name if version == 2 else _text(provider.descriptions, language)
    return wire.Provider(
        name=provider.name,
        friendly_name=provider.friendly_name if version == 3 else UNSET,
        description=text if full or version == 2 else UNSET,
        interface_type=_INTERFACE if full else UNSET,
    )


def _summary(model: Model) -> wire.Model:
    return wire.Model(id=model.id, name=model.name, full_name=model.full_name, type=model.type, priority=model.priority)


def _full(model: Model, language: Language, version: Version, missing: str) -> wire.Model:
    v3 = version == 3
    several = not v3 and len(model.descriptions) > 1
    return wire.Model(
        id=model.id,
        name=model.name,
        full_name=model.full_name,
        type=model.type,
        description=_text(model.descriptions, language),
        descriptions=_by_language_name(model) if several else UNSET,
        context_window=model.context_window,
        max_output_tokens=model.max_output,
        function_calling=model.function_calling if v3 else UNSET,
        tool_calling=model.tool_calling if v3 else UNSET,
        streaming=model.streaming if v3 else UNSET,
        multimodal=model.multimodal if v3 else UNSET,
        is_custom=model.is_custom,
        priority=model.priority,
        parameters=_parameters(model) if v3 else UNSET,
        media_capabilities=_media(model) if v3 and model.media else UNSET,
        properties=_properties(model, version, missing),
    )


def _text(texts: Mapping[str, str], language: Language) -> str:
    """The text in the language, else in English, else in whatever there is."""
    return texts.get(language) or texts.get("en") or next(iter(texts.values()), "")


def _by_language_name(model: Model) -> dict[str, str]:
    return {name: model.descriptions[code] for code, name in ENGLISH_NAMES.items() if code in model.descriptions}


def _parameters(model: Model) -> dict[str, wire.Parameter]:
    return {
        name: wire.Parameter(
            p.supported,
            UNSET if p.allowed_values is None else p.allowed_values,
            UNSET if p.range is None else p.range,
        )
        for name, p in model.parameters.items()
    }


def _media(model: Model) -> wire.MediaCapabilities:
    return msgspec.convert(model.media, wire.MediaCapabilities)


def _properties(model: Model, version: Version, missing: str) -> tuple[wire.Property, ...]:
    """v2 tells every capability here; v3 has members for most of them."""
    flags = {"SupportsToolChoice": model.tool_choice, "SupportsMultimodal": model.multimodal}
    if version == 2:
        flags = {
            "SupportsStreaming": model.streaming,
            "SupportsToolCalling": model.tool_calling,
            "SupportsFunctionCalling": model.function_calling,
            **flags,
        }
    found = [_property(model, name, "Boolean", str(value).lower()) for name, value in flags.items()]
    if missing:
        found.append(_property(model, "RequiresConfiguration", "String", missing))
    return tuple(found)


def _property(model: Model, name: str, kind: str, value: str) -> wire.Property:
    return wire.Property(str(uuid.uuid5(uuid.UUID(model.id), name)), name, kind, value)
