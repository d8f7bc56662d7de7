"""Documents become functions: names, arguments, schemas; what is wrong is told with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from portico.server.assistants.api.openapi import Api, Operation, read_api
from portico.server.errors import FieldRequired, OutOfRange, PatternMismatch, PorticoError

OK: dict[str, Any] = {"responses": {}}


def document(paths: Any, **members: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "servers": [{"url": "https://api.example/v1/"}], "paths": paths, **members}


def body(schema: Any, media_type: str = "application/json", **members: Any) -> dict[str, Any]:
    return {"requestBody": {"content": {media_type: {"schema": schema}}, **members}}


def one(said: dict[str, Any], path: str = "/x", method: str = "post", **members: Any) -> Operation:
    api = read_api(document({path: {method: said}}, **members))
    assert len(api.operations) == 1
    return next(iter(api.operations.values()))


def tools(api: Api) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = [tool["function"] for tool in json.loads(bytes(api.tools))]
    return listed


def test_names_are_valid_and_no_two_are_the_same() -> None:
    long = "x" * 100
    paths = {
        "/a/{id}": {"get": {"operationId": "find it!"}, "post": OK, "put": {"operationId": long}},
        "/b": {"get": {"operationId": "find_it_"}, "post": {"operationId": "1st"}, "put": {"operationId": long + "y"}},
    }
    names = list(read_api(document(paths)).operations)
    assert names == ["find_it_", "x" * 64, "post_a_id", "find_it__2", "x" * 60 + "_2", "_1st"]


def test_parameters_of_path_and_operation() -> None:
    paths = {
        "/users/{id}/{undeclared}": {
            "parameters": [
                {"name": "id", "in": "path", "schema": {"type": "string"}},
                {"name": "fields", "in": "query", "schema": {"type": "string"}},
                {"name": "Authorization", "in": "header", "schema": {"type": "string"}},
            ],
            "get": {
                "summary": "Find.",
                "parameters": [
                    {"$ref": "#/components/parameters/Fields"},
                    {"name": "id", "in": "query", "schema": {"type": "integer"}},
                ],
            },
        }
    }
    fields = {"name": "fields", "in": "query", "required": True, "description": "Which.", "schema": {"type": "array"}}
    (tool,) = tools(read_api(document(paths, components={"parameters": {"Fields": fields}})))
    assert tool["description"] == "Find."
    assert tool["parameters"] == {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "fields": {"type": "array", "description": "Which."},
            "id_query": {"type": "integer"},
            "undeclared": {"type": "string"},
        },
        "required": ["id", "fields", "undeclared"],
    }


def test_references_are_filled_in_and_cycles_are_cut() -> None:
    node = {
        "type": "object",
        "required": ["next", "id"],
        "properties": {
            "id": {"type": "string", "readOnly": True},
            "next": {"$ref": "#/components/schemas/Node"},
            "odd~/name": {"$ref": "#/components/schemas/a~1b"},
        },
        "x-internal": True,
    }
    schemas = {"Node": node, "a/b": {"type": "integer", "minimum": 1, "exclusiveMinimum": True, "nullable": True}}
    operation = one(body({"$ref": "#/components/schemas/Node"}, required=True), components={"schemas": schemas})
    assert operation.schema["properties"]["body"] == {
        "type": "object",
        "required": ["next"],
        "properties": {"next": {"type": "object"}, "odd~/name": {"type": "integer", "exclusiveMinimum": 1}},
    }
    assert operation.schema["required"] == ["body"]


def test_a_schema_that_grows_without_end_is_bounded() -> None:
    """Each level names the next one twenty times."""
    schemas = {
        f"L{level}": {
            "type": "object",
            "properties": {f"p{i}": {"$ref": f"#/components/schemas/L{level + 1}"} for i in range(20)},
        }
        for level in range(12)
    }
    schemas["L12"] = {"type": "string"}
    api = read_api(
        document({"/x": {"post": body({"$ref": "#/components/schemas/L0"})}}, components={"schemas": schemas})
    )
    assert len(bytes(api.tools)) < 500_000


def test_the_nearest_server_is_called_and_variables_are_filled() -> None:
    server = {
        "url": "https://{region}.example/{base}/",
        "variables": {"region": {"default": "eu"}, "base": {"default": 2}},
    }
    paths = {
        "/a": {"get": {**OK, "servers": [server]}},
        "/b": {"servers": [{"url": "http://b.example"}], "get": OK},
        "/c": {"get": OK},
    }
    api = read_api(document(paths))
    assert [o.server for o in api.operations.values()] == [
        "https://eu.example/2",
        "http://b.example",
        "https://api.example/v1",
    ]
    assert {server.url for server in api.servers} == {o.server for o in api.operations.values()}


@pytest.mark.parametrize(
    ("said", "method"),
    [
        (OK, "trace"),
        (body({}, "multipart/form-data", required=True), "post"),
        ({"parameters": [{"name": "sid", "in": "cookie", "required": True}]}, "get"),
    ],
)
def test_what_cannot_be_called_from_here_is_left_out(said: dict[str, Any], method: str) -> None:
    api = read_api(document({"/x": {method: said}, "/y": {"get": OK}}))
    assert list(api.operations) == ["get_y"]
    with pytest.raises(PatternMismatch, match="no operation takes JSON"):
        read_api(document({"/x": {method: said}}))


def test_a_body_that_may_be_left_out_is() -> None:
    assert one(body({}, "text/csv")).body is None
    form = one(body({"type": "object"}, "application/x-www-form-urlencoded")).body
    assert form is not None and form.media_type == "application/x-www-form-urlencoded"
    patch = one(body({}, "application/merge-patch+json; charset=utf-8")).body
    assert patch is not None and patch.media_type == "application/merge-patch+json"


LOOP = {"a": {"$ref": "#/components/schemas/a"}}


@pytest.mark.parametrize(
    ("given", "kind", "place"),
    [
        ([], PatternMismatch, "openApi"),
        ({"swagger": "2.0"}, PatternMismatch, "openApi.openapi"),
        ({"openapi": 3}, PatternMismatch, "openApi.openapi"),
        ({"openapi": "3.0.0"}, FieldRequired, "openApi.paths"),
        (document({}), PatternMismatch, "openApi.paths"),
        (document({"x": {}}), PatternMismatch, "openApi.paths.x"),
        (document({"/x": []}), PatternMismatch, "openApi.paths./x"),
        (document({"/x": {"get": "x"}}), PatternMismatch, "openApi.paths./x.get"),
        (document({"/x": {"get": OK}}, servers=[]), FieldRequired, "openApi.servers"),
        (document({"/x": {"get": OK}}, servers={}), PatternMismatch, "openApi.servers"),
        (document({"/x": {"get": OK}}, servers=[{}]), PatternMismatch, "openApi.servers[0].url"),
        (document({"/x": {"get": OK}}, servers=[{"url": "ftp://x"}]), PatternMismatch, "openApi.servers[0].url"),
        (document({"/x": {"get": OK}}, servers=[{"url": "http://u:p@x"}]), PatternMismatch, "openApi.servers[0].url"),
        (document({"/x": {"get": OK}}, servers=[{"url": "http://x/?a=b"}]), PatternMismatch, "openApi.servers[0].url"),
        (document({"/x": {"get": OK}}, servers=[{"url": "http://x\r\ny"}]), PatternMismatch, "openApi.servers[0].url"),
        (document({"/x": {"get": OK}}, servers=[{"url": "http://{v}"}]), PatternMismatch,
         "openApi.servers[0].variables.v.default"),
        (document({"/x": {"get": {"parameters": {}}}}), PatternMismatch, "openApi.paths./x.get.parameters"),
        (document({"/x": {"get": {"parameters": [{}]}}}), PatternMismatch, "openApi.paths./x.get.parameters[0]"),
        (document({"/x": {"get": {"parameters": [{"name": "a b", "in": "header"}]}}}), PatternMismatch,
         "openApi.paths./x.get.parameters[0].name"),
        (document({"/x": {"post": {"requestBody": {}}}}), PatternMismatch, "openApi.paths./x.post.requestBody.content"),
        (document({"/x": {"post": body("x")}}), PatternMismatch,
         "openApi.paths./x.post.requestBody.content.application/json.schema"),
        (document({"/x": {"post": body({"$ref": "other.json"})}}), PatternMismatch,
         "openApi.paths./x.post.requestBody.content.application/json.schema.$ref"),
        (document({"/x": {"post": body({"$ref": "#/nowhere"})}}), PatternMismatch,
         "openApi.paths./x.post.requestBody.content.application/json.schema.$ref"),
        (document({"/x": {"post": body({"$ref": "#/components/schemas/a"})}}, components={"schemas": LOOP}),
         PatternMismatch, "openApi.paths./x.post.requestBody.content.application/json.schema.$ref"),
        (document({f"/{n}": {"get": OK} for n in range(129)}), OutOfRange, "openApi.paths"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(given: Any, kind: type[PorticoError], place: str) -> None:
    with pytest.raises(kind) as caught:
        read_api(given)
    assert caught.value.param == place
