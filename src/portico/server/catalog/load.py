"""TOML files to a `Catalog`: the shipped `data/*.toml` and `families/*.toml`, then the operator's own files over them.

A model's values come from, last wins: the file's `defaults`, its family, the shipped row, the operator's row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial, reduce
from importlib.resources import files
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import UUID

from msgspec import UNSET, UnsetType
from msgspec.structs import astuple, replace

from portico.server.catalog.build import build_model, build_quirks, build_reasoning, own_descriptions, texts_of
from portico.server.catalog.entry import Model, Option, Provider
from portico.server.catalog.find import Catalog, model_id
from portico.server.catalog.rows import (
    AliasRow,
    CatalogError,
    ModelRow,
    ProviderFile,
    read_aliases,
    read_families,
    read_provider,
)

S = TypeVar("S", ModelRow, ProviderFile)
_NOTHING = ModelRow()


class Folder(Protocol):
    """A folder of a package or of the disk."""

    def iterdir(self) -> Iterable[Readable]: ...


class Readable(Protocol):
    @property
    def name(self) -> str: ...

    def read_text(self, encoding: str) -> str: ...


@dataclass(slots=True)
class _Draft:
    """What the files read so far say of one provider."""

    head: ProviderFile
    file: str
    families: dict[str, ModelRow] = field(default_factory=dict)
    replacements: dict[str, str] = field(default_factory=dict)
    rows: dict[str, _Entry] = field(default_factory=dict)


@dataclass(slots=True)
class _Entry:
    row: ModelRow
    file: str
    own: bool


def load_catalog(own_dir: Path | None = None) -> Catalog:
    """All shipped entries and those of `own_dir`, which need not exist. Raises CatalogError on the first mistake."""
    package = files("portico.server.catalog")
    families: dict[str, ModelRow] = {}
    for name, text in _toml(package / "families"):
        families.update(read_families(text, name).families)
    drafts: dict[str, _Draft] = {}
    for name, text in _toml(package / "data"):
        _add(drafts, read_provider(text, name), name, own=False)
    if own_dir is not None and own_dir.exists():
        for name, text in _toml(own_dir):
            if read_aliases(text, name) is None:
                _add(drafts, read_provider(text, name), name, own=True)
    providers = [_provider(draft, families) for draft in drafts.values()]
    _check_names(providers, drafts)
    _check_fallbacks(providers, drafts)
    return Catalog(providers)


def load_aliases(own_dir: Path) -> dict[str, AliasRow]:
    """The aliases of the operator's folder, by name in lower case. Raises CatalogError."""
    found: dict[str, AliasRow] = {}
    for file, text in _toml(own_dir) if own_dir.exists() else ():
        for row in read_aliases(text, file) or ():
            if found.setdefault(row.name.lower(), row) is not row:
                raise CatalogError(f"{file}: alias {row.name!r} stands twice")
    return found


def build_provider(read: ProviderFile, file: str) -> Provider:
    """A provider that one file's worth of rows describes whole. Raises CatalogError."""
    draft = _draft(read, file)
    return _provider(draft, {})


def build_models(read: ProviderFile, file: str) -> tuple[Model, ...]:
    """Models for a provider that is described elsewhere. Raises CatalogError."""
    draft = _draft(read, file)
    return tuple(_model(draft, entry, {}) for entry in draft.rows.values())


def _draft(read: ProviderFile, file: str) -> _Draft:
    drafts: dict[str, _Draft] = {}
    _add(drafts, read, file, own=True)
    return drafts[read.name.lower()]


def _toml(folder: Folder) -> Iterator[tuple[str, str]]:
    """Name and text of the folder's TOML files, by name."""
    try:
        found = sorted(folder.iterdir(), key=lambda f: f.name)
    except OSError as error:
        raise CatalogError(f"the folder of catalogue files cannot be read: {error}") from None
    for file in found:
        if file.name.endswith(".toml") and not file.name.startswith("."):
            try:
                yield file.name, file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise CatalogError(f"{file.name}: cannot be read: {error}") from None


def _over(low: S, high: S) -> S:
    """`low` with everything that `high` says."""
    values = (
        low_value if value is UNSET else value for low_value, value in zip(astuple(low), astuple(high), strict=True)
    )
    return type(low)(**dict(zip(low.__struct_fields__, values, strict=True)))


def _add(drafts: dict[str, _Draft], read: ProviderFile, file: str, *, own: bool) -> None:
    draft = drafts.get(read.name.lower())
    if draft is None:
        draft = drafts[read.name.lower()] = _Draft(read, file)
    else:
        kept = replace(read, name=draft.head.name, defaults=_over(draft.head.defaults, read.defaults))
        draft.head, draft.file = _over(draft.head, kept), file
    draft.families.update(read.families)
    draft.replacements.update(read.replacements)
    seen: set[str] = set()
    for row in read.models:
        if row.name is UNSET:
            raise CatalogError(f"{file}: a model without field name: write the name that goes into `model`")
        key = _id_of(draft.head.name, row, file)
        if key in seen:
            raise CatalogError(
                f"{file}: model {row.name!r} stands twice: give the second one an `id` (a GUID) of its own"
            )
        seen.add(key)
        if own and row.price is not UNSET and row.source is UNSET:
            row = replace(row, source=f"{file} of this server")
        entry = draft.rows.get(key)
        row = replace(row, id=key)
        draft.rows[key] = _Entry(_over(entry.row, row), file, entry.own) if entry else _Entry(row, file, own)


def _id_of(provider: str, row: ModelRow, file: str) -> str:
    """The row's GUID as written, else the one made of the names."""
    if row.id is UNSET:
        return model_id(provider, str(row.name))
    try:
        return str(UUID(row.id))
    except ValueError:
        raise CatalogError(f"{file}: model {row.name!r}, field id: {row.id!r} is not a GUID") from None


def _provider(draft: _Draft, shared: Mapping[str, ModelRow]) -> Provider:
    head = draft.head
    fail = partial(_fail, draft.file)
    adapter = _or(head.adapter, "openai")
    base_url = _or(head.base_url, "").rstrip("/")
    needs_base_url = _or(head.needs_base_url, False)
    if adapter == "openai" and not base_url and not needs_base_url:
        raise fail("field base_url: write the address of the server, such as http://127.0.0.1:8000/v1")
    models = tuple(_model(draft, entry, shared) for entry in draft.rows.values())
    names = {m.name for m in models}
    for old, new in draft.replacements.items():
        if new not in names:
            raise fail(f"field replacements.{old}: the provider has no model {new!r}")
    try:
        open_reasoning = build_reasoning(head.open_reasoning)
    except ValueError as error:
        raise fail(str(error).replace("reasoning", "open_reasoning", 1)) from None
    return Provider(
        name=head.name,
        friendly_name=_or(head.friendly_name, head.name),
        descriptions=texts_of([head.descriptions]) or own_descriptions(),
        adapter=adapter,
        base_url=base_url,
        aliases=_or(head.aliases, ()),
        needs_key=_or(head.needs_key, True),
        key_options=_or(head.key_options, ()),
        needs_base_url=needs_base_url,
        open_names=_or(head.open_names, False),
        open_reasoning=open_reasoning,
        options=tuple(Option(o.name, o.default, o.help) for o in _or(head.options, ())),
        quirks=build_quirks(head.quirks),
        replacements=draft.replacements,
        models=_checked(models, draft),
        source=_or(head.source, ""),
    )


def _model(draft: _Draft, entry: _Entry, shared: Mapping[str, ModelRow]) -> Model:
    fail = partial(_fail, entry.file, entry.row.name)
    layers = [] if draft.head.defaults == _NOTHING else [draft.head.defaults]
    family = entry.row.family
    if family is not UNSET:
        if family not in draft.families and family not in shared:
            raise fail(f"field family: no family {family!r}")
        layers.append(draft.families.get(family) or shared[family])
    layers.append(entry.row)
    merged = reduce(_over, layers)
    if entry.own and merged.is_custom is UNSET:
        merged = replace(merged, is_custom=True)
    try:
        return build_model(draft.head, merged, texts_of([layer.descriptions for layer in reversed(layers)]))
    except ValueError as error:
        raise fail(str(error)) from None


def _checked(models: tuple[Model, ...], draft: _Draft) -> tuple[Model, ...]:
    """The models, when each fallback leads to a model that is served and no chain of them runs in a circle."""
    by_name = {m.name: m for m in models}
    for model in models:
        seen, at = {model.name}, model
        while at.fallback:
            after = by_name.get(at.fallback)
            if after is None or after.name in seen:
                why = "leads back to itself" if after else f"the provider has no model {at.fallback!r}"
                raise _fail(draft.rows[model.id].file, model.name, f"field fallback: {why}")
            seen.add(after.name)
            at = after
    return models


def _check_names(providers: Iterable[Provider], drafts: Mapping[str, _Draft]) -> None:
    taken: dict[str, str] = {}
    for provider in providers:
        for name in (provider.name, *provider.aliases):
            other = taken.setdefault(name.lower(), provider.name)
            if other != provider.name:
                file = drafts[provider.name.lower()].file
                raise CatalogError(f"{file}: field name or aliases: {name!r} already stands for provider {other!r}")


def _check_fallbacks(providers: Iterable[Provider], drafts: Mapping[str, _Draft]) -> None:
    """Whatever a model names as its fallbacks is a provider of the catalogue, and a model of it unless it takes any."""
    shelves = {name.lower(): p for p in providers for name in (p.name, *p.aliases)}
    for provider in shelves.values():
        for model in provider.models:
            for full_name in model.fallbacks:
                owner, _, name = full_name.partition("/")
                found = shelves.get(owner.lower())
                listed = [m.type for m in found.models if m.name == name] if found is not None else []
                if found is None or (model.type not in listed if listed else not found.open_names):
                    file = drafts[provider.name.lower()].rows[model.id].file
                    raise _fail(
                        file, model.name, f"field fallbacks: the catalogue has no {model.type} model {full_name!r}"
                    )


def _fail(file: str, *rest: str | UnsetType) -> CatalogError:
    """`acme.toml: model 'x', field y: ...`; without a model name `acme.toml: field y: ...`."""
    *name, text = rest
    where = f"model {name[0]!r}, " if name else ""
    return CatalogError(f"{file}: {where}{text}")


V = TypeVar("V")


def _or(value: V | UnsetType, default: V) -> V:
    return default if isinstance(value, UnsetType) else value
