"""Secrets of a project, `/v1/secrets`: their values go in and never come out."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath

from portico.server.access import secrets
from portico.server.edge.routes.reading import caller_of, filters_of, json_response, read_object, services_of
from portico.wire.secrets import ProjectSecret, ProjectSecretList, SecretAccessList

Req = Request[Any, Any, Any]
PATH = "/v1/secrets"
ONE = PATH + "/{secret_id:str}"


@get(PATH, summary="List the secrets of the caller's project, without values")
async def list_secrets(request: Req) -> Response[ProjectSecretList]:
    """`name` and `id` match exactly; `start` (0) and `count` (10) page."""
    query = filters_of(request)
    return json_response(await secrets.list_all(services_of(request).tenancy, caller_of(request), query))


@post(PATH, status_code=201, summary="Make a secret")
async def create_secret(request: Req) -> Response[ProjectSecret]:
    body = await read_object(request)
    made = await secrets.create(services_of(request).tenancy, caller_of(request), body)
    return json_response(made, status_code=201)


@get(ONE, summary="Get a secret, without its value")
async def get_secret(request: Req, secret_id: FromPath[str]) -> Response[ProjectSecret]:
    return json_response(await secrets.find(services_of(request).tenancy, caller_of(request), secret_id))


@put(ONE, summary="Change a secret")
async def change_secret(request: Req, secret_id: FromPath[str]) -> Response[ProjectSecret]:
    """What is absent stays. One that is revoked cannot be changed."""
    body = await read_object(request)
    return json_response(await secrets.change(services_of(request).tenancy, caller_of(request), secret_id, body))


@delete(ONE, status_code=204, summary="Delete a secret for good")
async def delete_secret(request: Req, secret_id: FromPath[str]) -> None:
    await secrets.delete(services_of(request).tenancy, caller_of(request), secret_id)


@get(ONE + "/accesses", summary="Get the access list of a secret")
async def get_accesses(request: Req, secret_id: FromPath[str]) -> Response[SecretAccessList]:
    return json_response(await secrets.find_accesses(services_of(request).tenancy, caller_of(request), secret_id))


@post(ONE + "/accesses", status_code=200, summary="Set the access list of a secret")
async def set_accesses(request: Req, secret_id: FromPath[str]) -> Response[SecretAccessList]:
    body = await read_object(request)
    found = await secrets.replace_accesses(services_of(request).tenancy, caller_of(request), secret_id, body)
    return json_response(found)


ROUTES = (list_secrets, create_secret, get_secret, change_secret, delete_secret, get_accesses, set_accesses)
