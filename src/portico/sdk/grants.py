"""Signing in and out as calls: what goes to the Security API, as forms and never in an address.

Source: Security API reference, POST /oauth/access_token; RFC 6749, sections 4.3 and 6; RFC 7009.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from portico.sdk.call import LISTING_DEADLINE_S, Call, Repeat

CLIENT_ID, SCOPE = "portico", "gam_user_data gam_user_roles"
TOKEN, REVOKE, USER_INFO = "/oauth/access_token", "/oauth/revoke", "/openid/userinfo"


def password_call(email: str, password: str) -> Call:
    """An access and a refresh token for an address and its password."""
    return _form(TOKEN, {"grant_type": "password", "scope": SCOPE, "username": email, "password": password})


def refresh_call(refresh_token: str) -> Call:
    """New tokens for old ones. Never sent twice: a refresh token that comes twice ends its session."""
    return _form(TOKEN, {"grant_type": "refresh_token", "refresh_token": refresh_token})


def revoke_call(token: str) -> Call:
    """The end of a session, by its access or refresh token."""
    return _form(REVOKE, {"token": token})


def _form(path: str, members: Mapping[str, str]) -> Call:
    body = urlencode({"client_id": CLIENT_ID, **members}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Call("POST", path, (), headers, body, Repeat.NEVER, deadline_s=LISTING_DEADLINE_S, with_credentials=False)
