"""Parameters and body of an operation, each with the argument of the function that it comes from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from portico.server.assistants.api.schemas import Json, Schemas
from portico.server.errors import PatternMismatch

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PLACES = ("path", "query", "header")
OWN_HEADERS = frozenset(
    ("accept", "accept-encoding", "authorization", "connection", "content-encoding", "content-length", "content-type",
     "cookie", "expect", "host", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade", "user-agent")
)  # fmt: skip
"""Headers that no argument of a model sets."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_STYLES = {"path": "simple", "query": "form", "header": "simple"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """`where` is one of PLACES; `style` and `explode` say how lists and objects are written, `as_json`: as JSON."""

    argument: str
    name: str
    where: str
    required: bool
    style: str
    explode: bool
    as_json: bool
    schema: Json


@dataclass(frozen=True, slots=True)
class Body:
    """`media_type` is empty when it is none that can be sent from here."""

    argument: str
    media_type: str
    required: bool
    schema: Json


def read_parameters(path: str, shared: Json, said: Json, place: str, schemas: Schemas) -> tuple[Parameter, ...] | None:
    """Those of the path and those of the operation, which win; None when one that is needed is a cookie."""
    nodes: dict[tuple[str, str], tuple[Json, str]] = {}
    for holder, where in ((shared, place.rpartition(".")[0]), (said, place)):
        listed = holder.get("parameters")
        if listed is not None and not isinstance(listed, list):
            raise PatternMismatch(f"{where}.parameters", "write an array")
        for number, one in enumerate(listed or ()):
            here = f"{where}.parameters[{number}]"
            node = schemas.find(one, here)
            if not isinstance(node.get("name"), str) or not isinstance(node.get("in"), str):
                raise PatternMismatch(here, "a parameter has a name and a place, `in`")
            nodes[node["in"], node["name"]] = node, here
    for name in re.findall(r"\{([^{}]+)\}", path):
        nodes.setdefault(("path", name), ({"name": name, "in": "path", "schema": {"type": "string"}}, place))
    if any(where == "cookie" and node.get("required") is True for (where, _), (node, _) in nodes.items()):
        return None
    made: dict[str, Parameter] = {}
    for node, here in nodes.values():
        if _is_ours(node, here, path):
            argument = _argument(node["name"], node["in"], made)
            made[argument] = _read_parameter(node, here, argument, schemas)
    return tuple(made.values())


def _is_ours(node: Json, place: str, path: str) -> bool:
    where, name = node["in"], node["name"]
    if where == "header":
        if not _TOKEN.fullmatch(name):
            raise PatternMismatch(f"{place}.name", "this is no name of a header")
        return name.lower() not in OWN_HEADERS
    return where == "query" or (where == "path" and f"{{{name}}}" in path)


def _read_parameter(node: Json, place: str, argument: str, schemas: Schemas) -> Parameter:
    where, content = node["in"], node.get("content")
    schema, as_json = node.get("schema", {}), False
    if isinstance(content, dict) and content:
        media_type, media = next(iter(content.items()))
        schema, as_json = (media.get("schema", {}) if isinstance(media, dict) else {}), _is_json(media_type)
    made = schemas.inline(schema, f"{place}.schema")
    description = node.get("description")
    if isinstance(description, str) and description.strip():
        made = {**made, "description": description.strip()[:500]}
    style = node.get("style") if isinstance(node.get("style"), str) else _STYLES[where]
    explode = node.get("explode", style == "form") is True
    required = where == "path" or node.get("required") is True
    return Parameter(argument, node["name"], where, required, str(style), explode, as_json, made)


def read_body(node: Any, place: str, parameters: Sequence[Parameter], schemas: Schemas) -> Body | None:
    """JSON, or else a form. A body of another kind is None when it may be left out."""
    if node is None:
        return None
    said = schemas.find(node, place)
    content = said.get("content")
    if not isinstance(content, dict) or not content:
        raise PatternMismatch(f"{place}.content", "name the media type of the body, such as application/json")
    required = said.get("required") is True
    chosen = next((one for one in content if _is_json(one)), None) or next(
        (one for one in content if _plain(one) == FORM), None
    )
    if chosen is None:
        return Body("", "", True, {}) if required else None
    media = content[chosen]
    if not isinstance(media, dict):
        raise PatternMismatch(f"{place}.content.{chosen}", "write an object")
    schema = schemas.inline(media.get("schema", {}), f"{place}.content.{chosen}.schema")
    argument = _argument("body", "request", {one.argument: one for one in parameters})
    sent = JSON if chosen in ("*/*", "application/*") else _plain(chosen)
    return Body(argument, sent, required, schema)


def _plain(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()


def _is_json(media_type: str) -> bool:
    plain = _plain(media_type)
    return plain in (JSON, "*/*", "application/*") or bool(re.fullmatch(r"application/[\w.-]+\+json", plain))


def _argument(name: str, where: str, taken: dict[str, Parameter]) -> str:
    """The name of the argument: letters that every provider takes, and no two are the same."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:60] or where
    found, number = plain, 1
    while found in taken:
        found = f"{plain}_{where}" if number == 1 else f"{plain}_{where}_{number}"[:64]
        number += 1
    return found
