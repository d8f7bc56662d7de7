"""A JSON schema as Claude's structured output and strict tools take it: closed objects, no bounds on values.

Source: platform.claude.com/docs/build-with-claude/structured-outputs, "JSON Schema limitations".
"""

from __future__ import annotations

from typing import Any

_KEPT = frozenset({"$ref", "type", "enum", "const", "required", "description", "title", "default"})
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
_SEVERAL = {"anyOf": "anyOf", "oneOf": "anyOf", "allOf": "allOf"}
_NAMED = ("properties", "$defs", "definitions")
_SAYING = frozenset({"$ref", "type", "enum", "const", "properties", *_SEVERAL})
_SILENT = ("$schema", "$id", "additionalProperties", "examples")


class OpenSchema(ValueError):
    """Structured output cannot express the schema: it allows what it does not name, or it contains itself."""


def strict_schema(schema: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The schema as Claude takes it, and the names of what was moved into descriptions. Raises OpenSchema."""
    moved: list[str] = []
    try:
        made = _strict(schema, moved)
        _check_cycles(made)
    except (TypeError, RecursionError):  # values of other types than a schema has, or nested a thousand deep
        raise OpenSchema from None
    return made, sorted(set(moved))


def _strict(schema: Any, moved: list[str]) -> dict[str, Any]:
    if not isinstance(schema, dict) or _SAYING.isdisjoint(schema):
        raise OpenSchema
    made: dict[str, Any] = {}
    bounds: list[str] = []
    for key, value in schema.items():
        if key in _KEPT or (key == "format" and value in _FORMATS) or (key == "minItems" and value in (0, 1)):
            made[key] = value
        elif key in _NAMED and isinstance(value, dict):
            made[key] = {name: _strict(inner, moved) for name, inner in value.items()}
        elif key in _SEVERAL and isinstance(value, list):
            made[_SEVERAL[key]] = [_strict(inner, moved) for inner in value]
        elif key == "items":
            made[key] = _strict(value, moved)
        elif key not in _SILENT:
            bounds.append(f"{key}: {value}")
            moved.append(key[:30] if key.isidentifier() and key.isascii() else "keyword")
    if "object" in _types(schema) or "properties" in schema:
        closed = (
            schema.get("additionalProperties") is False or "properties" in made or "anyOf" in made or "allOf" in made
        )
        if schema.get("additionalProperties", False) is not False or not closed:
            raise OpenSchema
        made["additionalProperties"] = False
    if bounds:  # not enforced any more, but the model reads it
        made["description"] = "\n".join([*filter(None, [made.get("description")]), "; ".join(bounds)])
    return made


def _types(schema: dict[str, Any]) -> list[Any]:
    kind = schema.get("type")
    return kind if isinstance(kind, list) else [kind]


def _check_cycles(schema: dict[str, Any]) -> None:
    named = {f"#/{place}/{name}": inner for place in _NAMED[1:] for name, inner in schema.get(place, {}).items()}
    uses = {address: _references(inner) for address, inner in named.items()}
    uses["#"] = _references({key: value for key, value in schema.items() if key not in _NAMED[1:]})
    done: set[str] = set()

    def visit(address: str, above: frozenset[str]) -> None:
        if address in above:
            raise OpenSchema
        if address not in done:
            for used in uses.get(address, ()):
                visit(used, above | {address})
            done.add(address)

    for address in uses:
        visit(address, frozenset())


def _references(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(_references, schema))
    if not isinstance(schema, dict):
        return set()
    found = set().union(*map(_references, schema.values()))
    return found | {schema["$ref"]} if isinstance(schema.get("$ref"), str) else found
