"""The page behind a set-up link, and the sign-in page of the authorization-code flow: small, ours, without assets."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from litestar import MediaType, Request, Response, get, post

from portico.server.access.sign_in.grants import check_request, make_code
from portico.server.access.sign_in.setup_links import Choice, follow_link
from portico.server.edge.pages import Page, setup_page, sign_in_page
from portico.server.edge.routes.auth import address_of, read_fields
from portico.server.edge.routes.reading import json_response, query_of, services_of
from portico.server.errors import Unauthorized

Req = Request[Any, Any, Any]
_ASKED = ("response_type", "client_id", "redirect_uri", "state", "scope", "code_challenge", "code_challenge_method")


@get("/setup", media_type=MediaType.HTML, summary="The page behind a set-up link")
async def show_setup(request: Req) -> Response[str]:
    return _html(setup_page())


@post("/setup", status_code=200, summary="Choose a password by a set-up link")
async def set_up(request: Req) -> Response[dict[str, Any]]:
    """`link` is what stood behind the `#`, or the whole link; `email` counts for the first administrator only."""
    fields, services = await read_fields(request), services_of(request)
    choice = Choice(
        fields.get("link", ""),
        fields.get("password", ""),
        fields.get("email", ""),
        fields.get("firstName", ""),
        fields.get("lastName", ""),
    )
    user = await follow_link(services.tenancy, services.sign_in.passwords, choice)
    return json_response({"id": user.user_id, "email": user.email})


@get("/oauth/gam/signin", media_type=MediaType.HTML, summary="The sign-in page of the authorization-code flow (PKCE)")
async def show_sign_in(request: Req) -> Response[str]:
    fields = query_of(request)
    check_request(fields, _hosts(request))
    return _html(sign_in_page(_asked(fields)))


@post("/oauth/gam/signin", status_code=200, summary="Sign in on the page; leads back with a code")
async def sign_in(request: Req) -> Response[Any]:
    fields, services = await read_fields(request), services_of(request)
    check_request(fields, _hosts(request))
    try:
        user = await services.sign_in.check_password(
            fields.get("username", ""), fields.get("password", ""), address_of(request)
        )
    except Unauthorized:
        return _html(sign_in_page(_asked(fields), "Wrong address or password."), 401)
    code = await make_code(services.sign_in, user, fields)
    back = {"code": code} | ({"state": fields["state"]} if fields.get("state") else {})
    joint = "&" if "?" in fields["redirect_uri"] else "?"
    headers = {"location": fields["redirect_uri"] + joint + urlencode(back), "cache-control": "no-store"}
    empty: Any = b""
    return Response(empty, status_code=303, headers=headers, media_type="text/plain")


def _hosts(request: Req) -> list[str]:
    named = services_of(request).settings.sign_in_hosts
    return [host.strip().lower() for host in named.split(",") if host.strip()]


def _asked(fields: Any) -> dict[str, str]:
    return {name: fields[name] for name in _ASKED if fields.get(name)}


def _html(page: Page, status_code: int = 200) -> Response[str]:
    headers = {
        "content-security-policy": page.policy,
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    return Response(page.html, status_code=status_code, headers=headers, media_type=MediaType.HTML)


ROUTES = (show_setup, set_up, show_sign_in, sign_in)
