"""Shape of the catalogue's TOML files: one file's text to a checked `ProviderFile`, every mistake to one clear line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from portico.server.catalog.entry import ModelStatus, ModelType, Sampling, ThinkingMode, UnitName

T = TypeVar("T")
Count = Annotated[int, Meta(ge=0)]
ALIAS_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._:-]*)?$"
EffortName = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
Name = Annotated[str, Meta(pattern=r"^[^\s\x00-\x1f\x7f]+$")]
FullName = Annotated[str, Meta(pattern=r"^[^\s\x00-\x1f\x7f/]+/[^\s\x00-\x1f\x7f]+$")]


class CatalogError(ValueError):
    """A catalogue file cannot be used; the message names file, entry and field and says what to write."""


class PriceRow(Struct, frozen=True, forbid_unknown_fields=True):
    """Micro-USD per million tokens, as far as written; see `Price`. Above `above_tokens` of a prompt the second price
    counts, and what was written for cached tokens and cache writes grows as the input's does."""

    input: Count = 0
    cached_input: Count | None = None
    output: Count = 0
    cache_write_5m: Count | None = None
    cache_write_1h: Count | None = None
    audio_input: Count | None = None
    audio_output: Count | None = None
    image: Count = 0
    unit: Count = 0
    unit_of: UnitName = ""
    above_tokens: Count = 0
    input_above: Count = 0
    output_above: Count = 0


class ParameterRow(Struct, frozen=True, forbid_unknown_fields=True):
    supported: bool = True
    allowed_values: tuple[int | float, ...] | None = None
    range: tuple[int | float, int | float] | None = None


class ReasoningRow(Struct, frozen=True, forbid_unknown_fields=True):
    effort_values: tuple[EffortName, ...] = ()
    effort_default: EffortName | Literal[""] = ""
    thinking_mode: ThinkingMode = "none"
    budget_min: Count = 0
    budget_max: Count = 0
    dynamic_budget: bool = False
    can_disable: bool = True
    sampling: Sampling = "always"
    tools_with_reasoning: Literal["chat", "responses"] = "chat"


class TextRow(Struct, frozen=True, forbid_unknown_fields=True):
    en: str = ""
    es: str = ""
    pt: str = ""
    ja: str = ""


class RequirementsRow(Struct, frozen=True, forbid_unknown_fields=True):
    size_bytes: Count = 0
    memory_bytes: Count = 0


class OptionRow(Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$")]
    default: str = ""
    help: str = ""


class QuirksRow(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where a provider leaves the OpenAI protocol. The fields, their values and defaults: `Quirks` of the adapters."""

    max_tokens_member: Literal["", "max_tokens", "max_completion_tokens"] = ""
    drops: tuple[str, ...] = ()
    stream_usage: Literal["stream_options", "always", "none"] = "stream_options"
    effort_member: str = "reasoning_effort"
    thinking_style: Literal["", "type", "enable_thinking", "reasoning", "template"] = ""


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
    structured_output: bool | UnsetType = UNSET
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
    fallbacks: tuple[FullName, ...] | UnsetType = UNSET
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
    key_options: tuple[Annotated[tuple[str, ...], Meta(min_length=1)], ...] | UnsetType = UNSET
    needs_base_url: bool | UnsetType = UNSET
    open_names: bool | UnsetType = UNSET
    open_reasoning: ReasoningRow | UnsetType = UNSET
    options: tuple[OptionRow, ...] | UnsetType = UNSET
    quirks: QuirksRow | UnsetType = UNSET
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


class AliasTargetRow(Struct, frozen=True, forbid_unknown_fields=True):
    model: Name
    weight: Annotated[int, Meta(ge=1, le=1_000)] = 1
    tier: Annotated[int, Meta(ge=0, le=15)] = 0


class AliasRow(Struct, frozen=True, forbid_unknown_fields=True):
    """A model name of a team's own, and what answers to it."""

    name: Annotated[str, Meta(pattern=ALIAS_NAME, max_length=128)]
    targets: Annotated[tuple[Name | AliasTargetRow, ...], Meta(min_length=1, max_length=16)]
    strategy: Literal["weighted", "least_busy"] = "weighted"


class AliasFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of aliases only: it names no provider."""

    aliases: tuple[AliasRow, ...]


def read_provider(text: str, file: str) -> ProviderFile:
    """One provider file. Raises CatalogError."""
    return _read(text, file, ProviderFile)


def read_aliases(text: str, file: str) -> tuple[AliasRow, ...] | None:
    """The aliases of a file that holds nothing else; None for any other file. Raises CatalogError."""
    raw = _parse(text, file)
    rows = raw.get("aliases")
    if "name" in raw or not (isinstance(rows, list) and rows and isinstance(rows[0], dict)):
        return None
    return convert(raw, file, AliasFile).aliases


def read_families(text: str, file: str) -> FamilyFile:
    """One file of shared families. Raises CatalogError."""
    return _read(text, file, FamilyFile)


def _read(text: str, file: str, shape: type[T]) -> T:
    return convert(_parse(text, file), file, shape)


def _parse(text: str, file: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise CatalogError(f"{file}: not valid TOML: {error}") from None


def convert(raw: Mapping[str, object], file: str, shape: type[T]) -> T:
    """What was parsed, as one of these shapes. Raises CatalogError naming entry and field."""
    try:
        return msgspec.convert(raw, shape)
    except msgspec.ValidationError as error:
        raise CatalogError(f"{file}: {_explain(str(error), raw)}") from None


def _explain(message: str, raw: Mapping[str, object]) -> str:
    """msgspec's `Expected ... - at `$.models[3].price.input`` as `model 'x', field price.input: Expected ...`."""
    what, _, path = message.partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    where = ""
    row = re.match(r"(models|aliases)\[(\d+)\]\.?", path)
    if row:
        noun = {"models": "model", "aliases": "alias"}[row.group(1)]
        where = f"{noun} {_name_of(raw.get(row.group(1)), int(row.group(2)))}"
        path = path[row.end() :]
    elif path.startswith("families["):
        where, path = "families", path.partition("]")[2].lstrip(".")
    parts = [part for part in (where, f"field {path}" if path else "") if part]
    return ", ".join(parts) + (": " if parts else "") + what[:1].lower() + what[1:]


def _name_of(models: object, index: int) -> str:
    row = models[index] if isinstance(models, Sequence) and index < len(models) else None
    name = row.get("name") if isinstance(row, Mapping) else None
    return repr(name) if isinstance(name, str) else f"number {index + 1}"
