"""Catalogue entries made while the server runs: members of a JSON body to checked rows, rows to providers and models.

Members are written as the LLM API writes them (`contextWindow`); rows have the names of the catalogue's files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from portico.server.catalog.entry import Model, Provider
from portico.server.catalog.load import build_models, build_provider
from portico.server.catalog.rows import AliasRow, CatalogError, ModelRow, ProviderFile, convert
from portico.server.errors import BadRequest, FieldRequired, OutOfRange, PatternMismatch

T = TypeVar("T")
Row = Mapping[str, Any]
PROVIDER_MEMBERS = frozenset(
    ("name", "friendly_name", "descriptions", "adapter", "base_url", "needs_key", "open_names", "open_reasoning",
     "quirks", "source")
)  # fmt: skip
MODEL_MEMBERS = frozenset(ModelRow.__struct_fields__) - {
    "family", "id", "is_custom", "fallback", "requirements", "path", "status",
}  # fmt: skip
"""What is left out names files of this host, or makes sense only beside entries of the same file."""
TOLD = frozenset(("is_custom", "full_name", "provider", "scope", "created_at", "changed_at", "configured_by"))
"""What answers tell and requests may repeat."""
UPSTREAM_NAME = re.compile(r"[A-Za-z0-9._:/@+-]{1,256}")
LONGEST_BYTES = 64 * 1024
MOST_MODELS = 500
GREATEST = 2**53
_SYNONYMS = {"max_output_tokens": "max_output"}
_SHOWN = {"max_output": "maxOutputTokens"}
_OWN_NAMES = frozenset(("parameters", "media"))
_FILE = "entry"


def read_provider_row(members: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A provider and its models as rows, both checked. Raises FieldRequired, PatternMismatch with the field."""
    row = _to_row(members)
    listed = row.pop("models", [])
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise PatternMismatch("models", "send a list of objects")
    row = _only(row, PROVIDER_MEMBERS)
    if len(listed) > MOST_MODELS:
        raise OutOfRange("models", f"at most {MOST_MODELS} at once")
    models = [_checked_model(one, f"models[{place}].") for place, one in enumerate(listed)]
    if not row.get("base_url"):
        raise FieldRequired("baseUrl")
    own_provider(row, models)
    return row, models


def read_model_row(provider: Provider, members: Mapping[str, Any]) -> dict[str, Any]:
    """A model of this provider as a row, checked. Raises FieldRequired, PatternMismatch with the field."""
    row = _checked_model(_to_row(members), "")
    own_models(provider, [row])
    return row


def read_alias_row(members: Mapping[str, Any]) -> AliasRow:
    """Raises FieldRequired, PatternMismatch with the field."""
    return _refuse_by_field(lambda: convert(dict(members), _FILE, AliasRow))


def own_provider(row: Row, models: Iterable[Row]) -> Provider:
    """The provider that the rows describe. Raises FieldRequired, PatternMismatch."""
    whole = {**row, "models": [dict(model) for model in models]}
    made = _refuse_by_field(lambda: build_provider(convert(whole, _FILE, ProviderFile), _FILE))
    return replace(made, models=tuple(replace(model, is_custom=True) for model in made.models))


def own_models(provider: Provider, rows: Iterable[Row]) -> tuple[Model, ...]:
    """Further models of a provider. Raises FieldRequired, PatternMismatch."""
    whole = {"name": provider.name, "models": [dict(row) for row in rows]}
    made = _refuse_by_field(lambda: build_models(convert(whole, _FILE, ProviderFile), _FILE))
    return tuple(replace(model, is_custom=True) for model in made)


def show_row(row: Row) -> dict[str, Any]:
    """A row as the members of an answer."""
    shown: dict[str, Any] = _from_row(row)
    return shown


def _checked_model(row: dict[str, Any], where: str) -> dict[str, Any]:
    kept = _only(row, MODEL_MEMBERS, where)
    if not kept.get("name"):
        raise FieldRequired(f"{where}name")
    upstream = kept.get("upstream_name", "")
    if upstream and (not isinstance(upstream, str) or not UPSTREAM_NAME.fullmatch(upstream) or ".." in upstream):
        # it may become part of the path of an address
        raise PatternMismatch(f"{where}upstreamName", "write the name of the model at its provider")
    return kept


def _only(row: dict[str, Any], allowed: frozenset[str], where: str = "") -> dict[str, Any]:
    for name in row.keys() - allowed - TOLD:
        raise PatternMismatch(f"{where}{_camel(name)}", "there is no such member")
    return _bounded({name: value for name, value in row.items() if name in allowed and value is not None})


def _refuse_by_field(make: Callable[[], T]) -> T:
    """What is wrong with an entry, told as the API tells it: with the field as the caller wrote it."""
    try:
        return make()
    except CatalogError as error:
        raise _refusal(str(error).removeprefix(f"{_FILE}: ")) from None


def _refusal(text: str) -> BadRequest:
    missing = re.search(r"missing required field `(\w+)`", text)
    if missing:
        place = re.search(r"field ([\w.\[\]]+):", text)
        return FieldRequired((_camel(place.group(1)) + "." if place else "") + _camel(missing.group(1)))
    unknown = re.search(r"unknown field `(\w+)`", text)
    if unknown:
        place = re.search(r"field ([\w.\[\]]+):", text)
        return PatternMismatch(
            (_camel(place.group(1)) + "." if place else "") + _camel(unknown.group(1)), "there is no such member"
        )
    found = re.search(r"field ([\w.\[\]]+): (.*)", text, re.DOTALL)
    return PatternMismatch(_camel(found.group(1)), found.group(2)) if found else PatternMismatch("entry", text)


def _to_row(value: Any, free: bool = False) -> Any:
    """Names as files have them; without what PostgreSQL cannot keep and what an answer could not hold."""
    match value:
        case Mapping():
            named = ((str(name) if free else _snake(str(name)), part) for name, part in value.items())
            return {_to_row(name): _to_row(part, not free and name in _OWN_NAMES) for name, part in named}
        case list():
            return [_to_row(part) for part in value]
        case str():
            return value.replace("\0", "")
        case int() | float() if abs(value) > GREATEST:
            raise PatternMismatch("entry", f"a number is greater than {GREATEST}")
        case _:
            return value


def _bounded(row: dict[str, Any]) -> dict[str, Any]:
    if len(msgspec.json.encode(row)) > LONGEST_BYTES:
        raise OutOfRange("entry", f"it has more than {LONGEST_BYTES} bytes")
    return row


def _from_row(value: Any, free: bool = False) -> Any:
    if isinstance(value, Mapping):
        named = ((name, name if free else _SHOWN.get(name) or _camel(name), part) for name, part in value.items())
        return {shown: _from_row(part, not free and name in _OWN_NAMES) for name, shown, part in named}
    return [_from_row(part) for part in value] if isinstance(value, list) else value


def _snake(name: str) -> str:
    """`contextWindow`, `cacheWrite5m` to `context_window`, `cache_write_5m`."""
    made = re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Z])", "_", name).lower()
    return _SYNONYMS.get(made, made)


def _camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda found: found.group(1).upper(), name)
