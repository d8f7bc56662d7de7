"""A merged row of a catalogue file to the `Model` that travels: defaults, descriptions, prices, media."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from msgspec import UNSET, UnsetType, to_builtins

from portico.server.catalog.entry import Model, ModelStatus, Parameter, Price, Reasoning
from portico.server.catalog.media import Media, media_of
from portico.server.catalog.rows import (
    ModelRow,
    ParameterRow,
    PriceRow,
    ProviderFile,
    QuirksRow,
    ReasoningRow,
    TextRow,
)

LANGUAGES = ("en", "es", "pt", "ja")
_OWN = {
    "en": "Added by the operator of this server.",
    "es": "Añadido por el operador de este servidor.",
    "pt": "Adicionado pelo operador deste servidor.",
    "ja": "このサーバーの運用者が追加したものです。",
}
_REPLACED = {
    "en": "{text} Deprecated: requests are answered by {fallback}.",
    "es": "{text} Obsoleto: las solicitudes las atiende {fallback}.",
    "pt": "{text} Obsoleto: as solicitações são atendidas por {fallback}.",
    "ja": "{text}廃止済みのため、リクエストには {fallback} が応答します。",
}
_RETIRED = {
    "en": "{text} Deprecated and without a replacement: requests are refused.",
    "es": "{text} Obsoleto y sin sustituto: las solicitudes se rechazan.",
    "pt": "{text} Obsoleto e sem substituto: as solicitações são recusadas.",
    "ja": "{text}廃止済みで代替モデルがないため、リクエストは拒否されます。",
}
T = TypeVar("T")


def own_descriptions() -> Mapping[str, str]:
    """What an entry of the operator says of itself when he wrote nothing."""
    return _OWN


def texts_of(rows: Sequence[TextRow | UnsetType]) -> dict[str, str]:
    """Each language's text from the first row that has one; languages without a text are absent."""
    said = [row for row in rows if not isinstance(row, UnsetType)]
    found = {language: next((t for r in said if (t := getattr(r, language))), "") for language in LANGUAGES}
    return {language: text for language, text in found.items() if text}


def build_model(provider: ProviderFile, row: ModelRow, texts: Mapping[str, str]) -> Model:
    """One model of `provider`. Raises ValueError that names the field and says what to write."""
    if row.type is UNSET:
        raise ValueError("field type: write one of Chat, Embedding, Image, Rerank, Audio, Video")
    fallback = _or(row.fallback, "")
    implied: ModelStatus = "deprecated" if fallback else "active"
    status = _or(row.status, implied)
    if fallback and status != "deprecated":
        raise ValueError('field fallback: only a deprecated model has one; write "" to take it away')
    media = media_of(_or(row.formats, ()), _or(row.media, {}))
    tools = _or(row.function_calling, _or(row.tool_calling, False))
    name = str(row.name)
    described = {k: v.replace("{title}", _or(row.title, name)) for k, v in (texts or _OWN).items()}
    return Model(
        id=str(row.id),
        provider=provider.name,
        name=name,
        type=row.type,
        descriptions=_with_status(described, status == "deprecated", fallback),
        context_window=_or(row.context_window, 0),
        max_output=_or(row.max_output, 0),
        priority=_or(row.priority, 100),
        is_custom=_or(row.is_custom, False),
        status=status,
        fallback=fallback,
        streaming=_or(row.streaming, row.type == "Chat"),
        tool_calling=_or(row.tool_calling, tools),
        function_calling=tools,
        tool_choice=_or(row.tool_choice, tools),
        structured_output=_or(row.structured_output, True),
        multimodal=_or(row.multimodal, _is_multimodal(media)),
        dimensions=_or(row.dimensions, 0),
        flexible_dimensions=_or(row.flexible_dimensions, False),
        input_types=_or(row.input_types, ()),
        upstream_name=_or(row.upstream_name, ""),
        price=_price(row),
        parameters={key: _parameter(value) for key, value in _or(row.parameters, {}).items()},
        media=media,
        requirements=_requirements(row),
        source=_source(provider, row),
        reasoning=build_reasoning(row.reasoning),
        api=_or(row.api, "chat"),
        system_role=_or(row.system_role, True),
        path=_path(_or(row.path, "")),
        fallbacks=_or(row.fallbacks, ()),
    )


def _with_status(texts: Mapping[str, str], deprecated: bool, fallback: str) -> dict[str, str]:
    if not deprecated:
        return dict(texts)
    notes = _REPLACED if fallback else _RETIRED
    return {language: notes[language].format(text=text, fallback=fallback) for language, text in texts.items()}


def _is_multimodal(media: Media) -> bool:
    return any(kind != "file" for kind in media)


def _parameter(row: ParameterRow) -> Parameter:
    """The reference prints `allowedValues` and `range` together, the one that says nothing empty."""
    if row.allowed_values is None and row.range is None:
        return Parameter(row.supported)
    return Parameter(row.supported, row.allowed_values or (), row.range or ())


def _price(row: ModelRow) -> Price:
    """Every kind of token gets its price here, so that nobody has to guess later."""
    written = row.price
    if isinstance(written, UnsetType):
        return Price()
    if written.unit and not written.unit_of:
        raise ValueError("field price.unit_of: write what `unit` is the price of: search, character, second or page")
    price = _tier(written, written.input, written.output)
    if not written.above_tokens:
        return price
    if not (written.input and written.input_above and written.output_above):
        raise ValueError("field price.above_tokens: write input, input_above and output_above with it")
    return replace(
        price, above_tokens=written.above_tokens, above=_tier(written, written.input_above, written.output_above)
    )


def _tier(written: PriceRow, plain_in: int, plain_out: int) -> Price:
    """Prices for one size of prompt: those of cached tokens and cache writes keep their relation to plain input."""

    def scaled(value: int | None) -> int | None:
        return value if value is None or plain_in == written.input else value * plain_in // written.input

    write_5m = _else(scaled(written.cache_write_5m), plain_in)
    return Price(
        input=plain_in,
        cached_input=_else(scaled(written.cached_input), plain_in),
        output=plain_out,
        cache_write_5m=write_5m,
        cache_write_1h=_else(scaled(written.cache_write_1h), write_5m),
        audio_input=_else(written.audio_input, plain_in),
        audio_output=_else(written.audio_output, plain_out),
        image=written.image,
        unit=written.unit,
        unit_of=written.unit_of,
    )


def _else(value: int | None, default: int) -> int:
    return default if value is None else value


def _requirements(row: ModelRow) -> dict[str, int]:
    if isinstance(row.requirements, UnsetType):
        return {}
    return {"size_bytes": row.requirements.size_bytes, "memory_bytes": row.requirements.memory_bytes}


def build_reasoning(row: ReasoningRow | UnsetType) -> Reasoning:
    """Raises ValueError for a row that contradicts itself."""
    if isinstance(row, UnsetType):
        return Reasoning()
    if row.thinking_mode == "budget" and not 0 <= row.budget_min < row.budget_max:
        raise ValueError("field reasoning.budget_max: write the least and the greatest budget in tokens")
    if "none" in row.effort_values and not row.can_disable:
        raise ValueError("field reasoning.can_disable: contradicts the value none in effort_values")
    return Reasoning(**{name: getattr(row, name) for name in row.__struct_fields__})


def build_quirks(row: QuirksRow | UnsetType) -> Mapping[str, str | tuple[str, ...]]:
    """What was written other than the defaults; nothing can change it."""
    return MappingProxyType({} if isinstance(row, UnsetType) else _frozen(to_builtins(row)))


def _frozen(values: Mapping[str, Any]) -> dict[str, str | tuple[str, ...]]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _source(provider: ProviderFile, row: ModelRow) -> str:
    if row.source is not UNSET:
        return row.source
    listed, priced = _or(provider.source, ""), _or(provider.price_source, "")
    return f"{listed}; price: {priced}" if priced and row.price is not UNSET else listed


def _path(written: str) -> str:
    path = Path(written).expanduser()
    if written and not (path.is_absolute() and path.suffix == ".gguf"):
        raise ValueError(f"field path: {written!r} is not the absolute path of a .gguf file")
    return str(path) if written else ""


def _or(value: T | UnsetType, default: T) -> T:
    return default if isinstance(value, UnsetType) else value
