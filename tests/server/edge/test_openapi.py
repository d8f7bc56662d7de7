"""What the OpenAPI document says of bodies: nothing is forgotten, nothing is named that no handler reads."""

from __future__ import annotations

import re
from typing import Any

import pytest
from litestar import Litestar

from portico.server.assistants import members as assistants
from portico.server.assistants.search.profiles import members as search
from portico.server.edge.http import ROUTES
from portico.server.edge.routes.openapi.bodies import BODIES, UPLOADS
from portico.server.edge.routes.openapi.schema import add_hot_paths
from portico.server.errors import PorticoError

AREAS = re.compile(r"(/v\d)?/(search|assistant|usageLimits|accessControl)(/|$)")
BODILESS = {
    ("put", "/v1/search/profile/{profile}/documents"),
    ("post", "/v1/assistant/request/{request_id}/cancel"),
    ("post", "/v1/assistant/text2img"),
    ("post", "/v1/assistant/{assistant}"),
}
"""What is asked for by its path alone, or not there yet."""


@pytest.fixture(scope="module")
def operations() -> dict[tuple[str, str], dict[str, Any]]:
    """Those of the document that take a body, by verb and path."""
    document = add_hot_paths(Litestar(ROUTES).openapi_schema.to_schema())
    found = {(verb, path): one for path, item in document["paths"].items() for verb, one in item.items()}
    return {key: one for key, one in found.items() if key[0] in ("post", "put", "patch")}


def test_every_body_of_search_assistants_limits_and_access_is_described(
    operations: dict[tuple[str, str], dict[str, Any]],
) -> None:
    asked = {key for key in operations if AREAS.match(key[1])}
    assert len(asked) > 25
    assert {key for key in asked if "requestBody" not in operations[key]} == BODILESS


def test_every_row_belongs_to_an_operation(operations: dict[tuple[str, str], dict[str, Any]]) -> None:
    served = {(verb, re.sub(r"^/v\d", "", path)) for verb, path in operations}
    assert BODIES.keys() | UPLOADS.keys() <= served


def names(schema: dict[str, Any], *path: str) -> set[str]:
    for name in path:
        schema = schema["properties"][name]
    return set(schema["properties"])


def test_settings_of_assistants_are_those_that_are_read() -> None:
    body = BODIES["post", "/assistant"]
    read = {*assistants._FLAGS, *assistants._NUMBERS, "maxTokens", "modelName", "providerName"}
    assert names(body, "llmSettings") == read
    assert set(body["properties"]["type"]["enum"]) == set(assistants.TYPES)
    assert tuple(BODIES["put", "/assistant/{assistant}"]["properties"]["action"]["enum"]) == assistants.ACTIONS


def test_options_of_profiles_are_those_that_are_read() -> None:
    body = BODIES["post", "/search/profile"]
    assert names(body, "searchOptions") == set(search._SEARCH_OPTIONS)
    assert names(body, "indexOptions") == set(search._INDEX_OPTIONS)
    options = body["properties"]["searchOptions"]
    assert set(options["properties"]["retriever"]["properties"]["type"]["enum"]) == set(search._RETRIEVERS)


def places(schema: dict[str, Any], *path: str) -> list[tuple[str, ...]]:
    """Where a schema has its values, member by member."""
    inner = schema.get("properties")
    if not inner:
        return [path]
    return [place for name in inner for place in places(inner[name], *path, name)]


def test_every_option_of_a_profile_is_looked_at() -> None:
    """What no reader knows is kept as it is; what one knows is refused when it is a list of lists."""
    body = BODIES["post", "/search/profile"]["properties"]
    found = [place for name in ("searchOptions", "indexOptions") for place in places(body[name], name)]
    assert len(found) > 40
    for place in found:
        value: Any = [[]]
        for name in reversed(place):
            value = {name: value}
        with pytest.raises(PorticoError):
            pytest.fail(f"{place} is not read: {search.read_new({'name': 'x', **value})}")
