"""The token check, tokens of projects (`/v2/projects/tokens`) and of the organization (`/v2/organization/tokens`)."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath

from portico.server.access import tokens
from portico.server.access.policy import require
from portico.server.edge.routes.reading import caller_of, json_response, read_object, services_of
from portico.server.errors import MethodNotAllowed, PatternMismatch
from portico.wire.tokens import ApiToken, ApiTokenChange, ApiTokenList, NewApiToken, TokenAccess

Req = Request[Any, Any, Any]
T = TypeVar("T")
ORGANIZATION = "/v2/organization/tokens"
BASES = ("/v2/projects/tokens", "/projects/tokens", "/v2/organization/projects/tokens")


def _paths(tail: str = "") -> list[str]:
    return [base + tail for base in BASES]


@get([f"{version}/accessControl/apitoken/validate" for version in ("/v1", "/v2")], summary="Check a token")
async def validate(request: Req) -> Response[TokenAccess]:
    caller = caller_of(request)
    require(caller, "token_check")
    return json_response(tokens.validate(caller))


@get("/v1/organization/project/{project_id:str}/tokens", summary="List the tokens of a project")
async def list_tokens(request: Req, project_id: FromPath[str]) -> Response[ApiTokenList]:
    found = await tokens.list_project_tokens(services_of(request).tenancy, caller_of(request), project_id)
    return json_response(found)


@get(_paths(), summary="List the tokens of the caller's project")
async def list_own_tokens(request: Req) -> Response[ApiTokenList]:
    if request.scope["state"]["open_end"]:  # a token without an id, as the reference server sees it
        raise MethodNotAllowed(headers={"Allow": "POST"})
    return json_response(await tokens.list_project_tokens(services_of(request).tenancy, caller_of(request)))


@post(_paths(), status_code=201, summary="Create a token of a project")
async def create_token(request: Req) -> Response[ApiToken]:
    """The answer's `id` is the secret; it is shown here and never again."""
    new = _read(NewApiToken, await read_object(request))
    expires_at = tokens.read_expiry(new.expires_at)
    made = await tokens.create_token(
        services_of(request).tenancy, caller_of(request), new.name, new.description, expires_at
    )
    return json_response(made, status_code=201)


@get(_paths("/{token_id:str}"), summary="Get a token")
async def get_token(request: Req, token_id: FromPath[str]) -> Response[ApiToken]:
    return json_response(await tokens.find_token(services_of(request).tenancy, caller_of(request), token_id))


@put(_paths("/{token_id:str}"), summary="Describe, block or unblock a token")
async def change_token(request: Req, token_id: FromPath[str]) -> Response[ApiToken]:
    change = _read(ApiTokenChange, await read_object(request))
    changed = await tokens.change_token(
        services_of(request).tenancy,
        caller_of(request),
        token_id,
        description=change.description,
        status=change.status,
        expires_at=change.expires_at,
    )
    return json_response(changed)


@delete(_paths("/{token_id:str}"), status_code=200, summary="Revoke a token for ever")
async def delete_token(request: Req, token_id: FromPath[str]) -> Response[dict[str, Any]]:
    await tokens.delete_token(services_of(request).tenancy, caller_of(request), token_id)
    return json_response({})


@get(ORGANIZATION, summary="List the tokens of the organization itself")
async def list_organization_tokens(request: Req) -> Response[ApiTokenList]:
    return json_response(await tokens.list_organization_tokens(services_of(request).tenancy, caller_of(request)))


@post(ORGANIZATION, status_code=201, summary="Create a token of the organization itself")
async def create_organization_token(request: Req) -> Response[ApiToken]:
    """The answer's `id` is the secret; it is shown here and never again."""
    new = _read(NewApiToken, await read_object(request))
    made = await tokens.create_organization_token(
        services_of(request).tenancy,
        caller_of(request),
        new.name,
        new.description,
        tokens.read_expiry(new.expires_at),
    )
    return json_response(made, status_code=201)


@get(f"{ORGANIZATION}/{{token_id:str}}", summary="Get a token of the organization itself")
async def get_organization_token(request: Req, token_id: FromPath[str]) -> Response[ApiToken]:
    tenancy, caller = services_of(request).tenancy, caller_of(request)
    return json_response(await tokens.find_token(tenancy, caller, token_id, of_organization=True))


@put(f"{ORGANIZATION}/{{token_id:str}}", summary="Describe, block or unblock a token of the organization itself")
async def change_organization_token(request: Req, token_id: FromPath[str]) -> Response[ApiToken]:
    change = _read(ApiTokenChange, await read_object(request))
    changed = await tokens.change_token(
        services_of(request).tenancy,
        caller_of(request),
        token_id,
        description=change.description,
        status=change.status,
        expires_at=change.expires_at,
        of_organization=True,
    )
    return json_response(changed)


@delete(f"{ORGANIZATION}/{{token_id:str}}", status_code=200, summary="Revoke a token of the organization for ever")
async def delete_organization_token(request: Req, token_id: FromPath[str]) -> Response[dict[str, Any]]:
    tenancy, caller = services_of(request).tenancy, caller_of(request)
    await tokens.delete_token(tenancy, caller, token_id, of_organization=True)
    return json_response({})


def _read(kind: type[T], members: dict[str, Any]) -> T:
    """Members of a body as the shape they should have; names in any case. Raises PatternMismatch with the field."""
    try:
        return msgspec.convert(members, kind)
    except msgspec.ValidationError as error:
        field = str(error).rpartition("`$.")[2].rstrip("`") or "body"
        raise PatternMismatch(field, "send a text") from None


ROUTES = (
    validate,
    list_tokens,
    list_own_tokens,
    create_token,
    get_token,
    change_token,
    delete_token,
    list_organization_tokens,
    create_organization_token,
    get_organization_token,
    change_organization_token,
    delete_organization_token,
)
