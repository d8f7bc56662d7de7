"""The Security API: `/oauth/access_token`, `/openid/userinfo`, and the same under the paths of the GAM client.

Open routes: who comes here has no token yet. The GAM paths answer refusals as OAuth 2.0 words them (RFC 6749, 5.2).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response, get, post

from portico.server.access.authenticate import read_credential
from portico.server.access.session_refusals import TokenMissing, TokenNotValid
from portico.server.access.sign_in.grants import grant, need
from portico.server.access.sign_in.refusals import UnsupportedGrant
from portico.server.edge.routes.reading import json_response, query_of, read_object, services_of
from portico.server.errors import BadEndpoint, BadInputText, PorticoError, Unauthorized
from portico.wire.auth import AccessToken, AuthenticationType, AuthenticationTypes, UserInfo

Req = Request[Any, Any, Any]
_NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


@post("/oauth/access_token", status_code=200, summary="Sign in, or refresh an access token")
async def access_token(request: Req) -> Response[AccessToken]:
    return await _grant(request, await read_fields(request), client_required=True)


@post(["/oauth/gam/access_token", "/oauth/gam/v2.0/access_token"], status_code=200, summary="Sign in (GAM)")
async def gam_access_token(request: Req) -> Response[Any]:
    return await _in_oauth_words(_grant, request, await read_fields(request))


@get("/oauth/gam/v2.0/access_token", summary="Sign in with a query, where the setting allows it")
async def access_token_by_query(request: Req) -> Response[AccessToken]:
    if not services_of(request).settings.sign_in_by_query:
        raise BadEndpoint(
            "Signing in by a query is switched off, because addresses are written to logs: "
            "send POST /oauth/access_token, or set PORTICO_SIGN_IN_BY_QUERY"
        )
    return await _grant(request, query_of(request), client_required=True)


@get("/openid/userinfo", summary="Whom an access token belongs to")
async def userinfo(request: Req) -> Response[UserInfo]:
    return await _user_info(request)


@get(["/oauth/gam/userinfo", "/oauth/gam/v2.0/userinfo"], summary="Whom an access token belongs to (GAM)")
async def gam_userinfo(request: Req) -> Response[Any]:
    return await _in_oauth_words(_user_info, request)


@post("/oauth/revoke", status_code=200, summary="Sign out: end the session of an access or refresh token")
async def revoke(request: Req) -> Response[dict[str, Any]]:
    await services_of(request).sign_in.sign_out(need(await read_fields(request), "token").strip())
    return json_response({})


@get("/v1/gam/authentication-types", summary="Ways to sign in")
async def authentication_types(request: Req) -> Response[AuthenticationTypes]:
    found = [AuthenticationType("local", "Local", "Address and password")]
    found += [AuthenticationType(issuer, "OpenIDConnect") for issuer in services_of(request).oidc.issuers]
    return json_response(AuthenticationTypes(found))


async def read_fields(request: Req) -> dict[str, str]:
    """A form or a JSON object, whatever content type was declared. Raises BadInputText."""
    body = await request.body()
    if body.lstrip()[:1] == b"{":
        members = await read_object(request)
        return {name: value for name, value in members.items() if isinstance(value, str)}
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=50))
    except ValueError:
        raise BadInputText("Bad Input Text: send a form or a JSON object") from None


def address_of(request: Req) -> str:
    return request.client.host if request.client is not None else ""


async def _grant(request: Req, fields: Mapping[str, str], *, client_required: bool = False) -> Response[AccessToken]:
    sign_in = services_of(request).sign_in
    made = await grant(sign_in, fields, address_of(request), client_required=client_required)
    return _private(made)


async def _user_info(request: Req) -> Response[UserInfo]:
    values = [value for name, value in request.scope["headers"] if name == b"authorization"]
    if not values or not values[0].strip():
        raise TokenMissing
    try:
        token = read_credential(values[0])
    except Unauthorized:
        raise TokenNotValid from None
    await services_of(request).oidc.verify_if_unknown(token)
    return _private(await services_of(request).sign_in.user_info(token))


def _private(value: Any) -> Response[Any]:
    response = json_response(value)
    response.headers.update(_NO_STORE)
    return response


async def _in_oauth_words(
    work: Callable[..., Awaitable[Response[Any]]], request: Req, *arguments: Any
) -> Response[Any]:
    try:
        return await work(request, *arguments)
    except PorticoError as error:
        if error.status >= 500:
            raise
        status, word = _oauth_word(error, work is _grant)
        body = msgspec.json.encode({"error": word, "error_description": error.message})
        headers = dict(_NO_STORE)
        if status == 401:
            headers["www-authenticate"] = f'Bearer error="{word}"'
        if error.retry_after_s is not None:
            headers["retry-after"] = str(max(1, round(error.retry_after_s)))
        encoded: Any = body
        return Response(encoded, status_code=status, headers=headers, media_type="application/json")


def _oauth_word(error: PorticoError, granting: bool) -> tuple[int, str]:
    if error.status == 429:
        return 429, "temporarily_unavailable"
    if isinstance(error, UnsupportedGrant):
        return 400, "unsupported_grant_type"
    if isinstance(error, Unauthorized):
        return (400, "invalid_grant") if granting else (401, "invalid_token")
    return 400, "invalid_request"


ROUTES = (
    access_token,
    gam_access_token,
    access_token_by_query,
    userinfo,
    gam_userinfo,
    revoke,
    authentication_types,
)
