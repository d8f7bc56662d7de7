"""An OpenAPI document (3.0 and later) becomes operations, and each of them a function that a model can call.

Sources: OpenAPI Specification 3.0.4 and 3.1.1, "Paths Object" to "Schema Object"; nothing is fetched for a document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from portico.server.assistants.api.parameters import Body, Parameter, read_body, read_parameters
from portico.server.assistants.api.schemas import Json, Schemas
from portico.server.assistants.api.servers import Server, read_servers
from portico.server.errors import FieldRequired, OutOfRange, PatternMismatch

ROOT = "openApi"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
CALLED = ("get", "put", "post", "delete", "head", "patch", "options")
MOST_OPERATIONS = 128
LONGEST_TOOLS = 500_000
"""Bytes of all functions as JSON: they are sent with each call of the model."""
_LONGEST_NAME = 64
_LONGEST_DESCRIPTION = 1_000


@dataclass(frozen=True, slots=True)
class Operation:
    """`function` is its name for models, `server` an address without a slash at its end, `schema` of its arguments."""

    function: str
    description: str
    method: str
    server: str
    path: str
    parameters: tuple[Parameter, ...]
    body: Body | None
    schema: Json


@dataclass(frozen=True, slots=True)
class Api:
    """A document that has been read. `tools` is the JSON array of its functions in the form of the Chat API."""

    operations: Mapping[str, Operation]
    servers: tuple[Server, ...]
    tools: msgspec.Raw


@lru_cache(maxsize=128)
def read_text(text: str) -> Api:
    """The same for a document that has been stored as JSON text; the last ones are kept."""
    return read_api(msgspec.json.decode(text))


def read_api(document: Any) -> Api:
    """Raises PatternMismatch, FieldRequired and OutOfRange with the place in the document."""
    if not isinstance(document, dict):
        raise PatternMismatch(ROOT, "send the document as a JSON object")
    version = document.get("openapi")
    if not isinstance(version, str) or not re.match(r"3\.\d", version):
        raise PatternMismatch(f"{ROOT}.openapi", "send an OpenAPI document of version 3.0 or later")
    schemas = Schemas(document)
    servers = read_servers(document.get("servers"), f"{ROOT}.servers")
    found = list(_list_operations(document, schemas))
    if not found:
        raise PatternMismatch(f"{ROOT}.paths", "the document has no operation")
    if len(found) > MOST_OPERATIONS:
        raise OutOfRange(f"{ROOT}.paths", f"at most {MOST_OPERATIONS} operations, here are {len(found)}")
    operations: dict[str, Operation] = {}
    for one in found:
        operation = _maybe_operation(one, servers, schemas, operations)
        if operation is not None:
            operations[operation.function] = operation
    if not operations:
        raise PatternMismatch(f"{ROOT}.paths", "no operation takes JSON, a form or parameters alone")
    tools = msgspec.json.encode([_tool(operation) for operation in operations.values()])
    if len(tools) > LONGEST_TOOLS:
        raise OutOfRange(ROOT, f"at most {LONGEST_TOOLS} bytes of operations with their schemas")
    used = dict.fromkeys((*servers, *(one for each in found for one in each.servers)))
    return Api(operations, tuple(used), msgspec.Raw(tools))


@dataclass(frozen=True, slots=True)
class _Found:
    """An operation as it stands in the document, `shared` being the path around it."""

    path: str
    method: str
    shared: Json
    said: Json
    place: str

    @property
    def servers(self) -> tuple[Server, ...]:
        own = read_servers(self.said.get("servers"), f"{self.place}.servers")
        return own or read_servers(self.shared.get("servers"), f"{ROOT}.paths.{self.path}.servers")


def _list_operations(document: Json, schemas: Schemas) -> Iterator[_Found]:
    paths = document.get("paths")
    if not isinstance(paths, dict):
        raise FieldRequired(f"{ROOT}.paths")
    for path, node in paths.items():
        if path.startswith("x-"):
            continue
        if not path.startswith("/"):
            raise PatternMismatch(f"{ROOT}.paths.{path}", "a path begins with a slash")
        shared = schemas.find(node, f"{ROOT}.paths.{path}")
        for method in METHODS:
            if method in shared:
                place = f"{ROOT}.paths.{path}.{method}"
                if not isinstance(shared[method], dict):
                    raise PatternMismatch(place, "write an object")
                yield _Found(path, method, shared, shared[method], place)


def _maybe_operation(
    found: _Found, servers: tuple[Server, ...], schemas: Schemas, taken: Mapping[str, Operation]
) -> Operation | None:
    """None for one that cannot be called from here: of the method TRACE, or with a body that is no JSON and no form."""
    if found.method not in CALLED:
        return None
    schemas.begin()
    here = found.servers or servers
    if not here:
        raise FieldRequired(f"{ROOT}.servers")
    parameters = read_parameters(found.path, found.shared, found.said, found.place, schemas)
    body = read_body(found.said.get("requestBody"), f"{found.place}.requestBody", parameters or (), schemas)
    if parameters is None or (body is not None and not body.media_type):
        return None
    return Operation(
        _name(found, taken),
        _describe(found),
        found.method.upper(),
        here[0].url,
        found.path,
        parameters,
        body,
        _schema(parameters, body),
    )


def _schema(parameters: tuple[Parameter, ...], body: Body | None) -> Json:
    properties = {one.argument: one.schema for one in parameters}
    required = [one.argument for one in parameters if one.required]
    if body is not None:
        properties[body.argument] = body.schema
        required += [body.argument] if body.required else []
    return {"type": "object", "properties": properties, "required": required}


def _name(found: _Found, taken: Mapping[str, Operation]) -> str:
    """`operationId`, or method and path, of letters that every provider takes; no two are the same."""
    said = found.said.get("operationId")
    stem = re.sub(r"[^A-Za-z0-9]+", "_", f"{found.method} {found.path}").strip("_")
    if isinstance(said, str) and re.search(r"[A-Za-z0-9]", said):
        stem = re.sub(r"[^A-Za-z0-9_-]+", "_", said)
    stem = (stem if stem[0].isalpha() or stem[0] == "_" else f"_{stem}")[:_LONGEST_NAME]
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem[: _LONGEST_NAME - 4]}_{number}"
    return name


def _describe(found: _Found) -> str:
    texts = (found.said.get("summary"), found.said.get("description"))
    told = "\n".join(text.strip() for text in texts if isinstance(text, str) and text.strip())
    return (told or f"{found.method.upper()} {found.path}")[:_LONGEST_DESCRIPTION]


def _tool(operation: Operation) -> Json:
    function = {
        "name": operation.function,
        "description": operation.description,
        "parameters": operation.schema,
    }
    return {"type": "function", "function": function}
