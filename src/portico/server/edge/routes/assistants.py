"""Assistants and their revisions: `/v1/assistant`, `/v1/assistant/{id or name}`.

A name may hold slashes, so what is ours and not the reference's stands under `/v2/assistant/{id}/...`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath, FromQuery

from portico.server.edge.routes.reading import caller_of, filters_of, json_response, read_object, services_of
from portico.server.errors import AssistantNotFound, BadEndpoint, MethodNotAllowed, OutOfRange
from portico.wire.assistants import Assistant, RevisionDiff, RevisionHistory

Req = Request[Any, Any, Any]
Query = FromQuery[str | None]
ROOT = "/v1/assistant"
ONE = f"{ROOT}/{{assistant:path}}"
_STATUS, _EXTEND = "/status", "/datasets/extend"
OURS = "/v2/assistant/{assistant:path}"
_DIFF = "/diff"
_HISTORY = re.compile(r"(?P<name>.+)/revisions/(?P<revision>[^/]+)/history", re.DOTALL)


@post(ROOT, status_code=200, summary="Create an assistant")
async def create_assistant(request: Req) -> Response[Assistant]:
    body = await read_object(request)
    return json_response(await services_of(request).assistants.create(caller_of(request), body))


@get(ONE, summary="Get an assistant by its id or its name")
async def get_assistant(request: Req, assistant: FromPath[str], detail: Query = None) -> Response[Assistant]:
    """With its active revision; `detail=full` gives all revisions. `{id}/status` is for Data Analyst assistants."""
    full, name = _read_detail(filters_of(request)), _named(assistant)
    assistants, caller = services_of(request).assistants, caller_of(request)
    try:
        return json_response(await assistants.find(caller, name, full=full))
    except AssistantNotFound:
        if not name.endswith(_STATUS):
            raise
        await assistants.find_data(caller, name.removesuffix(_STATUS))


@post(ONE, status_code=200, summary="Add to the data sets of a Data Analyst assistant, at {id}/datasets/extend")
async def extend_datasets(request: Req, assistant: FromPath[str]) -> Response[dict[str, Any]]:
    name = _named(assistant)
    if not name.endswith(_EXTEND):
        raise MethodNotAllowed(headers={"Allow": "GET, PUT, DELETE"})
    await services_of(request).assistants.find_data(caller_of(request), name.removesuffix(_EXTEND))


@put(ONE, summary="Change an assistant, save or publish a revision")
async def change_assistant(request: Req, assistant: FromPath[str]) -> Response[Assistant]:
    body = await read_object(request)
    changed = await services_of(request).assistants.change(caller_of(request), _named(assistant), body)
    return json_response(changed)


@delete(ONE, status_code=200, summary="Delete an assistant and its revisions")
async def delete_assistant(request: Req, assistant: FromPath[str]) -> Response[dict[str, Any]]:
    await services_of(request).assistants.delete(caller_of(request), _named(assistant))
    return json_response({})


@get(OURS, summary="Compare two revisions of an assistant, or show what one has ever said")
async def get_words(request: Req, assistant: FromPath[str]) -> Response[RevisionDiff] | Response[RevisionHistory]:
    """`{id}/diff?from=1&to=2` compares; without numbers the active revision and the newest.

    `{id}/revisions/{revisionId}/history` tells what a revision has ever said, oldest first.
    """
    assistants, caller, name = services_of(request).assistants, caller_of(request), _named(assistant)
    if name.endswith(_DIFF):
        query = filters_of(request)
        before, after = (_read_number(query, member) for member in ("from", "to"))
        return json_response(await assistants.compare(caller, name.removesuffix(_DIFF), before, after))
    asked = _HISTORY.fullmatch(name)
    if asked is None:
        raise BadEndpoint
    number = _read_number({"revision": asked["revision"]}, "revision")
    assert number is not None
    return json_response(await assistants.history(caller, asked["name"], number))


def _named(path: str) -> str:
    """The framework hands over the rest of a path with the slash before it."""
    return path.removeprefix("/")


def _read_detail(query: Mapping[str, str]) -> bool:
    detail = query.get("detail", "summary").lower()
    if detail not in ("summary", "full"):
        raise OutOfRange("detail", "send summary or full")
    return detail == "full"


def _read_number(query: Mapping[str, str], name: str) -> int | None:
    value = query.get(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise OutOfRange(name, "send the number of a revision")
    return int(value)


ROUTES = (
    create_assistant,
    get_assistant,
    extend_datasets,
    change_assistant,
    delete_assistant,
    get_words,
)
