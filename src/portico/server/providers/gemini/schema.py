"""JSON Schema to the subset of OpenAPI that the older fields `parameters` and `responseSchema` take (HC-07).

In: any JSON schema. Out: the reduced one, and the names of what had to be left out.
"""

from __future__ import annotations

from typing import Any

from portico.server.errors import PatternMismatch

Json = dict[str, Any]
DEEPEST = 12
"""A cycle of references is cut here; Google's own limit of nesting lies a little above."""
_KEPT = frozenset(
    {
        "title", "description", "nullable", "default", "minItems", "maxItems", "minProperties", "maxProperties",
        "minimum", "maximum", "minLength", "maxLength", "pattern", "example", "required", "propertyOrdering",
    }
)  # fmt: skip
_FORMATS = {
    "STRING": frozenset({"enum", "date-time"}),
    "NUMBER": frozenset({"float", "double"}),
    "INTEGER": frozenset({"int32", "int64"}),
}
_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object"})
_HANDLED = frozenset(
    {
        "$ref", "$defs", "definitions", "type", "enum", "const", "anyOf", "oneOf", "allOf", "items", "properties",
        "format", "prefixItems",
    }
)  # fmt: skip


def reduce_schema(schema: Json) -> tuple[Json, list[str]]:
    """The schema without what those fields refuse, and the sorted keywords that were dropped.

    Raises PatternMismatch for what is no schema.
    """
    reducer = _Reducer(schema)
    try:
        return reducer.reduce(schema, 0, ()), sorted(reducer.dropped)
    except (TypeError, AttributeError):  # values of other types than a schema has
        raise PatternMismatch("tools.function.parameters", "send a JSON schema") from None


class _Reducer:
    def __init__(self, root: Json) -> None:
        self._root = root
        self.dropped: set[str] = set()

    def reduce(self, schema: Any, depth: int, seen: tuple[str, ...]) -> Json:
        if not isinstance(schema, dict):  # true and false are schemas, too
            return {"type": "OBJECT"}
        schema, seen = self._resolve(schema, seen)
        if depth > DEEPEST:
            self.dropped.add("$ref")
            return {"type": "OBJECT"}
        schema = self._merged(schema, seen)
        out: Json = {name: value for name, value in schema.items() if name in _KEPT}
        self.dropped |= schema.keys() - _KEPT - _HANDLED
        self._add_choices(out, schema, depth, seen)
        self._add_type(out, schema)
        if "type" in out:
            self._add_members(out, schema, depth, seen)
        return out

    def _resolve(self, schema: Json, seen: tuple[str, ...]) -> tuple[Json, tuple[str, ...]]:
        """References inlined; one that leads back to itself becomes an object of any kind."""
        while isinstance(reference := schema.get("$ref"), str):
            rest = {name: value for name, value in schema.items() if name != "$ref"}
            target = self._find(reference)
            if target is None or reference in seen:
                self.dropped.add("$ref")
                return {"type": "object", **rest}, seen
            schema, seen = {**target, **rest}, (*seen, reference)
        return schema, seen

    def _find(self, reference: str) -> Json | None:
        if not reference.startswith("#"):
            return None
        found: Any = self._root
        for step in reference[1:].split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            found = found.get(step) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else None

    def _merged(self, schema: Json, seen: tuple[str, ...]) -> Json:
        parts = schema.get("allOf")
        if not isinstance(parts, list):
            return schema
        merged: Json = {name: value for name, value in schema.items() if name != "allOf"}
        for part in parts:
            if not isinstance(part, dict):
                continue
            resolved = self._merged(self._resolve(part, seen)[0], seen)
            for name, value in resolved.items():
                if name == "properties":
                    merged[name] = {**value, **merged.get(name, {})}
                elif name == "required":
                    merged[name] = list(dict.fromkeys([*merged.get(name, ()), *value]))
                else:
                    merged.setdefault(name, value)
        return merged

    def _add_choices(self, out: Json, schema: Json, depth: int, seen: tuple[str, ...]) -> None:
        choices = schema.get("anyOf") or schema.get("oneOf")
        if not isinstance(choices, list):
            return
        kept = [choice for choice in choices if not (isinstance(choice, dict) and choice.get("type") == "null")]
        if len(kept) < len(choices):
            out["nullable"] = True
        reduced = [self.reduce(choice, depth + 1, seen) for choice in kept]
        if len(reduced) == 1:
            for name, value in reduced[0].items():
                out.setdefault(name, value)
        elif reduced:
            out["anyOf"] = reduced

    def _add_type(self, out: Json, schema: Json) -> None:
        kind = schema.get("type")
        if isinstance(kind, list):
            kinds = [one for one in kind if one != "null"]
            if len(kinds) < len(kind):
                out["nullable"] = True
            if len(kinds) > 1:
                out["anyOf"] = [{"type": str(one).upper()} for one in kinds]
                return
            kind = kinds[0] if kinds else "string"
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        if isinstance(values, list) and values:
            self._add_enum(out, values, kind)
            return
        if kind is None and "anyOf" not in out and "type" not in out:
            kind = "array" if "items" in schema or "prefixItems" in schema else "object"
        if kind in _TYPES:
            out["type"] = kind.upper()

    def _add_enum(self, out: Json, values: list[Any], kind: Any) -> None:
        """Values as strings: the field takes no others."""
        if None in values:
            out["nullable"] = True
        texts = [value if isinstance(value, str) else _text(value) for value in values if value is not None]
        if kind not in (None, "string") and texts:
            self.dropped.add("enum type")
        out.update(type="STRING", format="enum", enum=texts)

    def _add_members(self, out: Json, schema: Json, depth: int, seen: tuple[str, ...]) -> None:
        kind = out["type"]
        if kind == "ARRAY" and "items" not in out:
            items = schema.get("items")
            if items is None and isinstance(schema.get("prefixItems"), list):
                self.dropped.add("prefixItems")
            out["items"] = self.reduce(items, depth + 1, seen) if isinstance(items, dict) else {"type": "STRING"}
        properties = schema.get("properties")
        if kind == "OBJECT" and isinstance(properties, dict):
            out["properties"] = {name: self.reduce(one, depth + 1, seen) for name, one in properties.items()}
            out["required"] = [name for name in out.get("required", ()) if name in properties]
        if not out.get("required"):
            out.pop("required", None)
        form = schema.get("format")
        if form is not None and "format" not in out:
            if form in _FORMATS.get(kind, ()):
                out["format"] = form
            else:
                self.dropped.add("format")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
