"""Schemas of an OpenAPI document as the JSON schemas that models take: references filled in, cycles cut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from portico.server.errors import PatternMismatch

Json = dict[str, Any]
DEEPEST = 10
"""Levels of one schema; what lies below is told by its type only."""
MOST_NODES = 500
"""Of the schemas of one operation together."""
MOST_STEPS = 20
"""From one reference to the next."""
_KEPT = frozenset(
    ("type", "title", "description", "format", "enum", "const", "default", "minimum", "maximum", "exclusiveMinimum",
     "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems")
)  # fmt: skip
_LISTS = ("allOf", "anyOf", "oneOf")
_BOUNDS = (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))


class Schemas:
    """The references of one document. `place` is always where something stands in it, for refusals."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._left = 0

    def begin(self) -> None:
        """Another operation: there is room for its schemas again."""
        self._left = MOST_NODES

    def find(self, node: Any, place: str) -> Json:
        """The object, or what it refers to. Raises PatternMismatch for what is none."""
        for _ in range(MOST_STEPS):
            if not isinstance(node, dict):
                raise PatternMismatch(place, "write an object")
            if "$ref" not in node:
                return node
            node = self._point(node["$ref"], f"{place}.$ref")
        raise PatternMismatch(f"{place}.$ref", "the reference leads on and on")

    def inline(self, node: Any, place: str, depth: int = 0, above: tuple[str, ...] = ()) -> Json:
        """A JSON schema without references; one that holds itself is cut where it begins again."""
        if isinstance(node, bool):  # OpenAPI 3.1: anything
            return {}
        if isinstance(node, dict) and isinstance(node.get("$ref"), str):
            reference = node["$ref"]
            found = self.find(node, place)
            if reference in above:
                return _short(found)
            return self.inline(found, place, depth, (*above, reference))
        if not isinstance(node, dict):
            raise PatternMismatch(place, "write a schema")
        self._left -= 1
        if depth >= DEEPEST or self._left <= 0:
            return _short(node)
        return self._members(node, place, depth + 1, above)

    def _members(self, node: Json, place: str, depth: int, above: tuple[str, ...]) -> Json:
        made = {name: value for name, value in node.items() if name in _KEPT}
        _turn_bounds(made)
        properties = node.get("properties")
        if isinstance(properties, dict):
            shown = {name: one for name, one in properties.items() if not _is_read_only(one)}
            made["properties"] = {
                name: self.inline(one, f"{place}.properties.{name}", depth, above) for name, one in shown.items()
            }
            required = node.get("required")
            if isinstance(required, list):
                made["required"] = [name for name in required if name in shown]
        if "items" in node:
            made["items"] = self.inline(node["items"], f"{place}.items", depth, above)
        more = node.get("additionalProperties")
        if isinstance(more, dict):
            made["additionalProperties"] = self.inline(more, f"{place}.additionalProperties", depth, above)
        elif isinstance(more, bool):
            made["additionalProperties"] = more
        for name in _LISTS:
            if isinstance(node.get(name), list):
                parts = enumerate(node[name])
                made[name] = [self.inline(one, f"{place}.{name}[{i}]", depth, above) for i, one in parts]
        return made

    def _point(self, reference: Any, place: str) -> Any:
        """What `#/components/...` names. Nothing is fetched for a document."""
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise PatternMismatch(place, "a reference is a text that begins with #/: put all into one document")
        found: Any = self._document
        for step in reference[2:].split("/"):
            name = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and name in found:
                found = found[name]
            else:
                raise PatternMismatch(place, f"the document has no {reference}")
        return found


def _short(node: Json) -> Json:
    kind = node.get("type")
    return {"type": kind if isinstance(kind, str | list) else "object"}


def _is_read_only(node: Any) -> bool:
    return isinstance(node, dict) and node.get("readOnly") is True


def _turn_bounds(made: Json) -> None:
    """OpenAPI 3.0 says `exclusiveMinimum: true` beside a minimum, JSON schema says the number itself."""
    for bound, exclusive in _BOUNDS:
        said = made.get(exclusive)
        if isinstance(said, bool):
            del made[exclusive]
            if said and bound in made:
                made[exclusive] = made.pop(bound)
