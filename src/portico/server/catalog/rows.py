"""Shape of the catalogue's TOML files: one file's text to a checked `ProviderFile`, every mistake to one clear line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from portico.server.catalog.entry import ModelStatus, ModelType

T = TypeVar("T")
Count = Annotated[int, Meta(ge=0)]
Name = Annotated[str, Meta(pattern=r"^[^\s\x00-\x1f\x7f]+$")]


class CatalogError(ValueError):
    """A catalogue file cannot be used; the message names file, entry and field and says what to write."""


class PriceRow(Struct, frozen=True, forbid_unknown_fields=True):
    """Micro-USD per million tokens. Without a price of their own, cached tokens cost what the others cost."""

    input: Count = 0
    cached_input: Count | None = None
    output: Count = 0


class ParameterRow(Struct, frozen=True, forbid_unknown_fields=True):
    supported: bool = True
    allowed_values: tuple[int | float, ...] | None = None
    range: tuple[int | float, int | float] | None = None


class ReasoningRow(Struct, frozen=True, forbid_unknown_fields=True):
    effort_values: tuple[str, ...] = ()
    effort_default: str = ""
    thinking_mode: Literal["none", "budget", "adaptive", "adaptive_always", "level"] = "none"
    budget_min: Count = 0
    budget_max: Count = 0
    can_disable: bool = True
    sampling: Literal["always", "when_not_thinking", "never"] = "always"
    tools_with_reasoning: Literal["chat", "responses"] = "chat"


class TextRow(Struct, frozen=True, forbid_unknown_fields=True):
    en: str = ""
    es: str = ""
    pt: str = ""
    ja: str = ""


class RequirementsRow(Struct, frozen=True, forbid_unknown_fields=True):
    size_bytes: Count = 0
    memory_bytes: Count = 0


class ModelRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model as written, or what a family of models shares. What is not written comes from the layer below."""

    name: Name | UnsetType = UNSET
    family: str | UnsetType = UNSET
    title: str | UnsetType = UNSET
    id: str | UnsetType = UNSET
    type: ModelType | UnsetType = UNSET
    descriptions: TextRow | UnsetType = UNSET
    context_window: Count | UnsetType = UNSET
    max_output: Count | UnsetType = UNSET
    priority: int | UnsetType = UNSET
    is_custom: bool | UnsetType = UNSET
    status: ModelStatus | UnsetType = UNSET
    fallback: str | UnsetType = UNSET
    streaming: bool | UnsetType = UNSET
    tool_calling: bool | UnsetType = UNSET
    function_calling: bool | UnsetType = UNSET
    tool_choice: bool | UnsetType = UNSET
    multimodal: bool | UnsetType = UNSET
    dimensions: Count | UnsetType = UNSET
    flexible_dimensions: bool | UnsetType = UNSET
    input_types: tuple[str, ...] | UnsetType = UNSET
    upstream_name: str | UnsetType = UNSET
    price: PriceRow | UnsetType = UNSET
    parameters: dict[str, ParameterRow] | UnsetType = UNSET
    formats: tuple[str, ...] | UnsetType = UNSET
    media: dict[str, dict[str, Count]] | UnsetType = UNSET
    requirements: RequirementsRow | UnsetType = UNSET
    reasoning: ReasoningRow | UnsetType = UNSET
    api: Literal["chat", "responses"] | UnsetType = UNSET
    system_role: bool | UnsetType = UNSET
    path: str | UnsetType = UNSET
    source: str | UnsetType = UNSET


class ProviderFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file: a provider, its models, and what families of them share. A later file adds to an earlier one."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    friendly_name: str | UnsetType = UNSET
    descriptions: TextRow | UnsetType = UNSET
    adapter: str | UnsetType = UNSET
    base_url: Annotated[str, Meta(pattern=r"^(https?://\S+)?$")] | UnsetType = UNSET
    aliases: tuple[Name, ...] | UnsetType = UNSET
    needs_key: bool | UnsetType = UNSET
    needs_base_url: bool | UnsetType = UNSET
    open_names: bool | UnsetType = UNSET
    source: str | UnsetType = UNSET
    price_source: str | UnsetType = UNSET
    models: tuple[ModelRow, ...] = ()
    defaults: ModelRow = ModelRow()
    families: dict[str, ModelRow] = {}
    replacements: dict[str, str] = {}


class FamilyFile(Struct, frozen=True, forbid_unknown_fields=True):
    """Families that several providers offer, by their maker."""

    source: str
    families: dict[str, ModelRow]


def read_provider(text: str, file: str) -> ProviderFile:
    """One provider file. Raises CatalogError."""
    return _read(text, file, ProviderFile)


def read_families(text: str, file: str) -> FamilyFile:
    """One file of shared families. Raises CatalogError."""
    return _read(text, file, FamilyFile)


def _read(text: str, file: str, shape: type[T]) -> T:
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise CatalogError(f"{file}: not valid TOML: {error}") from None
    try:
        return msgspec.convert(raw, shape)
    except msgspec.ValidationError as error:
        raise CatalogError(f"{file}: {_explain(str(error), raw)}") from None


def _explain(message: str, raw: Mapping[str, object]) -> str:
    """msgspec's `Expected ... - at `$.models[3].price.input`` as `model 'x', field price.input: Expected ...`."""
    what, _, path = message.partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    where = ""
    row = re.match(r"models\[(\d+)\]\.?", path)
    if row:
        where = f"model {_name_of(raw.get('models'), int(row.group(1)))}"
        path = path[row.end() :]
    elif path.startswith("families["):
        where, path = "families", path.partition("]")[2].lstrip(".")
    parts = [part for part in (where, f"field {path}" if path else "") if part]
    return ", ".join(parts) + (": " if parts else "") + what[:1].lower() + what[1:]


def _name_of(models: object, index: int) -> str:
    row = models[index] if isinstance(models, Sequence) and index < len(models) else None
    name = row.get("name") if isinstance(row, Mapping) else None
    return repr(name) if isinstance(name, str) else f"number {index + 1}"
